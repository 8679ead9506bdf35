"""The canonical customer: a person or a company as all systems know it, and what has to be true of it.

Clarity is the home of a customer.  It owns name, kind, e-mail address, phone, VAT number, addresses and contacts; the
ERPs own payment terms, account number, credit hold and credit limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from marshmallow import fields

from integration.canonical.email import BARE
from integration.canonical.faults import refuse
from integration.canonical.money import currencies, minor_digits, round_money
from integration.canonical.order import Address
from integration.canonical.values import Amount, Attributes, Id, Rows, Strict, Text
from integration.errors import Hold

KINDS = ("person", "company")
ADDRESS_KINDS = ("billing", "shipping", "other")
TERMS = re.compile(r"IMMEDIATE|NET[1-9][0-9]{0,2}", re.ASCII)
HINT = "Correct {origin}. {again}"


class CustomerAddress(Address):
    """One address of several; of those of one ``kind`` the ``primary`` one, or the first, is used by itself."""

    id = Id(required=True)
    kind = Text(required=True)
    primary = fields.Boolean(load_default=False)


class CustomerContact(Strict):
    """Somebody who acts for a company."""

    id = Id(required=True)
    name = Text()
    email = Text()
    phone = Text()
    job_title = Text()


class Customer(Strict):
    """One customer; ``id`` is Clarity's.

    A document from an ERP states only what that ERP owns, and the kind where it shows one.  ``payment_terms`` are
    IMMEDIATE or NET and days (NET30).  ``merged_ids`` are the customers that were merged into this one at Clarity.
    """

    id = Id(required=True)
    kind = Text()
    name = Text()
    company = Text()
    email = Text()
    phone = Text()
    tax_id = Text()
    account_number = Text()
    payment_terms = Text()
    credit_hold = fields.Boolean(load_default=None, allow_none=True)
    credit_limit = Amount()
    currency = Text()
    language = Text()
    addresses = Rows(CustomerAddress)
    contacts = Rows(CustomerContact)
    merged_ids = fields.List(Id(required=True), load_default=list)
    attributes = Attributes(load_default=dict)


def check_customer(customer: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a customer that can be posted as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown kind, currency (ISO 4217), payment term or kind of address, for a text that is not one
    e-mail address, for a credit limit that is below zero or finer than its currency's minor unit, for several primary
    addresses of one kind, and for a customer that was merged into itself.  No value is quoted: all of it is personal.
    """
    refuse(_faults(customer), approves)


def _faults(customer: dict[str, Any]) -> Iterator[Hold]:
    yield from _check_words(customer)
    yield from _check_credit(customer)
    yield from _check_addresses(customer)
    for place, email in _emails(customer):
        if len(BARE.findall(email)) != 1:
            yield Hold(f"{place} is not one e-mail address", hint=HINT, code="email")
    if customer["id"] in customer["merged_ids"]:
        yield Hold("the customer was merged into itself", hint=HINT, code="merged_into_itself")


def _check_words(customer: dict[str, Any]) -> Iterator[Hold]:
    kind, terms, currency = customer["kind"], customer["payment_terms"], customer["currency"]
    if kind is not None and kind not in KINDS:
        yield Hold("unknown kind of customer", hint=HINT, code="unknown_kind")
    if terms is not None and not TERMS.fullmatch(terms):
        yield Hold(
            "unknown payment terms",
            hint="Payment terms are IMMEDIATE or NET and the days, like NET30: correct {origin}, or the table of "
            "payment terms in mappings/tables. {again}",
            code="unknown_terms",
        )
    if currency is not None and currency not in currencies():
        yield Hold("unknown currency: not an ISO 4217 code in use", hint=HINT, code="unknown_currency")


def _check_credit(customer: dict[str, Any]) -> Iterator[Hold]:
    limit, currency = customer["credit_limit"], customer["currency"]
    if limit is None:
        return
    if limit < 0:
        yield Hold("the credit limit is below zero", hint=HINT, code="credit_limit")
    if currency in currencies() and limit != round_money(limit, currency):
        digits = minor_digits(currency)
        yield Hold(f"the credit limit has more than {digits} decimals of {currency}", hint=HINT, code="precision")


def _check_addresses(customer: dict[str, Any]) -> Iterator[Hold]:
    primary = [address["kind"] for address in customer["addresses"] if address["primary"]]
    for kind in dict.fromkeys(address["kind"] for address in customer["addresses"]):
        if kind not in ADDRESS_KINDS:
            yield Hold("unknown kind of address", hint=HINT, code="unknown_kind")
        if primary.count(kind) > 1:
            yield Hold("several addresses are the primary one of their kind", hint=HINT, code="several_primary")


def _emails(customer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    places = [("email", customer)]
    places += [(f"contacts.{index}.email", contact) for index, contact in enumerate(customer["contacts"])]
    yield from ((place, part["email"]) for place, part in places if part["email"])
