"""What left Odoo's stock: done transfers to customers (``stock.picking``) of orders of ours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.external import our_names, our_orders
from integration.connectors.odoo.order.rows import uom_field
from integration.connectors.odoo.shipment.delivered import TO_CUSTOMERS, Delivered, SaleLine, is_part_of_kit
from integration.connectors.odoo.site import Site

LEFT: list[Any] = [
    ["state", "=", "done"],
    ["picking_type_code", "in", list(TO_CUSTOMERS)],
    ["sale_id", "!=", False],
]
FIELDS = ("name", "state", "date_done", "backorder_id", "sale_id")
WITH_DELIVERIES = ("carrier_id", "carrier_tracking_ref")
"""Fields that come with the app for deliveries."""

Sale = tuple[int, str]
"""Id and name of a sale order."""
NO_WHOLE_SET = "incomplete"
"""The state of a transfer that is done, and has left with parts of kits only, none of which is complete yet."""


class Shipped(NamedTuple):
    """What left; ``key`` is None where it is of no line of ours.

    ``substitute``: another product than the line's.  ``extra``: more than the line orders.  ``uncounted``: parts of a
    kit of which Odoo counts other sets than they make.
    """

    key: str | None
    sku: str | None
    substitute: bool = False
    extra: bool = False
    uncounted: bool = False

    @property
    def certain(self) -> bool:
        """Whether it is for sure what was ordered."""
        return self.key is not None and not (self.substitute or self.extra or self.uncounted)


Quantities = dict[Shipped, Decimal]


def pickings(site: Site, ask: Ask) -> Page:
    """The stream of ``shipment.changed``, see `Pickings`."""
    return Pickings(site.client, site.catalog).page(ask.since, ask.page)


class Pickings:
    """The stream of ``shipment.changed``: one for each transfer, or one per order where a transfer covers several.

    What of a transfer is not what was ordered - a substitute, a sample, too many - is a change of its own, so that a
    person decides about that alone.
    """

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
            theirs = f"{id}/{order}" if sales[id] > 1 else str(id)
            at = moment(picking["write_date"])
            for part, document in _documents({**_header(picking), "sale": sale}, lines):
                yield Change(
                    "shipment.changed",
                    theirs + part,
                    at,
                    picking["name"],
                    Parent("order", str(order), ours[order]),
                    document,
                )

    def _shipped(self, pickings: Mapping[int, Row]) -> dict[tuple[int, Sale], Quantities]:
        """What left with each transfer for each sale order; what was added in stock is for the transfer's own."""
        moves = self._moves(pickings)
        lines = self._sale_lines({move["sale_line_id"][0] for move in moves if move["sale_line_id"]})
        skus = self._skus({move["product_id"][0] for move in moves} | {line.product for line in lines.values()})
        own = {id: _sale(picking["sale_id"]) for id, picking in pickings.items()}
        shipped: dict[tuple[int, Sale], Quantities] = {each: defaultdict(Decimal) for each in own.items()}

        def add(picking: int, sale: Sale, what: Shipped, quantity: Decimal) -> None:
            shipped.setdefault((picking, sale), defaultdict(Decimal))[what] += quantity

        for move in moves:
            picking, sku = move["picking_id"][0], skus.get(move["product_id"][0])
            line = lines.get(move["sale_line_id"][0]) if move["sale_line_id"] else None
            if line is None:
                add(picking, own[picking], Shipped(None, sku), move["shipped"])
            elif line.product != move["product_id"][0] and not is_part_of_kit(move, line):
                add(picking, line.sale, Shipped(line.key, sku, substitute=line.key is not None), move["shipped"])
        for (picking, id), part in Delivered(self._client, self._catalog).parts(lines).items():
            if picking in pickings:
                line = lines[id]
                what = Shipped(line.key, skus.get(line.product), uncounted=not part.certain)
                add(picking, line.sale, what, part.counts)
                add(picking, line.sale, what._replace(extra=True), part.extra)
        return shipped

    def _moves(self, pickings: Iterable[int]) -> list[Row]:
        """The done moves, each with what was ``shipped``: ``quantity`` since 17, ``quantity_done`` before."""
        known = self._catalog.fields("stock.move")
        shipped = "quantity" if "quantity" in known else "quantity_done"
        domain = [["picking_id", "in", sorted(pickings)], ["state", "=", "done"]]
        fields = ["picking_id", "product_id", "product_uom", "sale_line_id", shipped, *({"bom_line_id"} & known)]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id")
        moves = [{**row, "shipped": exact(row[shipped])} for row in rows]
        return [move for move in moves if move["shipped"] > 0]

    def _sale_lines(self, ids: set[int]) -> dict[int, SaleLine]:
        if not ids:
            return {}
        uom = uom_field(self._catalog.fields("sale.order.line"))
        fields = ["order_id", "product_id", uom, "product_uom_qty", "qty_delivered"]
        rows = self._client.call("sale.order.line", "read", sorted(ids), fields=fields)
        keys = our_names(self._client, "sale.order.line", ids)
        return {
            row["id"]: SaleLine(
                sale=_sale(row["order_id"]),
                product=row["product_id"][0],
                uom=row[uom][0],
                key=keys.get(row["id"]),
                ordered=exact(row["product_uom_qty"]),
                delivered=exact(row["qty_delivered"]),
            )
            for row in rows
        }

    def _skus(self, products: set[int]) -> dict[int, str | None]:
        rows = self._client.call("product.product", "read", sorted(products), fields=["default_code"])
        return {row["id"]: text(row["default_code"]) for row in rows}


def _documents(header: Document, shipped: Quantities) -> Iterator[tuple[str, Document]]:
    """The end of the id and the document, of what is certain and of the rest; of all together where nothing is."""
    left = {what: quantity for what, quantity in shipped.items() if quantity}
    certain = {what: quantity for what, quantity in left.items() if what.certain}
    if shipped and not left:
        yield "", {**header, "state": NO_WHOLE_SET, "lines": []}
    else:
        yield "", {**header, "lines": _lines(certain or left)}
    if certain and len(certain) < len(left):
        rest = {what: quantity for what, quantity in left.items() if not what.certain}
        yield "/rest", {**header, "carrier": None, "tracking": None, "lines": _lines(rest)}


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
    marks = ("extra", "uncounted")
    return [
        {
            **{"key": what.key, "sku": what.sku, "quantity": quantity, "substitute": what.substitute},
            **{mark: True for mark in marks if getattr(what, mark)},
        }
        for what, quantity in shipped.items()
    ]


def _sale(many2one: list[Any]) -> Sale:
    id, name = many2one
    return id, name
