"""The canonical order: what an order is between the systems, whatever they call it.

Money and quantities are `Decimal`, times are RFC 3339 in UTC, an absent value is None, a list is never None.
"""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import (
    ABSENT,
    Amount,
    Attributes,
    Choice,
    Day,
    Factor,
    Id,
    Rows,
    Strict,
    Text,
    Time,
    Version,
)

STATUSES = (
    "pending",
    "confirmed",
    "on_hold",
    "backordered",
    "processing",
    "ready_for_pickup",
    "partially_shipped",
    "shipped",
    "completed",
    "cancelled",
    "void",
)
CANCELLED = ("cancelled", "void")


class Tax(Strict):
    """One tax on a line: ``rate`` is a fraction (0.23), ``amount`` is what it came to."""

    code = Text(required=True)
    rate = Factor(required=True)
    amount = Amount(required=True)


class Line(Strict):
    """One thing ordered.  ``total`` is quantity x unit price - ``discount``, with or without tax as the order says.

    A line of quantity 0 was removed: nothing of it is to be delivered or billed.
    """

    id = Id(required=True)
    sku = Text()
    name = Text()
    kind = Text()
    quantity = Amount(required=True)
    uom = Text()
    unit_price = Factor(required=True)
    discount = Amount(required=True)
    total = Amount(required=True)
    taxes = Rows(Tax)
    requires_shipping = fields.Boolean(load_default=None)
    attributes = Attributes(load_default=dict)


class ShippingLine(Strict):
    code = Text()
    name = Text()
    price = Amount(required=True)
    discount = Amount(required=True)
    taxes = Rows(Tax)


class Fee(Strict):
    code = Text()
    name = Text()
    amount = Amount(required=True)
    taxes = Rows(Tax)


class Discount(Strict):
    """A discount on the order as a whole; it lowers the grand total and no tax."""

    code = Text()
    amount = Amount(required=True)


class Payment(Strict):
    id = Id()
    method = Text()
    amount = Amount(required=True)
    status = Text()


class Refund(Strict):
    """Money that went back to the customer; ``amount`` is above zero, or below, as Clarity counts."""

    id = Id()
    amount = Amount()
    status = Text()


class Address(Strict):
    name = Text()
    company = Text()
    line1 = Text()
    line2 = Text()
    city = Text()
    region = Text()
    postal_code = Text()
    country = Text()
    phone = Text()
    email = Text()


class Customer(Strict):
    """Who ordered; ``id`` is None for a guest."""

    id = Id()
    type = Choice("person", "company")
    email = Text()
    name = Text()
    company = Text()
    phone = Text()
    tax_id = Text()
    account_number = Text()


class Totals(Strict):
    """The order's sums as Clarity states them; `check_order` holds them against the lines."""

    subtotal = Amount()
    discount = Amount()
    shipping = Amount()
    fees = Amount()
    tax = Amount()
    grand_total = Amount(required=True)
    gift_card = Amount()
    balance_due = Amount()


class Conversion(Strict):
    """At which rate of which day an order was converted from Clarity's currency, and how far its total is off that."""

    from_currency = Text(required=True)
    to_currency = Text(required=True)
    date = Day(required=True)
    rate = Factor(required=True)
    rounded = Amount(required=True)


class Order(Strict):
    """``tax_rounding`` says where Clarity rounds taxes: per unit, per line, or once per order.

    ``conversion`` is there only in what a target gets in another currency than Clarity's.
    """

    id = Id(required=True)
    number = Text(required=True)
    version = Version(required=True)
    status = Text(required=True)
    payment_status = Text()
    placed_at = Time(required=True)
    updated_at = Time()
    currency = Text(required=True)
    conversion = fields.Nested(Conversion)
    tax_included = fields.Boolean(required=True, error_messages=ABSENT)
    tax_rounding = Choice("line", "unit", "order")
    customer = fields.Nested(Customer, load_default=None)
    purchase_order_number = Text()
    payment_terms = Text()
    billing_address = fields.Nested(Address, load_default=None)
    shipping_address = fields.Nested(Address, load_default=None)
    lines = Rows(Line)
    shipping_lines = Rows(ShippingLine)
    fees = Rows(Fee)
    discounts = Rows(Discount)
    payments = Rows(Payment)
    refunds = Rows(Refund)
    totals = fields.Nested(Totals, required=True, error_messages=ABSENT)
    notes = Text()
    tags = fields.List(Text(), load_default=list)
    attributes = Attributes(load_default=dict)
