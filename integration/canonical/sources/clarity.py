"""Clarity's order as it is received (sandbox contract of Clarity API v1), checked field by field.

Names are Clarity's.  Loading turns money and quantities into `Decimal`, times into UTC, empty text into None, and
keeps what the contract does not name, so that a mapping can use a customer's own fields.  What may be all digits, a SKU
or a postal code, may come as a JSON number.
"""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import ABSENT, Amount, AsReceived, Attributes, Factor, Id, Rows, Text, Time, Version


class ClarityTax(AsReceived):
    code = Id(required=True)
    rate = Factor(required=True)
    amount = Amount(required=True)


class ClarityDiscount(AsReceived):
    id = Id()
    code = Id()
    amount = Amount(required=True)


class ClarityLine(AsReceived):
    id = Id(required=True)
    sku = Id()
    name = Text()
    kind = Text()
    quantity = Amount(required=True)
    uom = Id()
    unitPrice = Factor(required=True)
    discounts = Rows(ClarityDiscount)
    taxes = Rows(ClarityTax)
    lineTotal = Amount(required=True)
    requiresShipping = fields.Boolean(load_default=None)
    customAttributes = Attributes(load_default=None)


class ClarityShippingLine(AsReceived):
    id = Id()
    code = Id()
    name = Text()
    price = Amount(required=True)
    discounts = Rows(ClarityDiscount)
    taxes = Rows(ClarityTax)


class ClarityFee(AsReceived):
    id = Id()
    code = Id()
    name = Text()
    amount = Amount(required=True)
    taxes = Rows(ClarityTax)


class ClarityPayment(AsReceived):
    id = Id()
    method = Text()
    amount = Amount(required=True)
    status = Text()


class ClarityRefund(AsReceived):
    id = Id()
    amount = Amount()
    status = Text()


class ClarityAddress(AsReceived):
    name = Text()
    company = Text()
    line1 = Text()
    line2 = Text()
    city = Text()
    region = Text()
    postalCode = Id()
    countryCode = Text()
    phone = Id()
    email = Text()


class ClarityCustomer(AsReceived):
    id = Id()
    type = Text()
    email = Text()
    name = Text()
    company = Text()
    phone = Id()
    taxId = Id()
    accountNumber = Id()


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
    purchaseOrderNumber = Id()
    paymentTerms = Id()
    billingAddress = fields.Nested(ClarityAddress, load_default=None)
    shippingAddress = fields.Nested(ClarityAddress, load_default=None)
    lines = Rows(ClarityLine)
    shippingLines = Rows(ClarityShippingLine)
    fees = Rows(ClarityFee)
    discounts = Rows(ClarityDiscount)
    payments = Rows(ClarityPayment)
    refunds = Rows(ClarityRefund)
    totals = fields.Nested(ClarityTotals, required=True, error_messages=ABSENT)
    notes = Text()
    tags = fields.List(Text(), load_default=list, allow_none=True)
    customAttributes = Attributes(load_default=None)
