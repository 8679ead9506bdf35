"""The audit: what people did, written in the transaction in which they did it.

``detail`` holds ids, codes and the names of fields, never what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from integration.store.database import Row, Transaction


def note(tx: Transaction, who: str, action: str, deliveries: Sequence[int | None], **detail: object) -> None:
    """Writes down an action, once for each delivery; None for one that concerns no delivery."""
    tx.run(
        """insert into audit (who, action, delivery, detail)
           select %s, %s, delivery, %s from unnest(%s::bigint[]) as delivery""",
        who,
        action,
        json.dumps(detail),
        list(deliveries),
    )


def entries(tx: Transaction, *, delivery: int | None, who: str | None, action: str | None, limit: int) -> list[Row]:
    """The newest entries: ``{id, at, who, action, delivery, detail}``."""
    return tx.rows(
        """select id, at, who, action, delivery, detail from audit
           where (%(delivery)s::bigint is null or delivery = %(delivery)s)
           and (%(who)s::text is null or who = %(who)s) and (%(action)s::text is null or action = %(action)s)
           order by id desc limit %(limit)s""",
        {"delivery": delivery, "who": who, "action": action, "limit": limit},
    )
