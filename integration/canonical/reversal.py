"""The canonical reversal: goods of an order that an ERP has taken back.

Clarity is not changed by it yet: it is listed for a person, once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from integration.canonical.values import Amount, Id, Rows, Strict, Text
from integration.errors import Hold

LONGEST_SHOWN = 5
DECIDED = "Then close this with `fleet held resolve`."


class ReversedLine(Strict):
    """How much of a product came back."""

    sku = Text()
    quantity = Amount(required=True)


class Reversal(Strict):
    """``kind`` is returned; ``number`` is that of the transfer in the ERP ``source``.

    ``carried`` is false for an order that Clarity has cancelled, too.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    kind = Text(required=True)
    carried = fields.Boolean(required=True)
    lines = Rows(ReversedLine)


def check_reversal(reversal: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:  # noqa: ARG001
    """Holds every reversal: Clarity cannot be changed by it, so a person decides."""
    number = reversal["number"] or reversal["id"]
    lines = [
        f"{line['quantity'].normalize():f} of {line['sku'] or 'a product without SKU'}" for line in reversal["lines"]
    ]
    more = " …" if len(lines) > LONGEST_SHOWN else ""
    raise Hold(
        f"goods of order {reversal['order_id'][:40]} came back with {number}: {', '.join(lines[:LONGEST_SHOWN])}{more}",
        hint=f"Enter the return, and a refund where one is due, in Clarity by hand. {DECIDED}",
        code="returned_at_target",
    )
