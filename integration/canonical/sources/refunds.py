"""Credit notes as the polls of ERPs give them, under their names there."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.sources.of_an_order import OfAnOrder
from integration.canonical.values import ABSENT, Amount, AsReceived, Rows, Text


class CreditedLine(AsReceived):
    """``key`` names the order's line; ``kind`` is line, or what else is credited: shipping, fee, discount or other."""

    key = Text()
    kind = Text(required=True)
    quantity = Amount(required=True)
    amount = Amount(required=True)


class OdooRefund(OfAnOrder):
    """A customer credit note (account.move), or the order's share of it.

    ``invoice`` is the invoice that it takes back, if it names one.  ``certain`` is false where it could be of any of
    several orders.
    """

    name = Text()
    state = Text(required=True)
    date = Text()
    reason = Text()
    currency = Text(required=True)
    total = Amount(required=True)
    tax = Amount()
    certain = fields.Boolean(required=True, error_messages=ABSENT)
    lines = Rows(CreditedLine)
    invoice = Text()
    invoice_payment_state = Text()
    order_invoiced = Amount(required=True)
    order_credited = Amount(required=True)
