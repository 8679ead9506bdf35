"""What left Odoo's stock: done transfers to customers (``stock.picking``) of orders of ours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Change, Document, Page
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import our_names, our_orders
from integration.connectors.odoo.recent import Row, changed
from integration.connectors.odoo.rows import uom_field
from integration.connectors.odoo.values import exact, moment, text

LEFT: list[Any] = [
    ["state", "=", "done"],
    ["picking_type_code", "in", ["outgoing", "dropship"]],  # the latter comes with the app for dropshipping
    ["sale_id", "!=", False],
]
FIELDS = ("name", "state", "date_done", "backorder_id", "sale_id")
WITH_DELIVERIES = ("carrier_id", "carrier_tracking_ref")
"""Fields that come with the app for deliveries."""

Sale = tuple[int, str]
"""Id and name of a sale order."""
Shipped = tuple[str | None, str | None, bool]
"""Key of the sale line, SKU, and whether the product is another than the sale line's."""


@dataclass(frozen=True)
class SaleLine:
    """What a move was made for; ``key`` is None where the line is not ours."""

    sale: Sale
    product: int
    uom: int
    key: str | None


class Pickings:
    """The stream of ``shipment.changed``: one for each transfer, or one per order where a transfer covers several."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def page(self, since: datetime, page: Document | None) -> Page:
        """What left, and what changed after it had left; nothing where Odoo keeps no stock of what it sells."""
        known = self._catalog.fields("stock.picking")
        if "sale_id" not in known:
            return Page((), None, None)
        fields = [*FIELDS, *(field for field in WITH_DELIVERIES if field in known)]
        batch = changed(self._client, "stock.picking", LEFT, fields, since, page)
        return Page(tuple(self._changes(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def _changes(self, rows: list[Row]) -> Iterator[Change]:
        pickings = {row["id"]: row for row in rows}
        shipped = self._shipped(pickings)
        ours = our_orders(self._client, {order for _, (order, _) in shipped})
        sales = Counter(picking for picking, _ in shipped)
        for (id, (order, sale)), lines in shipped.items():
            if order not in ours:
                continue
            picking = pickings[id]
            document = {**_header(picking), "sale": sale, "lines": _lines(lines)}
            theirs = f"{id}/{order}" if sales[id] > 1 else str(id)
            at = moment(picking["write_date"])
            yield Change("shipment.changed", theirs, at, picking["name"], str(order), ours[order], document)

    def _shipped(self, pickings: Mapping[int, Row]) -> dict[tuple[int, Sale], dict[Shipped, Decimal]]:
        """What left with each transfer for each sale order; what was added in stock is for the transfer's own."""
        moves = self._moves(pickings)
        lines = self._sale_lines({move["sale_line_id"][0] for move in moves if move["sale_line_id"]})
        skus = self._skus({move["product_id"][0] for move in moves})
        own = {id: _sale(picking["sale_id"]) for id, picking in pickings.items()}
        shipped: dict[tuple[int, Sale], dict[Shipped, Decimal]] = {each: defaultdict(Decimal) for each in own.items()}
        for move in moves:
            picking = move["picking_id"][0]
            line = lines.get(move["sale_line_id"][0]) if move["sale_line_id"] else None
            what, quantity = self._counted(move, line, skus.get(move["product_id"][0]))
            shipped.setdefault((picking, line.sale if line else own[picking]), defaultdict(Decimal))[what] += quantity
        return shipped

    def _counted(self, move: Row, line: SaleLine | None, sku: str | None) -> tuple[Shipped, Decimal]:
        """What a move ships and how much of it, in the sale line's unit where that is of the same product."""
        quantity = move["shipped"]
        if line is None:
            return (None, sku, False), quantity
        if line.product != move["product_id"][0]:
            return (line.key, sku, line.key is not None), quantity
        return (line.key, sku, False), self._catalog.converted(quantity, move["product_uom"][0], line.uom)

    def _moves(self, pickings: Iterable[int]) -> list[Row]:
        """The done moves, each with what was ``shipped``: ``quantity`` since 17, ``quantity_done`` before."""
        shipped = "quantity" if "quantity" in self._catalog.fields("stock.move") else "quantity_done"
        domain = [["picking_id", "in", sorted(pickings)], ["state", "=", "done"]]
        fields = ["picking_id", "product_id", "product_uom", "sale_line_id", shipped]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id")
        moves = [{**row, "shipped": exact(row[shipped])} for row in rows]
        return [move for move in moves if move["shipped"] > 0]

    def _sale_lines(self, ids: set[int]) -> dict[int, SaleLine]:
        if not ids:
            return {}
        uom = uom_field(self._catalog.fields("sale.order.line"))
        rows = self._client.call("sale.order.line", "read", sorted(ids), fields=["order_id", "product_id", uom])
        keys = our_names(self._client, "sale.order.line", ids)
        return {
            row["id"]: SaleLine(_sale(row["order_id"]), row["product_id"][0], row[uom][0], keys.get(row["id"]))
            for row in rows
        }

    def _skus(self, products: set[int]) -> dict[int, str | None]:
        rows = self._client.call("product.product", "read", sorted(products), fields=["default_code"])
        return {row["id"]: text(row["default_code"]) for row in rows}


def _header(picking: Row) -> Document:
    return {
        "id": picking["id"],
        "name": text(picking["name"]),
        "state": picking["state"],
        "date_done": f"{moment(done):%Y-%m-%dT%H:%M:%SZ}" if (done := picking["date_done"]) else None,
        "carrier": text(picking.get("carrier_id")),
        "tracking": text(picking.get("carrier_tracking_ref")),
        "backorder_of": text(picking["backorder_id"]),
    }


def _lines(shipped: Mapping[Shipped, Decimal]) -> list[Document]:
    return [
        {"key": key, "sku": sku, "quantity": quantity, "substitute": substitute}
        for (key, sku, substitute), quantity in shipped.items()
    ]


def _sale(many2one: list[Any]) -> Sale:
    id, name = many2one
    return id, name
