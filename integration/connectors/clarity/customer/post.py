"""What an ERP owns of a customer, at Clarity: its home, which makes customers itself.  See `Owned`."""

from __future__ import annotations

from typing import Any

from integration.connectors.clarity.client import Client
from integration.connectors.clarity.owned import Owned
from integration.connectors.contract import Document, Posted, Work
from integration.errors import Hold

CUSTOMERS = Owned("customer", amounts={"creditLimit"})
MOST_MERGES = 10


@CUSTOMERS.permitted
def post_customer(client: Client, document: Document, work: Work) -> Posted:
    """Lets the customer have these values; document: {customer_id, fields, on_create}.

    One that was merged into another leads to that one.  Raises `Hold` for a customer that Clarity does not have.
    """
    return CUSTOMERS.keep(client, _standing(client, document["customer_id"]), document, work)


@CUSTOMERS.permitted
def shown_customer(client: Client, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The values as Clarity has them."""
    return CUSTOMERS.shown(_standing(client, document["customer_id"]), document)


def fetch_customer(client: Client, id: str) -> Document:
    """A customer as it is now; `Hold` when there is none of this id."""
    return client.get(CUSTOMERS.path(id))


def _standing(client: Client, id: Any) -> Document:
    """The customer, or the one into which it was merged."""
    customer = CUSTOMERS.read(client, id)
    for _ in range(MOST_MERGES):
        if not customer.get("mergedInto"):
            return customer
        customer = CUSTOMERS.read(client, customer["mergedInto"])
    raise Hold(
        "the customer was merged in a circle at Clarity",
        hint="See in Clarity which of the customers is the one that stays, and correct the others. {again}",
        code="merged_in_a_circle",
    )
