"""Clarity's order as it is received (sandbox contract of Clarity API v1), checked field by field.

Names are Clarity's.  Loading turns money and quantities into `Decimal`, times into UTC, empty text into None, and
keeps what the contract does not name, so that a mapping can use a customer's own fields.
"""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import ABSENT, Amount, AsReceived, Id, Rows, Text, Time, Version


class ClarityTax(AsReceived):
    code = Text(required=True)
    rate = Amount(required=True)
    amount = Amount(required=True)


class ClarityDiscount(AsReceived):
    code = Text()
    amount = Amount(required=True)


class ClarityLine(AsReceived):
    id = Id(required=True)
    sku = Text()
    name = Text()
    kind = Text()
    quantity = Amount(required=True)
    uom = Text()
    unitPrice = Amount(required=True)
    discounts = Rows(ClarityDiscount)
    taxes = Rows(ClarityTax)
    lineTotal = Amount(required=True)
    requiresShipping = fields.Boolean(load_default=None)
    customAttributes = fields.Dict(load_default=None)


class ClarityShippingLine(AsReceived):
    code = Text()
    name = Text()
    price = Amount(required=True)
    discounts = Rows(ClarityDiscount)
    taxes = Rows(ClarityTax)


class ClarityFee(AsReceived):
    code = Text()
    name = Text()
    amount = Amount(required=True)
    taxes = Rows(ClarityTax)


class ClarityPayment(AsReceived):
    id = Id()
    method = Text()
    amount = Amount(required=True)
    status = Text()


class ClarityAddress(AsReceived):
    name = Text()
    company = Text()
    line1 = Text()
    line2 = Text()
    city = Text()
    region = Text()
    postalCode = Text()
    countryCode = Text()
    phone = Text()
    email = Text()


class ClarityCustomer(AsReceived):
    id = Id()
    type = Text()
    email = Text()
    name = Text()
    company = Text()
    phone = Text()
    taxId = Text()
    accountNumber = Text()


class ClarityTotals(AsReceived):
    subtotal = Amount()
    discount = Amount()
    shipping = Amount()
    fees = Amount()
    tax = Amount()
    grandTotal = Amount(required=True)
    giftCard = Amount()
    balanceDue = Amount()


class ClarityOrder(AsReceived):
    id = Id(required=True)
    number = Id()
    version = Version(required=True)
    status = Text(required=True)
    paymentStatus = Text()
    placedAt = Time()
    createdDate = Time()
    updatedDate = Time()
    currency = Text(required=True)
    taxIncluded = fields.Boolean(required=True, error_messages=ABSENT)
    customer = fields.Nested(ClarityCustomer, load_default=None)
    purchaseOrderNumber = Text()
    paymentTerms = Text()
    billingAddress = fields.Nested(ClarityAddress, load_default=None)
    shippingAddress = fields.Nested(ClarityAddress, load_default=None)
    lines = Rows(ClarityLine)
    shippingLines = Rows(ClarityShippingLine)
    fees = Rows(ClarityFee)
    discounts = Rows(ClarityDiscount)
    payments = Rows(ClarityPayment)
    totals = fields.Nested(ClarityTotals, required=True, error_messages=ABSENT)
    notes = Text()
    tags = fields.List(Text(), load_default=list, allow_none=True)
    customAttributes = fields.Dict(load_default=None)
