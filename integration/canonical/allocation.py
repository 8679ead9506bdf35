"""Which lines of the order a shipment is of: what was shipped, counted against what was ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from integration.errors import Hold

Row = dict[str, Any]
Lines = dict[str | None, list[Row]]
LONGEST_SHOWN = 40
GRAIN = Decimal("0.00001")
"""What a quantity may be off that an ERP has turned from one unit into another: a sixth of a dozen has no end."""


def allocate(shipped: Sequence[Row], ordered: Sequence[Row]) -> list[Row]:
    """What is shipped of each line: rows {order_line_id, sku, quantity}, in the order of the lines.

    ``shipped`` are rows {key, sku, quantity} that may be marked as substitute, extra or uncounted, ``ordered`` the
    order's lines {id, sku, left, keys}.  A row with a key is of the line that has it among its keys.  One without fills
    up the lines of its SKU, one after the other, once all rows with a key are counted.  Rows of quantity zero are left
    out.

    Raises `Hold`, saying of what and how much, for a row that is marked, for what no line of the order explains, for
    a quantity below zero, and for more than is left of the lines.
    """
    taken: dict[str, Decimal] = defaultdict(Decimal)
    by_key, by_sku = by_name(ordered)
    for row in sorted(shipped, key=lambda row: row["key"] is None):
        if not row["quantity"]:
            continue
        lines = _lines_of(row, by_key, by_sku)
        _check_left(row, lines, taken)
        rest = row["quantity"]
        for line in lines:
            part = min(rest, _left(line) - taken[line["id"]])
            taken[line["id"]] += part
            rest -= part
    return [
        {"order_line_id": line["id"], "sku": line["sku"], "quantity": taken[line["id"]]}
        for line in ordered
        if taken[line["id"]]
    ]


def by_name(ordered: Sequence[Row]) -> tuple[Lines, Lines]:
    """The lines of the order by each of their keys, and by the SKU of those that have one."""
    by_key: Lines = defaultdict(list)
    by_sku: Lines = defaultdict(list)
    for line in ordered:
        if line["sku"] is not None:
            by_sku[line["sku"]].append(line)
        for key in dict.fromkeys(line["keys"]):
            by_key[key].append(line)
    return by_key, by_sku


def _lines_of(row: Row, by_key: Lines, by_sku: Lines) -> list[Row]:
    key, shipped = row["key"], f"{_are(row['quantity'], _what(row))} shipped"
    if row.get("substitute"):
        raise _hold(f"another product than ordered: {shipped} as a substitute", "substitute")
    if row.get("extra"):
        raise _hold(f"shipped more than ordered: {shipped} beyond the order", "overshipped")
    if row.get("uncounted"):
        raise _hold(f"a kit whose parts make other sets than Odoo counts: {shipped} by Odoo's count", "kit_uncounted")
    if row["quantity"] < 0:
        raise _hold(f"{shipped}, which is below zero", "quantity")
    found = by_sku.get(row["sku"], []) if key is None else by_key.get(key, [])
    if not found:
        if key is None and row["sku"] is None:
            raise _hold(f"not ordered: {shipped}, and nothing says which line of the order it is of", "not_ordered")
        rule = "with this SKU" if key is None else f"with the key {_short(key)!r}"
        raise _hold(f"not ordered: {shipped}, but the order has no line {rule}", "not_ordered")
    return found


def _check_left(row: Row, lines: list[Row], taken: dict[str, Decimal]) -> None:
    left = sum((_left(line) for line in lines), Decimal(0))
    wanted = sum((taken[line["id"]] for line in lines), row["quantity"])
    if wanted > left + GRAIN:
        of = f"line{'s' if len(lines) > 1 else ''} {_short(', '.join(line['id'] for line in lines))}"
        raise _hold(
            f"shipped more than ordered: {_are(wanted, _what(row))} shipped, but only {_are(left)} left of {of}",
            "overshipped",
        )


def _left(line: Row) -> Decimal:
    return max(Decimal(line["left"]), Decimal(0))


def _hold(reason: str, code: str) -> Hold:
    hint = "If it was really shipped, enter it in Clarity by hand; if not, correct {origin}. {again}"
    return Hold(reason, hint=hint, code=code)


def _are(quantity: Decimal, of: str = "") -> str:
    return f"{quantity.normalize():f}{of} {'is' if quantity == 1 else 'are'}"


def _what(row: Row) -> str:
    return f" of {_short(row['sku'])}" if row["sku"] else " of a product without SKU"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
