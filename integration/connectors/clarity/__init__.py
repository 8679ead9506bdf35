"""Clarity eCommerce: reads its orders, and shows there what has become of them.

The protocol is Clarity API v1 as our sandbox has it (JSON, OAuth 2.0 client credentials, Idempotency-Key).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from integration.connectors.clarity.client import Client
from integration.connectors.clarity.examination import findings
from integration.connectors.clarity.invoice.post import show_invoice, shown_invoice
from integration.connectors.clarity.order.status import show_status, shown_status
from integration.connectors.clarity.shipment.post import show_shipment, shown_shipment
from integration.connectors.contract import Document, Finding, Gate, Posted, Work
from integration.settings import System

SHOW: Mapping[str, Callable[[Client, Document, Work], Posted]] = {
    "order_status": show_status,
    "shipment": show_shipment,
    "invoice": show_invoice,
}

SHOWN: Mapping[str, Callable[[Client, Document, Work], Document | None]] = {
    "order_status": shown_status,
    "shipment": shown_shipment,
    "invoice": shown_invoice,
}


class Clarity:
    """One Clarity shop, as one hop or one poll calls it."""

    kind = "clarity"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 30.0, 3: 120.0, 5: 600.0, 9: None}

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing."""
        self._client = Client(system, gate)

    def whoami(self) -> str:
        """The client's id, after it has read from the shop."""
        self._client.page("/orders", pageSize="1")
        return self._client.id

    def fetch(self, entity: str, id: str) -> Document:
        """An order as it is now; `Hold` when there is none of this id."""
        assert entity == "order", entity
        return self._client.order(id)

    def examine(self) -> Iterator[Finding]:
        """Who we are, what we may do, and whether the shop tells us of its orders."""
        yield Finding("credentials", "ok", f"Clarity takes the token of {self.whoami()}, which reads orders")
        yield from findings(self._client)

    def enrich(self, entity: str, document: Document, work: Work) -> Document:  # noqa: ARG002
        """Nothing is missing that only Clarity knows."""
        return document

    def shown(self, entity: str, document: Document, work: Work) -> Document | None:
        """How the shop shows an order's status, a shipment or an invoice."""
        return SHOWN[entity](self._client, document, work)

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Shows a status, a shipment or an invoice: see `show_status`, `show_shipment`, `show_invoice`."""
        return SHOW[entity](self._client, document, work)
