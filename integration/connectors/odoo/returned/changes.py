"""What came back to Odoo's stock: done transfers from customers (``stock.picking``) of orders of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.external import our_names, our_orders
from integration.connectors.odoo.order.rows import uom_field
from integration.connectors.odoo.site import Site
from integration.errors import Retry

CAME_BACK: list[Any] = [["state", "=", "done"], ["picking_type_code", "=", "incoming"], ["sale_id", "!=", False]]
FIELDS = ["name", "sale_id", "date_done", "backorder_id"]
MOST_PARTS = 50
"""Parts in which one transfer may come, each left behind by the one before."""


def returns(site: Site, ask: Ask) -> Page:
    """The stream of ``return.received``, see `Received`."""
    return Received(site.client, site.catalog).page(ask)


class Received:
    """One change for each transfer that brought goods of an order back, however often its note is changed."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def page(self, ask: Ask) -> Page:
        """Transfers from customers that are done; nothing where Odoo keeps no stock of what it sells."""
        if "sale_id" not in self._catalog.fields("stock.picking"):
            return Page((), None, None)
        batch = changed(self._client, "stock.picking", CAME_BACK, FIELDS, ask.since, ask.page)
        return Page(tuple(self._changes(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def _changes(self, pickings: list[Row]) -> Iterator[Change]:
        ours = our_orders(self._client, {row["sale_id"][0] for row in pickings})
        lines, first = self._lines([row["id"] for row in pickings]), self._first(pickings)
        for row in pickings:
            (order, sale), brought = row["sale_id"], lines[row["id"]]
            if order not in ours or not brought:
                continue
            at = moment(row["date_done"])  # the time that stays: another note makes no other change of it
            document = {
                "name": text(row["name"]),
                "sale": text(sale),
                "their_return": str(first[row["id"]]),
                "date_done": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "lines": brought,
            }
            parent = Parent("order", str(order), ours[order])
            yield Change("return.received", str(row["id"]), at, text(row["name"]), parent, document)

    def _first(self, pickings: list[Row]) -> dict[int, int]:
        """The transfer that each one is the rest of, however often something was left behind; itself for most."""
        before = {row["id"]: row["backorder_id"][0] if row["backorder_id"] else None for row in pickings}
        for _ in range(MOST_PARTS):
            unread = sorted({id for id in before.values() if id and id not in before})
            if not unread:
                break
            rows = self._client.call("stock.picking", "read", unread, fields=["backorder_id"])
            found = {row["id"]: row["backorder_id"][0] if row["backorder_id"] else None for row in rows}
            before |= {id: found.get(id) for id in unread}
        return {row["id"]: _root(before, row["id"]) for row in pickings}

    def _lines(self, pickings: list[int]) -> dict[int, list[Document]]:
        """What came with each transfer, by line of ours where it has one, in the line's unit."""
        moved = "quantity" if "quantity" in self._catalog.fields("stock.move") else "quantity_done"
        known = {"bom_line_id"} & self._catalog.fields("stock.move")
        domain = [["picking_id", "in", pickings], ["state", "=", "done"]]
        fields = ["picking_id", "product_id", "product_uom", "sale_line_id", moved, *known]
        moves = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id")
        sales = self._sale_lines({move["sale_line_id"][0] for move in moves if move["sale_line_id"]})
        keys = our_names(self._client, "sale.order.line", sales)
        skus = self._skus({move["product_id"][0] for move in moves})
        sums: dict[int, dict[tuple[str | None, str | None, bool], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for move in moves:
            product, quantity = move["product_id"][0], exact(move[moved])
            sale = sales.get(move["sale_line_id"][0]) if move["sale_line_id"] else None
            key, is_part = None, False
            if sale and sale["product"] == product:
                key = keys.get(sale["id"])
                quantity = self._catalog.converted(quantity, move["product_uom"][0], sale["uom"])
            elif sale:
                is_part = bool(move.get("bom_line_id"))
            sums[move["picking_id"][0]][key, skus.get(product), is_part] += quantity
        return defaultdict(list, {id: list(_documents(of)) for id, of in sums.items()})

    def _sale_lines(self, ids: set[int]) -> dict[int, Row]:
        if not ids:
            return {}
        uom = uom_field(self._catalog.fields("sale.order.line"))
        rows = self._client.call("sale.order.line", "read", sorted(ids), fields=["product_id", uom])
        return {row["id"]: {"id": row["id"], "product": row["product_id"][0], "uom": row[uom][0]} for row in rows}

    def _skus(self, products: set[int]) -> dict[int, str | None]:
        rows = self._client.call("product.product", "read", sorted(products), fields=["default_code"])
        return {row["id"]: text(row["default_code"]) for row in rows}


def _documents(sums: dict[tuple[str | None, str | None, bool], Decimal]) -> Iterable[Document]:
    for (key, sku, is_part), quantity in sums.items():
        if quantity:
            yield {"key": key, "sku": sku, "quantity": quantity, **({"uncounted": True} if is_part else {})}


def _root(before: dict[int, int | None], id: int) -> int:
    for _ in range(MOST_PARTS):
        earlier = before.get(id)
        if earlier is None:
            return id
        id = earlier
    raise Retry("a transfer of Odoo's is the rest of too many others", code="too_many_parts")
