"""The documents as each system gives them, checked by a schema before a mapping reads them."""

from __future__ import annotations

from marshmallow import Schema

from integration.canonical.sources.clarity import ClarityOrder
from integration.canonical.sources.customers import ClarityCustomerRecord, FusionCustomer, OdooCustomer
from integration.canonical.sources.fusion import FusionInvoice, FusionShipment
from integration.canonical.sources.odoo import OdooInvoice, OdooShipment
from integration.canonical.sources.of_an_order import CancellationOfAnOrder
from integration.canonical.sources.products import ClarityProduct, FusionProduct, OdooProduct
from integration.canonical.sources.refunds import OdooRefund
from integration.canonical.sources.returns import ClarityReturn, OdooReturnedGoods
from integration.canonical.sources.stock import OdooStockLevel

SOURCES: dict[str, Schema] = {
    "clarity.customer": ClarityCustomerRecord(),
    "clarity.order": ClarityOrder(),
    "clarity.product": ClarityProduct(),
    "clarity.return": ClarityReturn(),
    "fusion.cancellation": CancellationOfAnOrder(),
    "fusion.customer": FusionCustomer(),
    "fusion.invoice": FusionInvoice(),
    "fusion.product": FusionProduct(),
    "fusion.shipment": FusionShipment(),
    "odoo.cancellation": CancellationOfAnOrder(),
    "odoo.customer": OdooCustomer(),
    "odoo.invoice": OdooInvoice(),
    "odoo.product": OdooProduct(),
    "odoo.refund": OdooRefund(),
    "odoo.returned_goods": OdooReturnedGoods(),
    "odoo.shipment": OdooShipment(),
    "odoo.stock_level": OdooStockLevel(),
}
"""One line per document that a source sends, by the name that mappings call it."""
