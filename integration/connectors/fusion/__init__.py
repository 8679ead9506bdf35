"""Oracle Fusion Cloud: takes orders, as ``salesOrdersForOrderHub`` of Order Management, and tells what became of them.

The protocol is Oracle's REST API for Fusion applications (release 11.13.18.05, framework version 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import structlog

from integration.connectors.answers import reading
from integration.connectors.contract import Change, Document, Finding, Gate, OpenKeys, Page, Posted, Work
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.customer.accounts import Customers
from integration.connectors.fusion.errors import RIGHTS, AccessRefused
from integration.connectors.fusion.examination import Examination
from integration.connectors.fusion.invoice.changes import Invoices
from integration.connectors.fusion.order.items import Items
from integration.connectors.fusion.order.payload import Payload
from integration.connectors.fusion.order.post import OrderPost
from integration.connectors.fusion.order.prices import OTHER_AMOUNTS
from integration.connectors.fusion.order.sales_orders import SalesOrder, SalesOrders
from integration.connectors.fusion.order.shown import shown_order
from integration.connectors.fusion.shipment.changes import cancellation, shipments
from integration.errors import Failure, Hold, Misconfigured, Retry, Throttled
from integration.settings import System

logger = structlog.get_logger(__name__)

T = TypeVar("T")


class Fusion:
    """One Fusion pod, as one process calls it.  Threads may share it."""

    kind = "fusion"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 90.0, 4: 300.0, 6: 900.0, 9: None}
    streams = ("orders", "open_orders", "invoices")

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing."""
        options = system.options
        self._system = system
        self._client = Client(system, gate)
        self._orders = options.get("sales_orders_resource") or "salesOrdersForOrderHub"
        self._source_system = options.get("source_system") or "CLARITY"
        self._business_unit = system.option("business_unit")
        self._guest_account = options.get("guest_account", "")
        self._items = Items(self._client, options.get("organization", ""), options.get("fallback_sku", ""))
        self._sales_orders = SalesOrders(self._client, self._orders, self._source_system)
        carries = system.carries_rounding
        self._invoices = Invoices(self._client, self._sales_orders, self._business_unit, carries_rounding=carries)

    def whoami(self) -> str:
        """The client's id, after it has read an order; `Misconfigured` when it may not even do that."""
        path = self._client.path(self._orders)
        try:
            self._client.page(path, limit=1, onlyData="true", fields="OrderKey")
        except AccessRefused as refused:
            raise Misconfigured(f"{refused.reason}: the integration user lacks rights", hint=f"{RIGHTS}.") from refused
        return self._client.id

    def examine(self) -> Iterator[Finding]:
        """Who we are, and what `Examination` finds."""
        yield Finding("credentials", "ok", f"Fusion takes the token of {self.whoami()}, which reads orders")
        yield from Examination(self._client, self._orders, self._system).findings()

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
        any_total = work.approved(OTHER_AMOUNTS)
        payload = Payload(document, self._source_system, self._business_unit, any_total)
        return self._with_rights(lambda: OrderPost(self._client, self._orders, payload, work).ensure())

    def shown(self, entity: str, document: Document, work: Work) -> Document | None:  # noqa: ARG002
        """How the order stands in Fusion, see `shown_order`."""
        assert entity == "order", entity
        key = Payload(document, self._source_system, self._business_unit).order_key
        return self._with_rights(lambda: shown_order(self._client, self._client.path(self._orders, key), document))

    def changes(self, stream: str, since: datetime, page: Document | None, open_keys: OpenKeys) -> Page:
        """Deliveries of orders whose header changed, of open orders by their keys, and invoices that changed.

        An order's header need not change with its lines, nor an invoice when it is paid, and not every pod can be
        asked for changes: so the open orders are read one by one, and bring their invoices with them.
        """
        assert stream in self.streams, stream
        keys = open_keys("order") if stream == "open_orders" else ()
        with reading(f"the {stream} of Fusion"):
            match stream:
                case "orders":
                    return self._with_rights(lambda: self._changed_orders(since, page))
                case "open_orders":
                    changes = [change for key in keys for change in self._of(self._read(key))]
                    return Page(tuple(sorted(changes, key=lambda change: change.at)), None, None)
            return self._invoices.changed(since, page)

    def _changed_orders(self, since: datetime, page: Document | None) -> Page:
        batch = self._sales_orders.changed(since, page)
        orders = [self._read(row["OrderKey"]) for row in batch.rows]
        changes = (change for order in orders if order for change in (*shipments(order), *cancellation(order)))
        return Page(tuple(changes), batch.seen, batch.next)

    def _read(self, key: str) -> SalesOrder | None:
        """The order; None, with a word in the log, for one that cannot be read: the others do not wait for it.

        As long as it is open it is asked for again.
        """
        try:
            return self._sales_orders.read(key)
        except (Throttled, Misconfigured):
            raise
        except Failure as failure:
            if isinstance(failure, Retry) and failure.counts_for_breaker and failure.code != "http_500":
                raise  # the pod is away, not this order odd
            logger.error("an order cannot be read", order=key, reason=failure.reason)
            return None

    def _of(self, order: SalesOrder | None) -> list[Change]:
        """What is to be told of an open order; its shipments do not wait for invoices that cannot be read."""
        if order is None:
            return []
        try:
            return [*shipments(order), *cancellation(order), *self._invoices.of(order)]
        except Throttled:
            raise
        except Failure as failure:
            logger.warning("the invoices of an order cannot be read", order=order.key, reason=failure.reason)
            return [*shipments(order), *cancellation(order)]

    def _ids(self, document: Document, work: Work) -> Document:
        if not document["lines"] or not all(line["sku"] for line in document["lines"]):
            raise Hold(
                "a line has no SKU, and Fusion takes no line without an item",
                hint="Give the product a SKU in Clarity. {again}",
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
