"""What only Fusion knows of an order: its customer's account and sites, and the items of its lines."""

from __future__ import annotations

from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.accounts import Customers
from integration.connectors.fusion.site import Site
from integration.errors import Hold


def enrich_order(site: Site, document: Document, work: Work) -> Document:
    """The document with ``ids``; a cancelled order needs none.

    Creates nothing.  Raises `Hold` for whatever Fusion does not know and we may not guess.
    """
    if document["status"] == "cancelled":
        return document
    if not document["lines"] or not all(line["sku"] for line in document["lines"]):
        raise Hold(
            "a line has no SKU, and Fusion takes no line without an item",
            hint="Give the product a SKU in Clarity. {again}",
            code="unknown_sku",
        )
    items = site.items.numbers(line["sku"] for line in document["lines"])
    customers = Customers(site.client, work, site.system.options.get("guest_account", ""))
    return {**document, "ids": {**customers.resolve(document), "items": items}}
