"""The canonical returned goods: what an ERP has received back of one order in one go, and of which of its lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from integration.canonical.allocation import GRAIN, by_name
from integration.canonical.values import Amount, Id, Rows, Strict, Text, Time
from integration.errors import Hold

Row = dict[str, Any]
HINT = "See what came back. Correct {origin}; or enter in Clarity by hand what came back. {again}"
LONGEST_SHOWN = 40


class ReturnedLine(Strict):
    """How much of a line of the order came back; ``order_line_id`` and ``sku`` are the order's."""

    order_line_id = Id(required=True)
    sku = Text()
    quantity = Amount(required=True)


class ReturnedGoods(Strict):
    """``id`` is the installation and their id there ("odoo-1/17"), ``source`` the installation, ``number`` theirs.

    ``return_id`` is the return of Clarity's that it belongs to; None for goods that came back without one.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    return_id = Id()
    source = Text(required=True)
    number = Text()
    received_at = Time()
    lines = Rows(ReturnedLine)


def check_returned_goods(goods: Row, approves: Callable[[Hold], bool] = lambda _: False) -> None:  # noqa: ARG001
    """Passes what can be sent to Clarity as it is; raises `Hold` for nothing, and for what is not above zero."""
    if not goods["lines"]:
        raise Hold("goods came back, but nothing of the order is among them", hint=HINT, code="no_lines")
    for line in goods["lines"]:
        if line["quantity"] <= 0:
            reason = f"{line['quantity']:f} of line {line['order_line_id'][:LONGEST_SHOWN]} came back: not above zero"
            raise Hold(reason, hint=HINT, code="quantity")


def came_back(received: Sequence[Row], ordered: Sequence[Row]) -> list[Row]:
    """What came back of each line: rows {order_line_id, sku, quantity}, in the order of the lines.

    ``received`` are rows {key, sku, quantity} that may be marked as uncounted, ``ordered`` the order's lines {id, sku,
    left, keys}, where ``left`` is what was sent and has not come back.  Which line a row is of is found as for a
    shipment (`allocation.allocate`).

    Raises `Hold` for what no line explains, for parts of a kit, and for more than was sent.
    """
    by_key, by_sku = by_name(ordered)
    taken: dict[str, Decimal] = defaultdict(Decimal)
    for row in sorted(received, key=lambda row: row["key"] is None):
        if row.get("uncounted"):
            raise Hold(f"parts of a kit came back: {_what(row)}", hint=HINT, code="kit_uncounted")
        lines = by_sku.get(row["sku"], []) if row["key"] is None else by_key.get(row["key"], [])
        if not lines:
            raise Hold(f"{_what(row)} came back, and the order has no such line", hint=HINT, code="not_ordered")
        rest = row["quantity"]
        for line in lines:
            part = min(rest, max(Decimal(line["left"]), Decimal(0)) - taken[line["id"]])
            taken[line["id"]] += part
            rest -= part
        if rest > GRAIN:
            reason = f"more came back than was sent: {_what(row)}, of which {rest.normalize():f} never left"
            raise Hold(reason, hint=HINT, code="more_than_sent")
    return [
        {"order_line_id": line["id"], "sku": line["sku"], "quantity": taken[line["id"]]}
        for line in ordered
        if taken[line["id"]]
    ]


def _what(row: Row) -> str:
    of = (row["sku"] or "a product without SKU")[:LONGEST_SHOWN]
    return f"{row['quantity'].normalize():f} of {of}"
