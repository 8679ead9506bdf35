"""Clarity's customers: people and companies with their addresses and contacts, in versions.

A customer who only ever ordered is stored without an event.  Whoever was merged into another customer stays readable
as ``status: merged`` with ``mergedInto``.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from integration.sandbox.clarity.fields import TEXT, Rule, is_amount
from integration.sandbox.clarity.records import Document, save, storable
from integration.sandbox.clarity.versioned import ACTIVE, Versioned

MERGED = "merged"
CUSTOMERS = Versioned(
    "customer",
    "c",
    MERGED,
    {
        "paymentTerms": TEXT,
        "accountNumber": TEXT,
        "taxId": TEXT,
        "creditHold": Rule(lambda value: isinstance(value, bool), "is true or false"),
        "creditLimit": Rule(lambda value: is_amount(value, "KWD"), "is a decimal string, not below zero"),
    },
)


def keep(db: sqlite3.Connection, given: Any) -> None:
    """Stores the customer of an order who is not known yet, without an event."""
    if isinstance(given, dict) and storable(given.get("id")) and not CUSTOMERS.is_there(db, given["id"]):
        save(db, "customer", CUSTOMERS.new({**given, "status": ACTIVE}))


def merge(db: sqlite3.Connection, stays: Document, others: list[Document]) -> Document:
    """Merges ``others`` into the customer that stays, and sends ``customer.merged`` with it and their ids."""
    for other in others:
        CUSTOMERS.changed(db, other, {"status": MERGED, "mergedInto": stays["id"]}, None)
    ids = [*stays.get("mergedIds", ()), *(other["id"] for other in others)]
    return CUSTOMERS.changed(db, stays, {"mergedIds": ids}, "customer.merged")
