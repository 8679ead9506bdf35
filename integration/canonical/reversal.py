"""The canonical reversal: an order that an ERP has taken back.

Clarity is not changed by it yet: it is listed for a person, once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from integration.canonical.values import Id, Strict, Text
from integration.errors import Hold

DECIDED = "Then close this with `fleet held resolve`."


class Reversal(Strict):
    """``kind`` is cancelled; ``number`` is that of the order in the ERP ``source``.

    ``carried`` is false for an order that Clarity has cancelled, too.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    kind = Text(required=True)
    carried = fields.Boolean(required=True)


def check_reversal(reversal: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:  # noqa: ARG001
    """Holds every reversal: Clarity cannot be changed by it, so a person decides."""
    number = reversal["number"] or reversal["id"]
    raise Hold(
        f"{number} is cancelled in the ERP, but Clarity has order {reversal['order_id'][:40]} open",
        hint="Cancel the order in Clarity, too; or, if it is still wanted, restore it in the ERP and send the "
        f"order again. {DECIDED}",
        code="cancelled_at_target",
    )
