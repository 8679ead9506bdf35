"""What only Odoo knows of an order: the ids of its customer, addresses, products, taxes and terms."""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.customer.partner import Partners
from integration.connectors.odoo.order.custom import require_custom
from integration.connectors.odoo.order.services import Services
from integration.connectors.odoo.site import Site
from integration.errors import Hold


def enrich_order(site: Site, document: Document, work: Work) -> Document:
    """The document with ``ids``.

    Creates the customer, its addresses and the products of service lines where Odoo lacks them.  Raises `Hold` for
    whatever Odoo does not know and we may not guess.
    """
    return site.retried(lambda anew: {**document, "ids": ids(site, document, work, verify=anew)})


def ids(site: Site, document: Document, work: Work, *, verify: bool) -> dict[str, Any]:
    """The ids that an order document needs; ``verify`` reads cached ones again before they are used."""
    if document["status"] == "cancelled":
        return {}  # no customer is created for an order that is never posted
    catalog, carrier, term = site.catalog, document["carrier"], document["payment_term"]
    require_custom(catalog, document)
    return {
        "lines": _line_ids(site, document, Services(site.client, catalog, work, verify=verify)),
        "pricelist": catalog.pricelist(document["currency"]),
        "carrier": catalog.carrier(carrier) if carrier else None,
        "payment_term": catalog.payment_term(term) if term else None,
        **_contact_ids(site, document, work, verify=verify),
    }


def _contact_ids(site: Site, document: Document, work: Work, *, verify: bool) -> dict[str, int]:
    """Ids of the customer and its addresses.

    Those of an order that is new are read with the order, before it is confirmed: one call less.
    """
    partners = Partners(site.client, site.catalog, work, site.system.options.get("guest_key", ""))
    is_new = not verify and work.known("order", document["key"]) is None
    return partners.resolve(document, unread=is_new and site.client.dialect.reads_nested)


def _line_ids(site: Site, document: Document, services: Services) -> list[dict[str, Any]]:
    """For each line the ids of its product, taxes and unit (None where no line names a unit)."""
    catalog, lines = site.catalog, document["lines"]
    skus = [line["service"] or line["sku"] or _fallback_sku(site, line) for line in lines]
    products = catalog.products(sku for line, sku in zip(lines, skus, strict=True) if not line["service"])
    own_units = any(line.get("uom") for line in lines)
    found = []
    for line, sku in zip(lines, skus, strict=True):
        product = services.product(line["service"]) if line["service"] else products[sku]
        uom = None
        if own_units:
            uom = catalog.uom_of(line["uom"], product) if line.get("uom") else catalog.own_uom(product)
        taxes = [catalog.tax(tax["rate"], tax["included"], tax.get("name")) for tax in line["taxes"]]
        found.append({"product": product, "taxes": taxes, "uom": uom})
    return found


def _fallback_sku(site: Site, line: Document) -> str:
    """The SKU of the product for lines that have none, as custom lines do."""
    if fallback := site.system.options.get("fallback_sku"):
        return fallback
    raise Hold(
        f"line {line['key']} has no SKU, and Odoo takes no line without a product",
        hint="Give the line's product a SKU in Clarity; or set ODOO_FALLBACK_SKU to the Internal Reference of a "
        "product in Odoo that replaces it on such lines and run `fleet restart`. {again}",
        code="no_sku",
    )
