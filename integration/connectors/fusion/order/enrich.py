"""What only Fusion knows of an order: its customer's account and sites, and the items of its lines."""

from __future__ import annotations

from collections.abc import Callable

from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.accounts import TO_BE_MADE, Customers
from integration.connectors.fusion.site import Site
from integration.errors import Hold, Retry
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
    """The document with the ids of its customer's account and sites; what `enrich_order` has found lacking is made."""
    if document["status"] == "cancelled":
        return document
    if not document["ids"]["account"]:
        site.creation.ensure(document["customer"]["key"], document, work)
        document = {**document, "ids": ids(site, document, work)}
    if document["ids"]["ship_to"] == TO_BE_MADE:
        _customers(site, work).add_site(document)
        document = {**document, "ids": ids(site, document, work)}
    if document["ids"]["ship_to"] == TO_BE_MADE:
        raise Retry("the account's ship-to site is made, and Fusion does not show it yet", code="new_site")
    return document


def ids(site: Site, document: Document, work: Work) -> Document:
    """The ids that an order document needs; products and customer are looked up side by side."""
    customers = _customers(site, work)
    looks: list[Callable[[], Document]] = [
        lambda: {"items": site.items.numbers(line["sku"] for line in document["lines"])},
        lambda: dict(customers.resolve(document)),
    ]
    items, found = run(looks)
    return found | items


def _customers(site: Site, work: Work) -> Customers:
    return Customers(site.directory, work, site.system.options.get("guest_account", ""), site.creation)
