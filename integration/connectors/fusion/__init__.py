"""Oracle Fusion Cloud: takes orders, as ``salesOrdersForOrderHub`` of Order Management; is polled for what follows.

The protocol is Oracle's REST API for Fusion applications (release 11.13.18.05, framework version 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integration.connectors.contract import Connector, Finding, Setting, Stream, Verbs, with_rights
from integration.connectors.fusion import streams
from integration.connectors.fusion.customer.post import post_customer, shown_customer
from integration.connectors.fusion.errors import AccessRefused
from integration.connectors.fusion.examination import Examination
from integration.connectors.fusion.order.enrich import enrich_order
from integration.connectors.fusion.order.post import post_order
from integration.connectors.fusion.order.shown import shown_order
from integration.connectors.fusion.product.post import post_product, shown_product
from integration.connectors.fusion.site import Site
from integration.connectors.oauth import CREDENTIALS

SHIPMENTS = frozenset({"shipment.changed", "cancellation.changed"})
INVOICES = frozenset({"invoice.changed"})

checked = with_rights(AccessRefused)


class Fusion(Connector[Site]):
    """One Fusion pod."""

    kind = "fusion"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 90.0, 4: 300.0, 6: 900.0, 9: None}
    opens = Site
    settings = (
        *CREDENTIALS,
        Setting("scope", "the OAuth 2.0 scope of the client"),
        Setting("business_unit", "the business unit of orders and invoices, by id or name", required=True),
        Setting("source_system", "the source system of the orders; CLARITY if not set"),
        Setting("guest_account", "the number of the account for customers without one"),
        Setting("create_accounts", "the id of the address set in which accounts, and sites that they lack, are made"),
        Setting("fallback_sku", "the item for SKUs that Fusion does not know; without it they are held"),
        Setting("organization", "the code of the organization in which items are looked up"),
        Setting("create_items", "the codes of the organizations in which items are made, the item master first"),
        Setting("release", "the release in the REST paths"),
        Setting("sales_orders_resource", "the name of the sales orders resource, where a pod has another one"),
    )
    verbs: Mapping[str, Verbs[Site]] = {
        "order": Verbs(checked(enrich_order), checked(post_order), checked(shown_order)),
        "customer": Verbs(post=checked(post_customer), shown=shown_customer),
        "product": Verbs(post=checked(post_product), shown=shown_product),
    }
    streams: Mapping[str, Stream[Site]] = {
        "orders": Stream(SHIPMENTS, streams.orders),
        "open_orders": Stream(SHIPMENTS | INVOICES, streams.open_orders),
        "invoices": Stream(INVOICES, streams.invoices),
        "customers": Stream(frozenset({"customer.changed"}), streams.customers),
        "products": Stream(frozenset({"product.changed"}), streams.products),
    }

    def examine(self) -> Iterator[Finding]:
        """Who we are, and what `Examination` finds."""
        yield Finding("credentials", "ok", f"Fusion takes the token of {self.whoami()}, which reads orders")
        yield from Examination(self.site.client, self.site.resource, self.site.system).findings()
