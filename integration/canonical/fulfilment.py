"""How far an order has come, over all the targets that carry parts of it.

What counts is what has left per line and what was billed and paid, never the status that one of the ERPs gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Any

from integration.canonical.allocation import GRAIN
from integration.canonical.money import EXACT

Document = dict[str, Any]
NOT_SHIPPED = ("digital", "service", "gift_card")


class Stage(IntEnum):
    """The stages of an order, each of which it enters once."""

    POSTED = 0
    PARTLY_SHIPPED = 1
    SHIPPED = 2
    COMPLETED = 3

    @property
    def word(self) -> str:
        """As workflows write it: "partly_shipped"."""
        return self.name.lower()


@dataclass(frozen=True)
class TargetProgress:
    """What one target carries of an order, and how far it is there; quantities by line, of lines that ship.

    ``billed`` is true when nothing is left to be invoiced and all invoices are paid.  An ``empty`` part has no line of
    the order at all, not even one that does not ship.  What came ``back`` may be sent again, or not.
    """

    carried: dict[str, Decimal]
    shipped: dict[str, Decimal]
    billed: bool
    empty: bool = False
    back: dict[str, Decimal] = field(default_factory=dict)

    @property
    def all_shipped(self) -> bool:
        """Whether all of it is away."""
        return self.has_left(back=self.back)

    def has_left(self, *, back: Mapping[str, Decimal]) -> bool:
        """Whether all of it is away, or has been away, but for what came ``back``."""
        return all(
            self.shipped.get(line, Decimal(0)) - back.get(line, Decimal(0)) + GRAIN >= quantity
            for line, quantity in self.carried.items()
        )

    @property
    def closed(self) -> bool:
        """Nothing more is to be expected from this target."""
        return self.has_left(back={}) and self.billed


def carried(part: Document, rounding: Decimal, *, copy: bool = False) -> Document:
    """What a target takes on with an order's part, as it is kept: ids, quantities and sums, amounts as text.

    ``rounding`` is there only where a rounding line carries some of the amount, and ``conversion`` where the order was
    converted: its later versions are converted by the same.  With a ``copy`` for the books it takes
    on nothing.
    """
    if copy:
        return {"lines": [], "amount": "0", "currency": part["currency"], "copy": True}
    if part["status"] in ("cancelled", "void"):
        return {"lines": [], "amount": "0", "currency": part["currency"]}
    lines = [
        {"id": line["id"], "sku": line["sku"], "quantity": str(line["quantity"]), "ships": _ships(line)}
        for line in part["lines"]
    ]
    kept = {"lines": lines, "amount": str(part["totals"]["grand_total"]), "currency": part["currency"]}
    if rounding:
        kept["rounding"] = str(rounding)
    if conversion := part.get("conversion"):
        kept["conversion"] = {name: str(value) for name, value in conversion.items() if name != "rounded"}
    return kept


def progress_of(
    carried: Document, shipments: Iterable[Document], invoices: Sequence[Document], returned: Iterable[Document] = ()
) -> TargetProgress:
    """One target's part, from what it carries, the shipments and invoices it has made of it, and what came back."""
    wanted = {line["id"]: Decimal(line["quantity"]) for line in carried["lines"] if line["ships"]}
    valid = [invoice for invoice in invoices if invoice["status"] != "void"]
    billed = any(invoice["complete"] for invoice in valid) and all(each["status"] == "paid" for each in valid)
    empty = not carried["lines"]
    return TargetProgress(wanted, _sums(shipments), billed or empty, empty, _sums(returned))


def stage_of(parts: Sequence[TargetProgress], *, awaited: bool = False, had_left: bool = False) -> Stage:
    """The stage that all parts together have come to; ``awaited`` when a target has yet to take on its part.

    Where all ``had_left`` before, what came back since keeps no order open: it may never be sent again.

    One of which nothing ships (downloads, services) stays posted until it is billed and paid: then it is completed.
    """
    if awaited or not all(part.has_left(back={} if had_left else part.back) for part in parts):
        has_shipped = any(quantity for part in parts for quantity in part.shipped.values())
        return Stage.PARTLY_SHIPPED if has_shipped else Stage.POSTED
    if all(part.empty for part in parts):
        return Stage.POSTED
    if all(part.billed for part in parts):
        return Stage.COMPLETED
    return Stage.SHIPPED if any(part.carried for part in parts) else Stage.POSTED


def entered(before: Stage, now: Stage) -> tuple[Stage, ...]:
    """The stages to report, in their order; a partial shipment is not reported once all has left.

    >>> entered(Stage.POSTED, Stage.COMPLETED)
    (<Stage.SHIPPED: 2>, <Stage.COMPLETED: 3>)
    >>> entered(Stage.SHIPPED, Stage.PARTLY_SHIPPED)
    ()
    """
    return tuple(stage for stage in Stage if before < stage <= now and (stage != Stage.PARTLY_SHIPPED or now == stage))


def _sums(parts: Iterable[Document]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for part in parts:
        for line, quantity in part["lines"].items():
            sums[line] = EXACT.add(Decimal(quantity), sums.get(line, Decimal(0)))
    return sums


def _ships(line: Document) -> bool:
    if line["requires_shipping"] is not None:
        return bool(line["requires_shipping"])
    return line["kind"] not in NOT_SHIPPED
