"""Customers as Clarity sends them and as the polls of the ERPs read them; names are those of each system."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.sources.clarity import ClarityAddress, ClarityCustomer
from integration.canonical.values import Amount, AsReceived, Attributes, Id, Rows, Text, Time, Version


class ClarityCustomerAddress(ClarityAddress):
    """One of several; an order carries its addresses without these three fields."""

    id = Id(required=True)
    kind = Text(required=True)
    isDefault = fields.Boolean(load_default=False)


class ClarityContact(AsReceived):
    id = Id(required=True)
    name = Text()
    email = Text()
    phone = Id()
    jobTitle = Text()


class ClarityCustomerRecord(ClarityCustomer):
    """A customer as an object of its own; an order carries a few of these fields."""

    id = Id(required=True)
    version = Version(required=True)
    status = Text()
    language = Text()
    currency = Text()
    paymentTerms = Id()
    creditHold = fields.Boolean(load_default=None, allow_none=True)
    creditLimit = Amount()
    addresses = Rows(ClarityCustomerAddress)
    contacts = Rows(ClarityContact)
    mergedIds = fields.List(Id(required=True), load_default=list, allow_none=True)
    createdDate = Time()
    updatedDate = Time()
    customAttributes = Attributes(load_default=None)


class OfACustomer(AsReceived):
    """``object_id`` is our id of the customer, ``source`` the installation that was read."""

    object_id = Text(required=True)
    source = Text(required=True)


class OdooCustomer(OfACustomer):
    """A contact of Odoo (res.partner) on its own; ``trust`` is what Odoo calls the debtor: good, normal or bad."""

    ref = Text()
    vat = Text()
    payment_term = Text()
    trust = Text()
    credit_limit = Amount()


class FusionCustomer(OfACustomer):
    """A bill-to site of an account (receivablesCustomerAccountSiteActivities)."""

    AccountNumber = Id(required=True)
    TaxRegistrationNumber = Id()
