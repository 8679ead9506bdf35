"""Clarity's products, in versions.

One that is deleted stays readable as ``status: deleted``, for orders refer to it.
"""

from __future__ import annotations

import random
import sqlite3
from typing import Any

from integration.sandbox.clarity import events
from integration.sandbox.clarity.catalogue import PARTS, SIZES
from integration.sandbox.clarity.fields import Rule, wrong
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save, storable

FIRST_PRODUCT = 9001
ACTIVE, DELETED = "active", "deleted"
OBJECT = Rule(lambda value: isinstance(value, dict), "is an object")
PATCHABLE = {"externalIds": OBJECT, "customAttributes": OBJECT}
"""What an API client may change: the rest belongs to Clarity itself."""


def create(db: sqlite3.Connection, given: Document) -> Document:
    """Stores a new product and sends ``product.created``; id, version, status and dates are filled in."""
    id = given.get("id") or f"p-{next_number(db, 'product', FIRST_PRODUCT)}"
    if not storable(id):
        raise invalid(("/id", "is not a text that can be stored"))
    if db.execute("SELECT 1 FROM objects WHERE kind = 'product' AND id = ?", (id,)).fetchone():
        raise invalid(("/id", "is in use"))
    at = now()
    product = {"status": ACTIVE, **given, "id": id, "version": 1, "createdDate": at, "updatedDate": at}
    save(db, "product", product)
    events.record(db, "product.created", product)
    return product


def invent(db: sqlite3.Connection, count: int, seed: int) -> list[Document]:
    """As many made-up products, each with a SKU of its own; the same seed makes the same names and prices."""
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    return [create(db, _invented(chosen, next_number(db, "invented product", 1))) for _ in range(count)]


def change(db: sqlite3.Connection, product: Document, fields: Document) -> Document:
    """Stores other fields of a product as its next version and sends ``product.updated``, if it changes anything."""
    if product | fields == product:
        return product
    return _changed(db, product, fields, "product.updated")


def patch(db: sqlite3.Connection, product: Document, body: Document) -> Document:
    """What an API client may change of a product; raises `Problem` for anything else."""
    if errors := wrong(body, PATCHABLE, partial=True):
        raise invalid(*errors)
    if product["status"] == DELETED:
        raise Problem(409, "deleted", "The product was deleted.")
    return change(db, product, body)


def delete(db: sqlite3.Connection, product: Document) -> Document:
    """Marks a product as deleted and sends ``product.deleted`` with it as it was last."""
    return product if product["status"] == DELETED else _changed(db, product, {"status": DELETED}, "product.deleted")


def existing(records: Records, id: str) -> Document:
    """The product, or a 404 `Problem`."""
    product = records.find("product", id)
    if product is None:
        raise missing("product")
    return product


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


def _changed(db: sqlite3.Connection, product: Document, fields: Document, event: str) -> Document:
    changed: dict[str, Any] = {**product, **fields, "version": product["version"] + 1, "updatedDate": now()}
    save(db, "product", changed)
    events.record(db, event, changed)
    return changed
