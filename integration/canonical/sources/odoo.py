"""Shipments and invoices as the polls of Odoo give them, under Odoo's names."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.sources.of_an_order import OfAnOrder
from integration.canonical.values import ABSENT, Amount, AsReceived, Rows, Text


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
    """A customer invoice (account.move), or the order's share of it; ``residual`` is what is still to be paid.

    ``credited`` is what credit notes have settled of it and ``paid`` what payments have, where there are credit notes.
    ``issued`` is true of a draft that was posted before.
    """

    name = Text()
    state = Text(required=True)
    payment_state = Text()
    date = Text()
    due = Text()
    currency = Text(required=True)
    total = Amount(required=True)
    tax = Amount()
    residual = Amount(required=True)
    credited = Amount()
    paid = Amount()
    issued = fields.Boolean(load_default=False)
    order_invoiced = Amount(required=True)
    order_credited = Amount()
    order_rounding = Amount()
    order_complete = fields.Boolean(required=True, error_messages=ABSENT)
