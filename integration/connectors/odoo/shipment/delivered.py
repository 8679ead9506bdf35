"""How much of a sale line each transfer has delivered, where its moves alone do not say: kits, and more than ordered.

A kit (a bill of materials of type phantom, app Manufacturing) is sold as one line and moved as its parts; every move
of a part has the ``bom_line_id``.  A set counts as delivered with the transfer that completes it, as Odoo itself counts
(``qty_delivered``, Odoo 19: the part of which the fewest sets have left, rounded down).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from integration.canonical.allocation import GRAIN
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact

Row = dict[str, Any]
Span = tuple[Decimal, Decimal]
TO_CUSTOMERS = ("outgoing", "dropship")
"""Types of transfers that deliver; the latter comes with the app for dropshipping."""
BACK = "incoming"


@dataclass(frozen=True)
class SaleLine:
    """What a move was made for; ``key`` is None where the line is not ours.  Quantities are in the unit ``uom``."""

    sale: tuple[int, str]
    product: int
    uom: int
    key: str | None
    ordered: Decimal
    delivered: Decimal


@dataclass(frozen=True)
class Part:
    """What one transfer has delivered of a line, in the line's unit.

    ``counts`` is of what was ordered, ``extra`` is beyond it.  ``certain`` is false where the parts of a kit make other
    sets than Odoo counts.
    """

    counts: Decimal
    extra: Decimal
    certain: bool


class Delivered:
    """Counts what all transfers of a sale line have delivered, one after the other."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def parts(self, lines: Mapping[int, SaleLine]) -> dict[tuple[int, int], Part]:
        """By transfer and line; without what left as another product than the line's and is no part of a kit."""
        moves: dict[int, list[Row]] = defaultdict(list)
        for move in self._moves(lines) if lines else ():
            moves[move["sale_line_id"][0]].append(move)
        found = {}
        for id, line in lines.items():
            away = [move for move in moves[id] if move["picking_code"] in TO_CUSTOMERS]
            is_kit = any(is_part_of_kit(move, line) for move in away)
            spans = self._sets(line, away) if is_kit else self._sums(line, moves[id])
            came_back = any(move["picking_code"] == BACK and move["moved"] for move in moves[id])
            certain = (
                not is_kit
                or came_back
                or _same(line.delivered, max((after for _, after in spans.values()), default=Decimal(0)))
            )
            for transfer, (before, after) in spans.items():
                upto = line.ordered if line.key else after  # a line that was added in Odoo orders nothing
                counts = min(after, upto) - min(before, upto)
                extra = after - before - counts
                found[transfer, id] = Part(counts if certain else counts or line.delivered, extra, certain)
        return found

    def _moves(self, lines: Iterable[int]) -> list[Row]:
        """All moves of these lines that are not cancelled, by when their transfer was done."""
        known = self._catalog.fields("stock.move")
        moved = "quantity" if "quantity" in known else "quantity_done"
        fields = ["picking_id", "picking_code", "product_id", "product_uom", "sale_line_id", "state", "date"]
        fields += ["product_uom_qty", moved, *({"bom_line_id"} & known)]
        domain = [["sale_line_id", "in", sorted(lines)], ["state", "!=", "cancel"], ["picking_id", "!=", False]]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id")
        for row in rows:
            row["moved"] = exact(row[moved]) if row["state"] == "done" else Decimal(0)
        done = {row["picking_id"][0]: row["date"] for row in rows if row["moved"]}
        return sorted(rows, key=lambda row: (done.get(row["picking_id"][0], row["date"]), row["picking_id"][0]))

    def _sums(self, line: SaleLine, moves: list[Row]) -> dict[int, Span]:
        """How much was away before and after each transfer that delivers: what came back may leave once more."""
        spans: dict[int, Span] = {}
        total = Decimal(0)
        for move in moves:
            if move["product_id"][0] != line.product or not move["moved"]:
                continue
            quantity = self._catalog.converted(move["moved"], move["product_uom"][0], line.uom)
            if move["picking_code"] == BACK:
                total = max(total - quantity, Decimal(0))
            elif move["picking_code"] in TO_CUSTOMERS:
                before, _ = spans.get(move["picking_id"][0], (total, total))
                total += quantity
                spans[move["picking_id"][0]] = before, total
        return spans

    def _sets(self, line: SaleLine, moves: list[Row]) -> dict[int, Span]:
        """How many whole sets had left before and after each transfer.

        How much of a part makes a set is what all its moves were to bring, over the sets that were ordered: a move
        keeps its demand, however much of it leaves (Odoo 19).
        """
        own = self._catalog.own_uom(line.product)
        sets = self._catalog.converted(line.ordered, line.uom, own)
        demand: dict[int, Decimal] = defaultdict(Decimal)
        for move in moves:
            if is_part_of_kit(move, line):
                demand[move["bom_line_id"][0]] += exact(move["product_uom_qty"])
        spans: dict[int, Span] = {}
        total = Decimal(0)
        left: dict[int, Decimal] = defaultdict(Decimal)
        for move in moves:
            if is_part_of_kit(move, line) and move["moved"]:
                left[move["bom_line_id"][0]] += move["moved"]
                fewest = min(left[part] * sets / needed if needed else Decimal(0) for part, needed in demand.items())
                whole = (fewest + GRAIN).to_integral_value(ROUND_FLOOR)
                before, _ = spans.get(move["picking_id"][0], (total, total))
                total = self._catalog.converted(whole, own, line.uom)
                spans[move["picking_id"][0]] = before, total
        return spans


def is_part_of_kit(move: Row, line: SaleLine) -> bool:
    """Whether the move brings a part of the kit that the line is."""
    return bool(move.get("bom_line_id")) and move["product_id"][0] != line.product


def _same(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= GRAIN
