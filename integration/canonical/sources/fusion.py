"""Shipments and invoices as the polls of Fusion give them, under Fusion's names."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.sources.of_an_order import OfAnOrder
from integration.canonical.values import ABSENT, Amount, AsReceived, Id, Rows, Text


class FusionShipmentLine(AsReceived):
    """``key`` is the SourceTransactionLineId, the status that of the fulfilment line."""

    key = Id()
    sku = Text()
    quantity = Amount(required=True)
    substitute = fields.Boolean(load_default=False)
    StatusCode = Text()


class FusionShipment(OfAnOrder):
    """What left under one delivery name, or, without one, what of the order has not left yet."""

    OrderNumber = Id()
    DeliveryName = Id()
    ActualShipDate = Text()
    TrackingNumbers = fields.List(Text(), load_default=list)
    WaybillNumber = Text()
    lines = Rows(FusionShipmentLine)


class FusionInvoice(OfAnOrder):
    """A receivables invoice, or the order's share of it."""

    TransactionNumber = Id()
    TransactionDate = Text()
    DueDate = Text()
    InvoiceStatus = Text(required=True)
    InvoiceCurrencyCode = Text(required=True)
    EnteredAmount = Amount(required=True)
    InvoiceBalanceAmount = Amount(required=True)
    order_invoiced = Amount(required=True)
    order_rounding = Amount()
    order_complete = fields.Boolean(required=True, error_messages=ABSENT)
