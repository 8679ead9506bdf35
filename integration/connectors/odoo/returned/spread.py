"""Which deliveries goods come back of: what of each has left, and is not on its way back by another return."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from integration.canonical.allocation import GRAIN
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.external import find, our_names, xmlid
from integration.connectors.odoo.order.rows import uom_field
from integration.connectors.odoo.shipment.delivered import TO_CUSTOMERS
from integration.errors import Hold, Needs
from integration.message import external_id

Row = dict[str, Any]
LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Part:
    """How much of a line of the return comes back of one move that has left, in the move's unit."""

    line: str
    location: str
    move: Row
    quantity: Decimal


class Sent:
    """What Odoo has delivered of the return's order, move by move.

    With ``upto`` a transfer's id: as that transfer sees it, to whom drafts that were made later do not matter.
    """

    def __init__(
        self, client: Client, catalog: Catalog, document: Document, work: Work, *, upto: int | None = None
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._upto = upto

    def line(self, id: str) -> Row:
        """The line of the sale order; `Hold` for one that the order does not have there."""
        found = self._lines.get(external_id("order_line", self._document["order"], id))
        if found is None:
            raise Hold(
                f"the order has no line {id[:LONGEST_SHOWN]!r} in Odoo",
                hint="Correct {origin}, so that it names lines of its order. {again}",
                code="unknown_line",
            )
        return found

    @property
    def pickings(self) -> list[int]:
        return sorted({move["picking_id"][0] for move in self.moves})

    @cached_property
    def moves(self) -> list[Row]:
        """What has left, the first first, each with how much of it is ``left`` to come back."""
        taken: dict[int, Decimal] = defaultdict(Decimal)
        for back in self.returned:
            if self._upto is None or back["state"] != "draft" or back["picking_id"][0] <= self._upto:
                taken[back["origin_returned_move_id"][0]] += back["moved"]
        return [{**move, "left": move["moved"] - taken[move["id"]]} for move in self._left]

    @property
    def returned(self) -> list[Row]:
        """The moves that bring it back, done or not; without those that are cancelled."""
        return [row for row in self.back if row["state"] != "cancel"]

    @cached_property
    def back(self) -> list[Row]:
        """All moves that were to bring it back."""
        ids = [move["id"] for move in self._left]
        if not ids:
            return []
        domain = [["origin_returned_move_id", "in", ids], ["picking_id", "!=", False]]
        fields = ["picking_id", "origin_returned_move_id", "sale_line_id", "state", "quantity", "product_uom_qty"]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id")
        return [
            {**row, "moved": exact(row["quantity" if row["state"] == "done" else "product_uom_qty"])} for row in rows
        ]

    @cached_property
    def _left(self) -> list[Row]:
        ids = sorted(line["id"] for line in self._lines.values())
        if not ids:
            return []
        domain = [["sale_line_id", "in", ids], ["state", "=", "done"], ["picking_id", "!=", False]]
        fields = ["picking_id", "picking_code", "product_id", "product_uom", "sale_line_id", "quantity"]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="date, id")
        return [{**row, "moved": exact(row["quantity"])} for row in rows if row["picking_code"] in TO_CUSTOMERS]

    @cached_property
    def _lines(self) -> dict[str, Row]:
        key = self._document["order"]
        order = self._work.known("order", key) or find(self._client, xmlid("order", key))
        if order is None:
            raise Needs("order", key)
        uom = uom_field(self._catalog.fields("sale.order.line"))
        rows = self._client.call(
            "sale.order.line", "search_read", domain=[["order_id", "=", int(order)]], fields=["product_id", uom]
        )
        names = our_names(self._client, "sale.order.line", [row["id"] for row in rows])
        return {
            names[row["id"]]: {"id": row["id"], "product": row["product_id"][0], "uom": row[uom][0]}
            for row in rows
            if row["id"] in names and row["product_id"]
        }


def spread(lines: list[Document], sent: Sent, catalog: Catalog) -> list[Part]:
    """The return's lines over what has left, the first delivery first.

    Raises `Hold` for more than was delivered and is not on its way back, and for a kit, which was moved as its parts.
    """
    left = {move["id"]: move["left"] for move in sent.moves}
    parts = []
    for line in lines:
        of = sent.line(line["order_line_id"])
        rest: Decimal = line["quantity"]
        own = [move for move in sent.moves if move["sale_line_id"][0] == of["id"]]
        if any(move["product_id"][0] != of["product"] for move in own):
            raise _by_hand(line, "left as other products than were ordered, as a kit does", "kit")
        for move in own:
            unit = move["product_uom"][0]
            wanted = catalog.converted(rest, of["uom"], unit)
            quantity = min(wanted, left[move["id"]])
            if quantity > GRAIN:
                left[move["id"]] -= quantity
                rest -= catalog.converted(quantity, unit, of["uom"])
                parts.append(Part(line["key"], line["location"], move, quantity))
        if rest > GRAIN:
            raise _too_much(line, rest, nothing_left=not own)
    return parts


def _too_much(line: Document, rest: Decimal, *, nothing_left: bool) -> Hold:
    what = f"{line['quantity'].normalize():f} of line {line['order_line_id'][:LONGEST_SHOWN]}"
    if nothing_left:
        return Hold(
            f"{what} is to come back, and Odoo has delivered nothing of it yet",
            hint="Deliver the order in Odoo first, then replay this; or correct {origin}.",
            code="not_delivered",
        )
    return Hold(
        f"{what} is to come back, which is {rest.normalize():f} more than Odoo has delivered and not taken back",
        hint="Correct {origin}; or see in Odoo which return has the goods already. {again}",
        code="more_than_delivered",
    )


def _by_hand(line: Document, why: str, code: str) -> Hold:
    return Hold(
        f"line {line['order_line_id'][:LONGEST_SHOWN]} {why}",
        hint="Make the return in Odoo by hand (Inventory, the delivery, Return), and close this with "
        "`fleet held resolve`.",
        code=code,
    )
