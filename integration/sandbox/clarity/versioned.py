"""Records of Clarity that live on their own, in versions: customers and products.

Each is stored with its events; one that is gone (merged, deleted) stays readable under its status.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from integration.sandbox.clarity import events
from integration.sandbox.clarity.fields import Rule, wrong
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save, storable

FIRST = 9001
ACTIVE = "active"


@dataclass(frozen=True)
class Versioned:
    """One kind of record: its ids begin with ``prefix``, and ``gone`` is the status of one that nobody changes.

    ``patchable`` is what an API client may change: the rest belongs to Clarity itself.
    """

    kind: str
    prefix: str
    gone: str
    patchable: Mapping[str, Rule]

    def create(self, db: sqlite3.Connection, given: Document) -> Document:
        """Stores a new record and sends its ``created``; id, version, status and dates are filled in."""
        id = given.get("id") or f"{self.prefix}-{next_number(db, self.kind, FIRST)}"
        if not storable(id):
            raise invalid(("/id", "is not a text that can be stored"))
        if self.is_there(db, id):
            raise invalid(("/id", "is in use"))
        record = self.new({**given, "id": id})
        save(db, self.kind, record)
        events.record(db, f"{self.kind}.created", record)
        return record

    def change(self, db: sqlite3.Connection, record: Document, fields: Document) -> Document:
        """Stores other fields as the next version and sends ``updated``, if that changes anything."""
        if record | fields == record:
            return record
        return self.changed(db, record, fields, f"{self.kind}.updated")

    def patch(self, db: sqlite3.Connection, record: Document, body: Document) -> Document:
        """What an API client may change; raises `Problem` for anything else, and for a record that is gone."""
        if errors := wrong(body, self.patchable, partial=True):
            raise invalid(*errors)
        if record["status"] == self.gone:
            raise Problem(409, self.gone, f"The {self.kind} was {self.gone}.")
        return self.change(db, record, body)

    def existing(self, records: Records, id: str) -> Document:
        """The record, or a 404 `Problem`."""
        record = records.find(self.kind, id)
        if record is None:
            raise missing(self.kind)
        return record

    def truth(self, records: Records) -> dict[str, Document]:
        """What the records are by now, for the ledger: versions and what ERPs may change, by id."""
        rows = records.rows("SELECT document FROM objects WHERE kind = ? ORDER BY created, id", self.kind)
        shown = ("version", "status", *self.patchable)
        found = [json.loads(row["document"]) for row in rows]
        return {record["id"]: {name: record.get(name) for name in shown} for record in found}

    def is_there(self, db: sqlite3.Connection, id: str) -> bool:
        return db.execute("SELECT 1 FROM objects WHERE kind = ? AND id = ?", (self.kind, id)).fetchone() is not None

    def new(self, given: Document) -> Document:
        at = now()
        return {"status": ACTIVE, **given, "version": 1, "createdDate": at, "updatedDate": at}

    def changed(self, db: sqlite3.Connection, record: Document, fields: Document, event: str | None) -> Document:
        """The next version, with its event if there is one."""
        changed = {**record, **fields, "version": record["version"] + 1, "updatedDate": now()}
        save(db, self.kind, changed)
        if event:
            events.record(db, event, changed)
        return changed
