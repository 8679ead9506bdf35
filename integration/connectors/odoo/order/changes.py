"""What people take back in Odoo: goods of orders of ours that come back from the customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.external import our_orders
from integration.connectors.odoo.site import Site

CAME_BACK: list[Any] = [["state", "=", "done"], ["picking_type_code", "=", "incoming"], ["sale_id", "!=", False]]


def returns(site: Site, ask: Ask) -> Page:
    """Goods that came back to Odoo, see `Reversals`."""
    return Reversals(site.client, site.catalog).returned(ask.since, ask.page)


class Reversals:
    """The stream of ``order.reversed``: one for each transfer that brought goods."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def returned(self, since: datetime, page: Document | None) -> Page:
        """Transfers from the customer that are done; nothing where Odoo keeps no stock of what it sells."""
        if "sale_id" not in self._catalog.fields("stock.picking"):
            return Page((), None, None)
        batch = changed(self._client, "stock.picking", CAME_BACK, ["name", "sale_id", "date_done"], since, page)
        return Page(tuple(self._returns(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def _returns(self, pickings: list[Row]) -> Iterator[Change]:
        ours = our_orders(self._client, {row["sale_id"][0] for row in pickings})
        lines = self._lines([row["id"] for row in pickings])
        for row in pickings:
            order, brought = row["sale_id"][0], lines[row["id"]]
            if order in ours and brought:  # at the time that stays, so that another note makes no other change of it
                yield _change(f"return/{row['id']}", row["date_done"], row, order, ours[order], "returned", brought)

    def _lines(self, pickings: list[int]) -> dict[int, list[Document]]:
        moved = "quantity" if "quantity" in self._catalog.fields("stock.move") else "quantity_done"
        domain = [["picking_id", "in", pickings], ["state", "=", "done"]]
        moves = self._client.call(
            "stock.move", "search_read", domain=domain, fields=["picking_id", "product_id", moved], order="id"
        )
        products = sorted({move["product_id"][0] for move in moves})
        rows = self._client.call("product.product", "read", products, fields=["default_code"]) if products else []
        skus = {row["id"]: text(row["default_code"]) for row in rows}
        sums: dict[int, dict[str | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for move in moves:
            sums[move["picking_id"][0]][skus.get(move["product_id"][0])] += exact(move[moved])
        return defaultdict(
            list, {id: [{"sku": sku, "quantity": sum_} for sku, sum_ in of.items() if sum_] for id, of in sums.items()}
        )


def _change(id: str, at: str, row: Row, order: int, order_id: str | None, kind: str, lines: list[Document]) -> Change:
    document = {"name": text(row["name"]), "kind": kind, "lines": lines}
    return Change("order.reversed", id, moment(at), text(row["name"]), Parent("order", str(order), order_id), document)
