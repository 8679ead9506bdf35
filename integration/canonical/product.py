"""The canonical product: what is sold, as all systems know it, and what has to be true of it.

Clarity is the home of a product, and its SKU the natural key.  Clarity owns name, description, price, barcode, weight
and category; the ERPs own customs number, country of origin and whether they supply it; cost, accounts, routes and how
it is invoiced never leave them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from marshmallow import fields

from integration.canonical.faults import refuse
from integration.canonical.money import currencies, minor_digits, round_money
from integration.canonical.values import Amount, Attributes, Id, Rows, Strict, Text, quoted
from integration.errors import Hold

KINDS = ("physical", "digital", "service", "gift_card")
ACTIVE, ARCHIVED = "active", "archived"
COUNTRY = re.compile(r"[A-Z]{2}")
HINT = "Correct {origin}. {again}"


class Variant(Strict):
    """One of several that a product is sold as; ``price`` is its own, in the product's currency."""

    id = Id(required=True)
    sku = Id()
    barcode = Id()
    price = Amount()
    options = Attributes(load_default=dict)


class Product(Strict):
    """One product; ``id`` is Clarity's, ``weight`` is in kilograms.

    ``tax_included`` says whether the prices hold the tax; None: nobody says.  A product without ``variants`` is sold as
    itself, by its own SKU.  ``hs_code`` is its number in the Harmonized System of customs, ``country_of_origin`` an
    ISO 3166 code, and ``discontinued`` says that the ERP does not supply it any more.  One without ``status`` is what
    an ERP owns of it: what that leaves out, Clarity has.
    """

    id = Id(required=True)
    sku = Id()
    name = Text()
    kind = Text()
    description = Text()
    price = Amount()
    currency = Text()
    tax_included = fields.Boolean(load_default=None, allow_none=True)
    uom = Id()
    weight = Amount()
    barcode = Id()
    category = Text()
    images = fields.List(Text(required=True), load_default=list)
    status = Text()
    variants = Rows(Variant)
    hs_code = Text()
    country_of_origin = Text()
    discontinued = fields.Boolean(load_default=None, allow_none=True)
    attributes = Attributes(load_default=dict)


def check_product(product: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a product that can be posted as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown status, kind or currency (ISO 4217), without name or SKU, for a price that is below
    zero, without currency or finer than the currency's minor unit, for a weight below zero, and for a country of origin
    that is no code.  One that is archived passes whatever else is wrong, for nothing else of it is written.  Of what an
    ERP owns of a product only that is checked.
    """
    refuse(_faults(product), approves)


def _faults(product: dict[str, Any]) -> Iterator[Hold]:
    status = product["status"]
    if status == ARCHIVED:
        return
    if status is not None:
        yield from _check_whole(product)
    yield from _check_prices(product)
    country = product["country_of_origin"]
    if country is not None and not COUNTRY.fullmatch(country):
        yield _unknown("country of origin", country)
    if product["weight"] is not None and product["weight"] < 0:
        yield Hold("the weight is below zero", hint=HINT, code="negative_weight")


def _check_whole(product: dict[str, Any]) -> Iterator[Hold]:
    """What a product needs to be sold."""
    if product["status"] != ACTIVE:
        yield _unknown("status", product["status"])
    if product["kind"] not in KINDS:
        yield _unknown("kind", product["kind"])
    if not product["name"]:
        yield Hold("the product has no name", hint=HINT, code="no_name")
    yield from _check_skus(product)


def _check_skus(product: dict[str, Any]) -> Iterator[Hold]:
    variants = product["variants"]
    if not variants and not product["sku"]:
        yield Hold("the product has no SKU", hint=HINT, code="no_sku")
    for index, variant in enumerate(variants):
        if not variant["sku"] and not (len(variants) == 1 and product["sku"]):
            yield Hold(f"variants.{index} of the product has no SKU", hint=HINT, code="no_sku")


def _check_prices(product: dict[str, Any]) -> Iterator[Hold]:
    currency = product["currency"]
    places = [
        ("price", product),
        *((f"variants.{index}.price", each) for index, each in enumerate(product["variants"])),
    ]
    stated = [(place, each["price"]) for place, each in places if each["price"] is not None]
    if currency is not None and currency not in currencies():
        yield _unknown("currency", currency)
    elif currency is None and stated:
        yield Hold(f"{stated[0][0]} has no currency", hint=HINT, code="no_currency")
    for place, price in stated:
        if price < 0:
            yield Hold(f"{place} is below zero", hint=HINT, code="negative_price")
        if currency in currencies() and price != round_money(price, currency):
            digits = minor_digits(currency)
            yield Hold(f"{place} has more than {digits} decimals of {currency}", hint=HINT, code="precision")


def _unknown(what: str, value: str | None) -> Hold:
    if value is None:
        return Hold(f"the product has no {what}", hint=HINT, code=f"no_{what}")
    return Hold(f"unknown {what} of the product: {quoted(value)}", hint=HINT, code=f"unknown_{what.replace(' ', '_')}")
