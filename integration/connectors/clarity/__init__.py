"""Clarity eCommerce: its orders are read here, and it is shown their status, shipments, invoices and refunds.

The protocol is Clarity API v1 as our sandbox has it (JSON, OAuth 2.0 client credentials, Idempotency-Key).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integration.connectors.clarity.client import Client
from integration.connectors.clarity.customer.post import fetch_customer, post_customer, shown_customer
from integration.connectors.clarity.examination import findings
from integration.connectors.clarity.invoice.post import post_invoice, shown_invoice
from integration.connectors.clarity.order.cancellation import post_cancellation, shown_cancellation
from integration.connectors.clarity.order.fetch import fetch_order
from integration.connectors.clarity.order.status import post_status, shown_status
from integration.connectors.clarity.product.post import fetch_product, post_product, shown_product
from integration.connectors.clarity.refund.post import post_refund, shown_refund
from integration.connectors.clarity.returned.fetch import fetch_return
from integration.connectors.clarity.returned.post import post_returned_goods, shown_returned_goods
from integration.connectors.clarity.shipment.post import post_shipment, shown_shipment
from integration.connectors.clarity.stock.post import post_level, shown_level
from integration.connectors.contract import Connector, Finding, Setting, Verbs
from integration.connectors.oauth import CREDENTIALS


class Clarity(Connector[Client]):
    """One Clarity store."""

    kind = "clarity"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 30.0, 3: 120.0, 5: 600.0, 9: None}
    opens = Client
    settings = (
        *CREDENTIALS,
        Setting("cancellations", "what an ERP may cancel: unpaid (if not set), all, or hold: a person decides"),
    )
    verbs: Mapping[str, Verbs[Client]] = {
        "order": Verbs(fetch=fetch_order),
        "product": Verbs(post=post_product, shown=shown_product, fetch=fetch_product),
        "product_picture": Verbs(fetch=fetch_product),
        "customer": Verbs(post=post_customer, shown=shown_customer, fetch=fetch_customer),
        "order_status": Verbs(post=post_status, shown=shown_status),
        "cancellation": Verbs(post=post_cancellation, shown=shown_cancellation),
        "shipment": Verbs(post=post_shipment, shown=shown_shipment),
        "invoice": Verbs(post=post_invoice, shown=shown_invoice),
        "return": Verbs(fetch=fetch_return),
        "returned_goods": Verbs(post=post_returned_goods, shown=shown_returned_goods),
        "refund": Verbs(post=post_refund, shown=shown_refund),
        "stock_level": Verbs(post=post_level, shown=shown_level),
    }

    def examine(self) -> Iterator[Finding]:
        """Who we are, what we may do, and whether Clarity sends us the events of its orders."""
        yield Finding("credentials", "ok", f"Clarity takes the token of {self.whoami()}, which reads orders")
        yield from findings(self.site)
