"""Clarity's customers: people and companies with their addresses and contacts, in versions.

A customer who only ever ordered is stored without an event.  Whoever was merged into another customer stays readable
as ``status: merged`` with ``mergedInto``.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from integration.sandbox.clarity import events
from integration.sandbox.clarity.fields import TEXT, Rule, is_amount, wrong
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save, storable

FIRST_CUSTOMER = 9001
ACTIVE, MERGED = "active", "merged"
PATCHABLE = {
    "paymentTerms": TEXT,
    "accountNumber": TEXT,
    "taxId": TEXT,
    "creditHold": Rule(lambda value: isinstance(value, bool), "is true or false"),
    "creditLimit": Rule(lambda value: is_amount(value, "KWD"), "is a decimal string, not below zero"),
}
"""What an API client may change: the rest belongs to Clarity itself."""


def create(db: sqlite3.Connection, given: Document) -> Document:
    """Stores a new customer and sends ``customer.created``; id, version and dates are filled in."""
    id = given.get("id") or f"c-{next_number(db, 'customer', FIRST_CUSTOMER)}"
    if not storable(id):
        raise invalid(("/id", "is not a text that can be stored"))
    if db.execute("SELECT 1 FROM objects WHERE kind = 'customer' AND id = ?", (id,)).fetchone():
        raise invalid(("/id", "is in use"))
    customer = _new({**given, "id": id})
    save(db, "customer", customer)
    events.record(db, "customer.created", customer)
    return customer


def keep(db: sqlite3.Connection, given: Any) -> None:
    """Stores the customer of an order who is not known yet, without an event."""
    if isinstance(given, dict) and storable(given.get("id")):
        query = "SELECT 1 FROM objects WHERE kind = 'customer' AND id = ?"
        if not db.execute(query, (given["id"],)).fetchone():
            save(db, "customer", _new(given))


def change(db: sqlite3.Connection, customer: Document, fields: Document) -> Document:
    """Stores other fields of a customer as its next version and sends ``customer.updated``, if it changes anything."""
    if customer | fields == customer:
        return customer
    return _changed(db, customer, fields, "customer.updated")


def patch(db: sqlite3.Connection, customer: Document, body: Document) -> Document:
    """What an API client may change of a customer; raises `Problem` for anything else."""
    if errors := wrong(body, PATCHABLE, partial=True):
        raise invalid(*errors)
    if customer["status"] == MERGED:
        raise Problem(409, "merged", "The customer was merged into another.")
    return change(db, customer, body)


def merge(db: sqlite3.Connection, stays: Document, others: list[Document]) -> Document:
    """Merges ``others`` into the customer that stays, and sends ``customer.merged`` with it and their ids."""
    for other in others:
        _changed(db, other, {"status": MERGED, "mergedInto": stays["id"]}, None)
    ids = [*stays.get("mergedIds", ()), *(other["id"] for other in others)]
    return _changed(db, stays, {"mergedIds": ids}, "customer.merged")


def existing(records: Records, id: str) -> Document:
    """The customer, or a 404 `Problem`."""
    customer = records.find("customer", id)
    if customer is None:
        raise missing("customer")
    return customer


def truth(records: Records) -> dict[str, Document]:
    """What the customers are by now, for the ledger: versions and what ERPs may change, by id."""
    rows = records.rows("SELECT id FROM objects WHERE kind = 'customer' ORDER BY created, id")
    found = {row["id"]: existing(records, row["id"]) for row in rows}
    shown = ("version", "status", *PATCHABLE)
    return {id: {name: customer.get(name) for name in shown} for id, customer in found.items()}


def _new(given: Document) -> Document:
    at = now()
    return {**given, "version": 1, "status": ACTIVE, "createdDate": at, "updatedDate": at}


def _changed(db: sqlite3.Connection, customer: Document, fields: Document, event: str | None) -> Document:
    changed = {**customer, **fields, "version": customer["version"] + 1, "updatedDate": now()}
    save(db, "customer", changed)
    if event:
        events.record(db, event, changed)
    return changed
