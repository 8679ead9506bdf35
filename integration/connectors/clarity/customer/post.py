"""What an ERP owns of a customer, at Clarity: its home, which makes customers itself.

Only what differs is sent, for the version that was looked at: who changes the customer in between is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client, record_path
from integration.connectors.clarity.order_documents import given
from integration.connectors.clarity.problems import NotThere
from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.initial import initial
from integration.errors import Hold, Misconfigured

UPDATE = "customer.update"
NO_SCOPE = "insufficient_scope"
MOST_MERGES = 10
AMOUNTS = {"creditLimit"}

R = TypeVar("R")


def permitted(verb: Callable[[Client, Document, Work], R]) -> Callable[[Client, Document, Work], R]:
    """The verb; where our client may do nothing with customers, this one is held, and orders go on."""

    def permitted_verb(client: Client, document: Document, work: Work) -> R:
        try:
            return verb(client, document, work)
        except Misconfigured as refused:
            if refused.code != NO_SCOPE:
                raise
            raise Hold(
                refused.reason,
                hint="Give the client of CLARITY_CLIENT_ID the scopes customers:read and customers:write. {again}",
                code=NO_SCOPE,
            ) from refused

    return permitted_verb


@permitted
def post_customer(client: Client, document: Document, work: Work) -> Posted:
    """Lets the customer have these values; document: {customer_id, fields, on_create}.

    An initial value is written only where Clarity has no value.  What is null is left as Clarity has it.  One that was
    merged into another leads to that one.  Raises `Hold` for a customer that Clarity does not have.
    """
    customer = _standing(client, document["customer_id"])
    changes = _changes(document, customer)
    if changes:
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": f'"v{customer["version"]}"'}
        work.perform(UPDATE, Request("PATCH", customer_path(customer["id"]), changes, headers), client.send)
    else:
        work.found(UPDATE, f"{customer['id']} shows it")
    return Posted(str(customer["id"]), None)


@permitted
def shown_customer(client: Client, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The values as Clarity has them, where they mean the same as ours, ours."""
    customer = _standing(client, document["customer_id"])
    stated = given(document["fields"])
    shown = {
        name: value if _same(name, value, customer.get(name)) else customer.get(name) for name, value in stated.items()
    }
    return {"fields": shown}


def fetch_customer(client: Client, id: str) -> Document:
    """A customer as it is now; `Hold` when there is none of this id."""
    return client.get(customer_path(id))


def customer_path(id: Any) -> str:
    return record_path("customers", str(id))


def _standing(client: Client, id: str) -> Document:
    """The customer, or the one into which it was merged."""
    try:
        customer = client.get(customer_path(id))
        for _ in range(MOST_MERGES):
            if not customer.get("mergedInto"):
                return customer
            customer = client.get(customer_path(customer["mergedInto"]))
    except NotThere as absent:
        raise Hold(
            "Clarity does not have the customer any more",
            hint="See who removed it. It is not made again: what the ERP has of it stays there. {again}",
            code="record_missing",
        ) from absent
    raise Hold(
        "the customer was merged in a circle at Clarity",
        hint="See in Clarity which of the customers is the one that stays, and correct the others. {again}",
        code="merged_in_a_circle",
    )


def _changes(document: Document, customer: Document) -> Document:
    lacking = {name: value for name, value in initial(document).get("fields", {}).items() if not customer.get(name)}
    stated = given({**lacking, **document["fields"]})
    changes = {name: value for name, value in stated.items() if not _same(name, value, customer.get(name))}
    return {name: f"{Decimal(value):f}" if name in AMOUNTS else value for name, value in changes.items()}


def _same(name: str, ours: Any, theirs: Any) -> bool:
    if name in AMOUNTS:
        return theirs is not None and to_number(ours) == to_number(theirs)
    if isinstance(ours, bool):
        return ours == bool(theirs)  # a Clarity that has never heard of a credit hold has none
    return bool(ours == theirs)
