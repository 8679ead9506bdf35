"""Odoo: takes orders, customers and products, and is polled for what it owns of them.

Over JSON-2 (19 and later) or JSON-RPC (14 to 18).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integration.connectors.contract import Connector, Finding, Setting, Stream, Verbs, with_rights
from integration.connectors.odoo.customer.changes import customers
from integration.connectors.odoo.customer.post import post_customer, shown_customer
from integration.connectors.odoo.errors import AccessRefused
from integration.connectors.odoo.examination import Examination
from integration.connectors.odoo.invoice.changes import invoices
from integration.connectors.odoo.order.cancellations import cancellations
from integration.connectors.odoo.order.enrich import enrich_order
from integration.connectors.odoo.order.post import post_order
from integration.connectors.odoo.order.shown import shown_order
from integration.connectors.odoo.payment.post import post_payment, shown_payment
from integration.connectors.odoo.product.changes import products
from integration.connectors.odoo.product.picture import post_picture, shown_picture
from integration.connectors.odoo.product.post import post_product, shown_product
from integration.connectors.odoo.refund.changes import refunds
from integration.connectors.odoo.returned.changes import returns
from integration.connectors.odoo.returned.post import post_return, shown_return
from integration.connectors.odoo.shipment.changes import pickings
from integration.connectors.odoo.site import Site, permitted
from integration.connectors.odoo.stock.changes import levels

checked = with_rights(AccessRefused)


class Odoo(Connector[Site]):
    """One Odoo database."""

    kind = "odoo"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 30.0, 3: 120.0, 5: 600.0, 8: None}
    opens = Site
    settings = (
        Setting("api_key", "the integration user's API key; over JSON-RPC a password", secret=True, required=True),
        Setting("db", "the database, where the server has several"),
        Setting("username", "the integration user's login; needed over JSON-RPC"),
        Setting("protocol", "auto, json2 or jsonrpc"),
        Setting("fallback_sku", "the product for SKUs that Odoo does not know; without it they are held"),
        Setting("picture_hosts", "the hosts that pictures of products are taken from, between commas; none without it"),
        Setting("pricelist_*", "the name of the pricelist, where Odoo has several in that currency"),
        Setting("tax_*_included", "the name of the sales tax included in prices, where Odoo has several of that rate"),
        Setting("tax_*_excluded", "the name of the sales tax on top of prices, where Odoo has several of that rate"),
        Setting("hint_token", "the secret part of the address for Odoo's hints", secret=True),
        Setting("guest_key", "mixed into the identity of guests, so that it does not reveal their e-mail", secret=True),
    )
    verbs: Mapping[str, Verbs[Site]] = {
        "order": Verbs(checked(enrich_order), checked(post_order), checked(shown_order)),
        "customer": Verbs(post=checked(post_customer), shown=checked(shown_customer)),
        "product": Verbs(post=checked(post_product), shown=checked(shown_product)),
        "product_picture": Verbs(post=checked(post_picture), shown=checked(shown_picture)),
        "payment": Verbs(post=checked(post_payment), shown=checked(shown_payment)),
        "return": Verbs(post=checked(post_return), shown=checked(shown_return)),
    }
    streams: Mapping[str, Stream[Site]] = {
        "pickings": Stream(frozenset({"shipment.changed"}), permitted("pickings", pickings)),
        "invoices": Stream(frozenset({"invoice.changed"}), permitted("invoices", invoices)),
        "refunds": Stream(frozenset({"refund.changed", "invoice.changed"}), permitted("refunds", refunds)),
        "cancellations": Stream(frozenset({"cancellation.changed"}), permitted("cancellations", cancellations)),
        "returns": Stream(frozenset({"return.received"}), permitted("returns", returns)),
        "customers": Stream(frozenset({"customer.changed"}), permitted("customers", customers)),
        "products": Stream(frozenset({"product.changed"}), permitted("products", products)),
        "stock": Stream(frozenset({"stock.changed"}), permitted("stock", levels)),
    }

    def examine(self) -> Iterator[Finding]:
        """Who we are, by which protocol, and what `Examination` finds."""
        login = self.whoami()
        yield Finding("credentials", "ok", f"Odoo knows us as {login} over {self.site.client.dialect.name}")
        yield from Examination(self.site.client, self.site.catalog, self.site.system).findings()
