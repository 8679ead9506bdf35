"""Clarity's products, in versions.

One that is deleted stays readable as ``status: deleted``, for orders refer to it.
"""

from __future__ import annotations

import random
import re
import sqlite3

from integration.sandbox.clarity.catalogue import PARTS, SIZES
from integration.sandbox.clarity.fields import TEXT, Rule, is_amount, is_quantity
from integration.sandbox.clarity.records import Document, next_number
from integration.sandbox.clarity.versioned import Versioned

DELETED = "deleted"
OBJECT = Rule(lambda value: isinstance(value, dict), "is an object")
PRODUCTS = Versioned(
    "product",
    "p",
    DELETED,
    {
        "externalIds": OBJECT,
        "customAttributes": OBJECT,
        "hsCode": TEXT,
        "countryOfOrigin": Rule(lambda value: bool(re.fullmatch("[A-Z]{2}", str(value))), "is an ISO 3166 code"),
        "weight": Rule(is_quantity, "is a decimal string above zero"),
        "category": TEXT,
        "price": Rule(lambda value: is_amount(value, "KWD"), "is a decimal string, not below zero"),
        "discontinued": Rule(lambda value: isinstance(value, bool), "is true or false"),
    },
)


def invent(db: sqlite3.Connection, count: int, seed: int) -> list[Document]:
    """As many made-up products, each with a SKU of its own; the same seed makes the same names and prices."""
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    return [PRODUCTS.create(db, _invented(chosen, next_number(db, "invented product", 1))) for _ in range(count)]


def delete(db: sqlite3.Connection, product: Document) -> Document:
    """Marks a product as deleted and sends ``product.deleted`` with it as it was last."""
    if product["status"] == DELETED:
        return product
    return PRODUCTS.changed(db, product, {"status": DELETED}, "product.deleted")


def _invented(chosen: random.Random, number: int) -> Document:
    return {
        "sku": f"NEW-{number}",
        "name": f"{chosen.choice(PARTS)} {chosen.choice(SIZES)}",
        "kind": "physical",
        "description": None,
        "price": f"{chosen.randrange(195, 9900) / 100:.2f}",
        "currency": "EUR",
        "taxIncluded": None,
        "uom": "EA",
        "weight": f"{chosen.randrange(1, 400) / 100:.2f}",
        "barcode": None,
        "category": "Hardware",
        "images": [],
        "variants": [],
        "customAttributes": {},
    }
