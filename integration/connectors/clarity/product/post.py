"""What an ERP owns of a product, at Clarity: its home, which makes products itself.  See `Owned`.

``discontinued`` says that the ERP does not supply the product any more; whether it is sold, Clarity says (``status``).
"""

from __future__ import annotations

from integration.connectors.clarity.client import Client
from integration.connectors.clarity.owned import Owned
from integration.connectors.contract import Document, Posted, Work

PRODUCTS = Owned("product", amounts={"weight", "price"})
ACTIVE, DELETED = "active", "deleted"
DISCONTINUED = "discontinued"


@PRODUCTS.permitted
def post_product(client: Client, document: Document, work: Work) -> Posted:
    """Lets the product have these values; document: {product_id, fields, on_create}.

    One that Clarity has deleted stays as it is.  That Clarity does not sell is no news to it: the fleet has archived
    such a product at the ERP itself.  Raises `Hold` for a product that Clarity does not have.
    """
    product = PRODUCTS.read(client, document["product_id"])
    if product.get("status") == DELETED:
        work.found(PRODUCTS.effect, f"{product['id']} was deleted in Clarity")
        return Posted(str(product["id"]), None)
    return PRODUCTS.keep(client, product, _news(product, document), work)


@PRODUCTS.permitted
def shown_product(client: Client, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The values as Clarity has them."""
    product = PRODUCTS.read(client, document["product_id"])
    return PRODUCTS.shown(product, _news(product, document))


def fetch_product(client: Client, id: str) -> Document:
    """The product as it is now; `Hold` when Clarity has none of this id."""
    return client.get(PRODUCTS.path(id))


def _news(product: Document, document: Document) -> Document:
    """The document without what follows from Clarity's own decision not to sell the product."""
    fields = document["fields"]
    if fields.get(DISCONTINUED) and product.get("status", ACTIVE) != ACTIVE:
        fields = {name: value for name, value in fields.items() if name != DISCONTINUED}
    return {**document, "fields": fields}
