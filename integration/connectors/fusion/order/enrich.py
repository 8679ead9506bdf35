"""What only Fusion knows of an order: its customer's account and sites, and the items of its lines."""

from __future__ import annotations

from collections.abc import Callable

from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.accounts import Customers
from integration.connectors.fusion.site import Site
from integration.errors import Hold
from integration.side_by_side import run


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
    return {**document, "ids": ids(site, document, work)}


def with_account(site: Site, document: Document, work: Work) -> Document:
    """The document with the ids of its customer's account, which is made where `enrich_order` has found none."""
    if document["status"] == "cancelled" or document["ids"]["account"]:
        return document
    site.creation.ensure(document["customer"]["key"], document, work)
    return {**document, "ids": ids(site, document, work)}


def ids(site: Site, document: Document, work: Work) -> Document:
    """The ids that an order document needs; products and customer are looked up side by side."""
    customers = Customers(site.directory, work, site.system.options.get("guest_account", ""), site.creation.covers)
    looks: list[Callable[[], Document]] = [
        lambda: {"items": site.items.numbers(line["sku"] for line in document["lines"])},
        lambda: dict(customers.resolve(document)),
    ]
    items, found = run(looks)
    return found | items
