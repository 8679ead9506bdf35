"""What carrying orders will need at Clarity, looked at before they come: scopes, and a webhook that leads to us."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from integration.canonical.hints import plain
from integration.connectors.clarity.client import Client, order_path
from integration.connectors.clarity.problems import NotThere
from integration.connectors.clarity.stock.post import RIGHTS
from integration.connectors.contract import Document, Finding, Request
from integration.errors import Failure, Misconfigured, Reject

EVENT = "order.created"
RECEIVER = "/webhooks/clarity"
SUBSCRIBE = (
    "In Clarity set up a webhook subscription for order.*, customer.*, product.* and return.* leading to "
    f"https://<your host>{RECEIVER}."
)


def findings(client: Client) -> Iterator[Finding]:
    """What our client may do, and whether Clarity sends us the events of its orders."""
    yield from _writing(client)
    yield from _inventory(client)
    yield from _subscriptions(client)


def _writing(client: Client) -> Iterator[Finding]:
    """Sets the status of an order that does not exist: only a client that may write is answered so."""
    key = f"examination-{uuid.uuid4().hex}"
    request = Request("POST", f"{order_path(key)}/status", {"status": "processing"}, {"Idempotency-Key": key})
    try:
        client.send(request)
    except (NotThere, Reject):
        yield Finding("rights", "ok", f"client {client.id} may read and write orders, shipments and invoices")
    except Misconfigured as refused:
        yield Finding("rights", "error", f"{refused.reason}: Clarity gets no status", plain(refused.hint))
    else:
        yield Finding(
            "rights",
            "warning",
            "Clarity takes a status for an order that it does not have",
            "See that CLARITY_URL is the root of Clarity's API.",
        )


def _inventory(client: Client) -> Iterator[Finding]:
    """Whether Clarity shows us its inventory: without that no stock level is kept there."""
    try:
        client.page("/inventory", pageSize="1")
    except Failure as failure:
        fix = f"{RIGHTS} Where Clarity keeps no inventory, take odoo-stock-level-to-clarity out of mappings/workflows."
        yield Finding("inventory", "warning", f"{failure.reason}: stock levels will be held", fix)
    else:
        yield Finding("inventory", "ok", "Clarity shows its inventory")


def _subscriptions(client: Client) -> Iterator[Finding]:
    try:
        found = [each for each in client.items("/webhook-subscriptions") if _is_ours(each)]
    except Failure as failure:
        says = f"webhook subscriptions could not be looked at: {failure.reason}"
        yield Finding("webhook", "warning", says, f"See that there is one: {SUBSCRIBE}")
        return
    active = [each for each in found if each.get("status") == "active"]
    if active:
        yield Finding("webhook", "ok", f"Clarity sends events of orders to {_address(active[0])}")
    elif found:
        fix = "See in Clarity why its deliveries failed, then set it to active."
        yield Finding("webhook", "error", f"the webhook subscription is {found[0].get('status')}: nothing arrives", fix)
    else:
        yield Finding("webhook", "error", f"no webhook subscription for {EVENT} leads to {RECEIVER}", SUBSCRIBE)


def _is_ours(subscription: Document) -> bool:
    leads_here = urlsplit(str(subscription.get("url"))).path.endswith(RECEIVER)
    return leads_here and any(fnmatchcase(EVENT, str(pattern)) for pattern in subscription.get("events") or ())


def _address(subscription: Document) -> str:
    parts = urlsplit(str(subscription["url"]))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
