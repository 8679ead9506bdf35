"""Products of Odoo that may have changed: what Odoo owns of them, and what a mapping may let it own.

Odoo moves ``write_date`` of every variant with a field of its template, so reading ``product.product`` misses nothing
of either (Odoo 19).  Which product is one of Clarity, the crossref says.  It names a product on its own by its record,
and one with variants as "template/60": what has values of attributes may be either, so both are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from integration.connectors.contract import Ask, Change, Document, Page
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.order.difference import id_of
from integration.connectors.odoo.product.identity import MODEL
from integration.connectors.odoo.product.several import VALUES
from integration.connectors.odoo.site import Site

EVENT = "product.changed"
FIELDS = ("active", "product_tmpl_id", VALUES, "weight", "categ_id", "list_price")
FOR_CUSTOMS = ("hs_code", "country_of_origin")
"""Fields that come with the app Delivery Costs (with Inventory, ``stock_delivery``)."""
ANY: list[Any] = ["active", "in", [True, False]]


def products(site: Site, ask: Ask) -> Page:
    """The products that changed, each as a ``product.changed``; archived ones, too."""
    known = site.catalog.fields(MODEL)
    fields = [*FIELDS, *(field for field in FOR_CUSTOMS if field in known)]
    batch = changed(site.client, MODEL, [ANY, *site.catalog.open_to_us()], fields, ask.since, ask.page)
    found = [*(_change(site, str(row["id"]), [row]) for row in batch.rows), *_templates(site, batch.rows, fields)]
    return Page(tuple(sorted(found, key=lambda change: change.at)), batch.seen, batch.next)


def _templates(site: Site, rows: Iterable[Row], fields: list[str]) -> Iterator[Change]:
    """Each product with variants of which the one that changed last is among the rows, as all of them make it."""
    newest = {id_of(row["product_tmpl_id"]): row["write_date"] for row in rows if row[VALUES]}
    templates = sorted(newest)
    domain = [["product_tmpl_id", "in", templates], ANY]
    names = ["write_date", *fields]
    found = site.client.call(MODEL, "search_read", domain=domain, fields=names, order="id") if templates else []
    for template in templates:
        variants = [row for row in found if id_of(row["product_tmpl_id"]) == template]
        if max((row["write_date"] for row in variants), default=None) == newest[template]:
            yield _change(site, f"template/{template}", variants)


def _change(site: Site, id: str, variants: list[Row]) -> Change:
    """What the variants share; a product is archived once all of them are.  Odoo has 0 for no weight and no price."""
    first = variants[0]
    country = first.get("country_of_origin")
    weights = {row["weight"] for row in variants}
    (weight,) = weights if len(weights) == 1 else (None,)
    document: Document = {
        "active": any(row["active"] for row in variants),
        "hs_code": text(first.get("hs_code")),
        "country_of_origin": site.catalog.country_code(id_of(country)) if country else None,
        "weight": exact(weight) if weight else None,
        "category": text(first["categ_id"]),
        "price": exact(first["list_price"]) if first["list_price"] else None,
        "currency": site.catalog.company()["currency"],
    }
    return Change(EVENT, id, max(moment(row["write_date"]) for row in variants), None, None, document)
