"""Oracle Fusion Cloud: takes orders, as ``salesOrdersForOrderHub`` of Order Management.

The protocol is Oracle's REST API for Fusion applications (release 11.13.18.05, framework version 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from integration.connectors.contract import Document, Gate, Posted, Work
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.customer import Customers
from integration.connectors.fusion.errors import RIGHTS, AccessRefused, NoSuchResource, NotThere
from integration.connectors.fusion.items import Items
from integration.connectors.fusion.order import OrderPost
from integration.connectors.fusion.payload import Payload
from integration.errors import Hold, Misconfigured
from integration.settings import System

T = TypeVar("T")


class Fusion:
    """One Fusion pod, as one process calls it.  Threads may share it."""

    kind = "fusion"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 90.0, 4: 300.0, 6: 900.0, 9: None}

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing."""
        options = system.options
        self._client = Client(system, gate)
        self._orders = options.get("sales_orders_resource") or "salesOrdersForOrderHub"
        self._source_system = options.get("source_system") or "CLARITY"
        self._business_unit = system.option("business_unit")
        self._guest_account = options.get("guest_account", "")
        self._items = Items(self._client, options.get("organization", ""), options.get("fallback_sku", ""))

    def whoami(self) -> str:
        """The client's id, after it has read an order; `Misconfigured` when it may not even do that."""
        path = self._client.path(self._orders)
        try:
            self._client.get(path, limit=1, onlyData="true", fields="OrderKey")
        except NotThere as absent:
            raise NoSuchResource(path) from absent
        except AccessRefused as refused:
            raise Misconfigured(f"{refused.reason}: the integration user lacks rights", hint=f"{RIGHTS}.") from refused
        return self._client.id

    def enrich(self, entity: str, document: Document, work: Work) -> Document:
        """The document with ``ids``: the customer's account and sites, and the items of the lines.

        Creates nothing.  Raises `Hold` for whatever Fusion does not know and we may not guess.
        """
        assert entity == "order", entity
        if document["status"] == "cancelled":
            return document
        return self._with_rights(lambda: {**document, "ids": self._ids(document, work)})

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Makes Fusion show the order, see `OrderPost.ensure`."""
        assert entity == "order", entity
        payload = Payload(document, self._source_system, self._business_unit)
        return self._with_rights(lambda: OrderPost(self._client, self._orders, payload, work).ensure())

    def _ids(self, document: Document, work: Work) -> Document:
        if not document["lines"] or not all(line["sku"] for line in document["lines"]):
            raise Hold(
                "a line has no SKU, and Fusion takes no line without an item",
                hint="Give the product a SKU in Clarity, then send the order again.",
                code="unknown_sku",
            )
        items = self._items.numbers(line["sku"] for line in document["lines"])
        return {**Customers(self._client, work, self._guest_account).resolve(document), "items": items}

    def _with_rights(self, body: Callable[[], T]) -> T:
        """A refusal holds this one document, unless the user may do nothing at all: then `whoami` raises."""
        try:
            return body()
        except AccessRefused:
            self.whoami()
            raise
