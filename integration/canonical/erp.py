"""Shipments and invoices as the polls of the ERPs give them, with what is known of the order they belong to.

Names are the ERP's.  Loading turns amounts into `Decimal` and empty text into None, and keeps what is not named here,
so that a mapping can use it.
"""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import ABSENT, Amount, AsReceived, Id, Rows, Text


class KnownLine(AsReceived):
    """A line that the ERP carries of the order.

    ``left`` is what none of its other shipments has, ``keys`` are all names under which the line may come back.
    """

    id = Id(required=True)
    sku = Text()
    quantity = Amount(required=True)
    left = Amount(required=True)
    keys = fields.List(Id(required=True), required=True, error_messages=ABSENT)


class KnownOrder(AsReceived):
    """The order as it was posted there."""

    id = Id(required=True)
    currency = Text(required=True)
    amount = Amount(required=True)
    lines = Rows(KnownLine)


class OfAnOrder(AsReceived):
    """``source`` is the installation, ``object_id`` the installation and their id: "odoo-1/17"."""

    object_id = Text(required=True)
    source = Text(required=True)
    order = fields.Nested(KnownOrder, required=True, error_messages=ABSENT)


class OdooShipmentLine(AsReceived):
    """``key`` is the name of the sale line's external id; None for a line that was added in Odoo.

    ``substitute``: another product left than was ordered.  ``extra``: it left beyond what was ordered.  ``uncounted``:
    the parts of a kit make other sets than Odoo counts.
    """

    key = Text()
    sku = Text()
    quantity = Amount(required=True)
    substitute = fields.Boolean(load_default=False)
    extra = fields.Boolean(load_default=False)
    uncounted = fields.Boolean(load_default=False)


class OdooShipment(OfAnOrder):
    """A transfer (stock.picking)."""

    name = Text()
    state = Text(required=True)
    date_done = Text()
    carrier = Text()
    tracking = Text()
    lines = Rows(OdooShipmentLine)


class OdooInvoice(OfAnOrder):
    """A customer invoice (account.move), or the order's share of it; ``residual`` is what is still to be paid."""

    name = Text()
    state = Text(required=True)
    payment_state = Text()
    date = Text()
    due = Text()
    currency = Text(required=True)
    total = Amount(required=True)
    tax = Amount()
    residual = Amount(required=True)
    order_invoiced = Amount(required=True)
    order_rounding = Amount()
    order_complete = fields.Boolean(required=True, error_messages=ABSENT)


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


class ErpReversalLine(AsReceived):
    """How much of a product came back."""

    sku = Text()
    quantity = Amount(required=True)


class ErpReversal(OfAnOrder):
    """An order that was cancelled in the ERP, or a transfer that brought goods of it back."""

    name = Text()
    kind = Text(required=True)
    lines = Rows(ErpReversalLine)
