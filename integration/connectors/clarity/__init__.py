"""Clarity eCommerce: reads its orders, and shows there what has become of them.

The protocol is Clarity API v1 as our sandbox has it (JSON, OAuth 2.0 client credentials, Idempotency-Key).
"""

from __future__ import annotations

from collections.abc import Mapping

from integration.connectors.clarity.client import Client
from integration.connectors.clarity.order_status import show_status
from integration.connectors.contract import Document, Gate, Posted, Work
from integration.settings import System


class Clarity:
    """One Clarity shop, as one hop or one poll calls it."""

    kind = "clarity"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 30.0, 3: 120.0, 5: 600.0, 9: None}

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing."""
        self._client = Client(system, gate)

    def whoami(self) -> str:
        """The client's id, after it has read from the shop."""
        self._client.get("/orders?pageSize=1")
        return self._client.id

    def fetch(self, entity: str, id: str) -> Document:
        """An order as it is now; `Hold` when there is none of this id."""
        assert entity == "order", entity
        return self._client.order(id)

    def enrich(self, entity: str, document: Document, work: Work) -> Document:  # noqa: ARG002
        """Nothing is missing that only Clarity knows."""
        return document

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Shows a status: see `show_status`."""
        assert entity == "order_status", entity
        return show_status(self._client, document, work)
