"""How much of a product Odoo has at each warehouse for whoever orders next.

What has changed is found by stock moves and not by quants: Odoo deletes a quant that is empty, and nothing shows that.
Whatever changes a level writes a move: one that is planned, reserved, done or cancelled, and an inventory adjustment,
too (seen at Odoo 19).  Then the level is asked for: it is never added up from moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from integration.connectors.contract import Ask, Change, Document, Page
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import CONTEXT
from integration.connectors.odoo.decode import exact, moment
from integration.connectors.odoo.site import Site

EVENT = "stock.changed"
LEVEL = "stock_level"
MOVED: list[Any] = [["state", "!=", "draft"], ["product_id.is_storable", "=", True]]
QUANTITIES = ("qty_available", "free_qty", "outgoing_qty")
COUNTED: list[Any] = [["is_storable", "=", True], ["default_code", "!=", False]]
OWN = {"owner_id": False}
"""Only what belongs to the company: Odoo takes the owner of goods from the context, False for nobody else's."""


def levels(site: Site, ask: Ask) -> Page:
    """The levels of products that were moved, at all warehouses, and of those SKUs that are to be read anew."""
    batch = changed(site.client, "stock.move", MOVED, ["product_id"], ask.since, ask.page)
    moved: dict[int, datetime] = {}
    for row in batch.rows:
        id, at = row["product_id"][0], moment(row["write_date"])
        moved[id] = max(at, moved.get(id, at))
    anew = () if ask.page else ask.open_keys(LEVEL)
    found = sorted(_Levels(site).of(moved, anew), key=lambda each: each.at) if moved or anew else ()
    return Page(tuple(found), batch.seen, batch.next)


class _Levels:
    def __init__(self, site: Site) -> None:
        self._client = site.client

    def of(self, moved: dict[int, datetime], anew: Sequence[str]) -> Iterator[Change]:
        """One change for each SKU and each warehouse."""
        now = datetime.now(UTC)  # of what is read because it was asked for, moved or not
        rows = self._search("product.product", [["id", "in", sorted(moved)], *COUNTED], ["default_code"])
        times = {str(row["default_code"]): moved[row["id"]] for row in rows} | dict.fromkeys(anew, now)
        places: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for warehouse in self._search("stock.warehouse", [], ["code"]) if times else ():
            for row in self._products(sorted(times), warehouse["id"]):
                places[str(row["default_code"])][warehouse["code"]].append(row)
        for sku, at in places.items():
            holding = {code for code, found in at.items() if any(row[name] for row in found for name in QUANTITIES)}
            for code, found in at.items():
                document = _document(sku, code, found) | {"only_place": holding <= {code}}
                yield Change(EVENT, f"{quote(code, safe='')}/{sku}", times[sku], sku, None, document)

    def _products(self, skus: Sequence[str], warehouse: int) -> list[Row]:
        # 18 and later read the warehouse from `warehouse_id`, those before from `warehouse`.
        context = {**CONTEXT, "warehouse_id": warehouse, "warehouse": warehouse, **OWN}
        domain = [["default_code", "in", list(skus)], *COUNTED]
        return self._search("product.product", domain, ["default_code", *QUANTITIES], context=context)

    def _search(self, model: str, domain: list[Any], fields: list[str], **named: Any) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=fields, order="id", **named)
        return rows


def _document(sku: str, warehouse: str, found: Sequence[Row]) -> Document:
    on_hand, free, planned = (sum((exact(row[name]) for row in found), Decimal(0)) for name in QUANTITIES)
    return {
        "sku": sku,
        "warehouse": warehouse,
        "on_hand": on_hand,
        "free": free,
        "planned": planned,
        # What is planned need not be reserved, and what is reserved need not be planned to leave (a transfer inside).
        "available": min(free, on_hand - planned),
        "records": len(found),
    }
