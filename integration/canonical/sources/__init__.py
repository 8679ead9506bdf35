"""The documents as each system gives them, checked by a schema before a mapping reads them."""

from __future__ import annotations

from marshmallow import Schema

from integration.canonical.sources.clarity import ClarityOrder
from integration.canonical.sources.customers import ClarityCustomerRecord, FusionCustomer, OdooCustomer
from integration.canonical.sources.fusion import FusionInvoice, FusionShipment
from integration.canonical.sources.odoo import OdooInvoice, OdooShipment
from integration.canonical.sources.of_an_order import ReversalOfAnOrder
from integration.canonical.sources.products import ClarityProduct
from integration.canonical.sources.stock import OdooStockLevel

SOURCES: dict[str, Schema] = {
    "clarity.customer": ClarityCustomerRecord(),
    "clarity.order": ClarityOrder(),
    "clarity.product": ClarityProduct(),
    "fusion.customer": FusionCustomer(),
    "fusion.invoice": FusionInvoice(),
    "fusion.reversal": ReversalOfAnOrder(),
    "fusion.shipment": FusionShipment(),
    "odoo.customer": OdooCustomer(),
    "odoo.invoice": OdooInvoice(),
    "odoo.reversal": ReversalOfAnOrder(),
    "odoo.shipment": OdooShipment(),
    "odoo.stock_level": OdooStockLevel(),
}
"""One line per document that a source sends, by the name that mappings call it."""
