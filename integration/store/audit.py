"""The audit: what people did, written in the transaction in which they did it.

``detail`` holds ids, codes and the names of fields, never what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from integration.store.conditions import LAST, Selected, on_audit
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


def entries(
    tx: Transaction, chosen: Selected, *, who: str | None, action: str | None, limit: int, before: int = LAST
) -> list[Row]:
    """The newest entries, those ``before`` an id: ``{id, at, who, action, delivery, detail}``.

    ``chosen`` has the ids of the deliveries that they are about, or what these have; times are about when it was done.
    """
    where, values = on_audit(chosen)
    return tx.rows(
        f"""select a.id, a.at, a.who, a.action, a.delivery, a.detail from audit a
            where {where} and (%(who)s::text is null or a.who = %(who)s)
            and (%(action)s::text is null or a.action = %(action)s) and a.id < %(before)s
            order by a.id desc limit %(limit)s""",
        {**values, "who": who, "action": action, "limit": limit, "before": before},
    )


def of_deliveries(tx: Transaction, deliveries: Sequence[int]) -> list[Row]:
    """All that was done to these deliveries, in its order."""
    return tx.rows(
        "select at, who, action, delivery, detail from audit where delivery = any (%s::bigint[]) order by id",
        list(deliveries),
    )
