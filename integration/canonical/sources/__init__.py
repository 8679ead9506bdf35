"""The documents as each system gives them, checked by a schema before a mapping reads them."""

from __future__ import annotations

from marshmallow import Schema

from integration.canonical.sources.clarity import ClarityOrder
from integration.canonical.sources.customers import ClarityCustomerRecord, FusionCustomer, OdooCustomer
from integration.canonical.sources.fusion import FusionInvoice, FusionShipment
from integration.canonical.sources.odoo import OdooInvoice, OdooShipment
from integration.canonical.sources.of_an_order import ReversalOfAnOrder
from integration.canonical.sources.products import ClarityProduct
from integration.canonical.sources.returns import ClarityReturn, OdooReturnedGoods

SOURCES: dict[str, Schema] = {
    "clarity.customer": ClarityCustomerRecord(),
    "clarity.order": ClarityOrder(),
    "clarity.product": ClarityProduct(),
    "clarity.return": ClarityReturn(),
    "fusion.customer": FusionCustomer(),
    "fusion.invoice": FusionInvoice(),
    "fusion.reversal": ReversalOfAnOrder(),
    "fusion.shipment": FusionShipment(),
    "odoo.customer": OdooCustomer(),
    "odoo.invoice": OdooInvoice(),
    "odoo.returned_goods": OdooReturnedGoods(),
    "odoo.reversal": ReversalOfAnOrder(),
    "odoo.shipment": OdooShipment(),
}
"""One line per document that a source sends, by the name that mappings call it."""
