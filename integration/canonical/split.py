"""A part of an order: what one of several targets carries of it, so that all parts add up to the order exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from integration.canonical.order import CANCELLED
from integration.canonical.rounding import tax_roundings

Order = dict[str, Any]


def part_with(order: Order, lines: Sequence[dict[str, Any]]) -> Order:
    """These lines, and nothing of what belongs to the order as a whole: the totals are the lines' own, unpaid."""
    subtotal = _sum(line["total"] for line in lines)
    tax = _sum(tax["amount"] for line in lines for tax in line["taxes"])
    totals = {
        "subtotal": subtotal,
        "discount": _sum(line["discount"] for line in lines),
        "shipping": Decimal(0),
        "fees": Decimal(0),
        "tax": tax,
        "grand_total": subtotal if order["tax_included"] else subtotal + tax,
        "gift_card": None,
        "balance_due": None,
    }
    of_the_whole: Order = {"shipping_lines": [], "fees": [], "discounts": [], "payments": []}
    rounding = "line" if order["tax_rounding"] == "order" else order["tax_rounding"]  # by the taxes its lines state
    return {**order, **of_the_whole, "lines": list(lines), "totals": totals, "tax_rounding": rounding}


def remainder(order: Order, lines: Sequence[dict[str, Any]], others: Sequence[Order]) -> Order:
    """These lines, and all that belongs to the order as a whole: each total is the order's less that of the others.

    So what the order's rounding of taxes has added or taken away is here, too.
    """
    totals = {
        name: _less(total, _sum(other["totals"][name] or Decimal(0) for other in others))
        for name, total in order["totals"].items()
    }
    part = {**order, "lines": list(lines), "totals": totals}
    if others and order["tax_rounding"] == "order":
        part["tax_roundings"] = sum(map(tax_roundings, others), tax_roundings(order))
    return part


def remaining(order: Order) -> Order:
    """The order without the lines that were removed from it, which Clarity shows with the quantity 0.

    A target whose order has such a line finds it gone, and takes it back.
    """
    lines = [line for line in order["lines"] if line["quantity"]]
    return order if len(lines) == len(order["lines"]) else {**order, "lines": lines}


def no_part(order: Order) -> Order:
    """Nothing of the order: for whoever has none of its lines, it is as good as cancelled, on whatever terms."""
    status = order["status"] if order["status"] in CANCELLED else "cancelled"
    return {**part_with(order, []), "status": status, "payment_terms": None}


def _less(total: Decimal | None, taken: Decimal) -> Decimal | None:
    return (total or Decimal(0)) - taken if taken else total


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
