"""Clarity's records: one SQLite file that survives restarts and kill -9.

One connection and one lock: every change is one transaction, one after the other, so a webhook is
recorded if and only if its change is.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, number TEXT, status TEXT, customer_id TEXT,
    created TEXT NOT NULL, updated TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS objects_updated ON objects (kind, updated, id);
CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS history (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, actor TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pushes (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, changed INTEGER NOT NULL,
    external_ref TEXT, idempotency_key TEXT NOT NULL, replayed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS pushes_order ON pushes (order_id);
CREATE TABLE IF NOT EXISTS order_documents (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, order_id TEXT NOT NULL, external_ref TEXT NOT NULL,
    writes INTEGER NOT NULL DEFAULT 1, refused INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, order_id, external_ref)
);
CREATE TABLE IF NOT EXISTS levels (
    sku TEXT NOT NULL, location TEXT NOT NULL, stated TEXT NOT NULL, as_of TEXT NOT NULL, writes INTEGER NOT NULL,
    PRIMARY KEY (sku, location)
);
CREATE TABLE IF NOT EXISTS sold (sku TEXT NOT NULL, order_id TEXT NOT NULL, at TEXT NOT NULL, quantity TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sold_by_sku ON sold (sku);
CREATE INDEX IF NOT EXISTS sold_by_order ON sold (order_id);
CREATE INDEX IF NOT EXISTS objects_number ON objects (kind, number);
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at REAL NOT NULL, status INTEGER NOT NULL,
    headers TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS subscription (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, created TEXT NOT NULL, failures INTEGER NOT NULL, last_delivery TEXT
);
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, object_id TEXT, created TEXT NOT NULL, body TEXT NOT NULL,
    state TEXT NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_attempt TEXT, outcome TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE state = 'pending';
"""


def now() -> str:
    """The time as the contract writes it: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Records:
    """The file.  It holds all state; nothing is lost that a transaction has committed."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone, in one transaction: committed at the end, rolled back on any exception."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a reading query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def find(self, kind: str, id: str) -> Document | None:
        """One object's document."""
        found = self.rows("SELECT document FROM objects WHERE kind = ? AND id = ?", kind, id)
        return json.loads(found[0]["document"]) if found else None


def save(db: sqlite3.Connection, kind: str, document: Document) -> None:
    """Writes an object with the columns that lists filter by."""
    customer = document.get("customer")
    columns = (
        document.get("number") or document.get("sku"),
        document.get("status"),
        customer.get("id") if isinstance(customer, dict) else None,
        document["createdDate"],
        document["updatedDate"],
    )
    db.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, document["id"], *(_column(value) for value in columns), json.dumps(document)),
    )


def storable(value: Any) -> bool:
    """Whether a value is a text that a column can hold: lone surrogates cannot be written."""
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


def next_number(db: sqlite3.Connection, name: str, first: int) -> int:
    """The next number of a sequence, never given twice: not even after a reset, as fleets remember ids."""
    query = """INSERT INTO sequences VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last"""
    return int(db.execute(query, (name, first)).fetchone()[0])


def clear(db: sqlite3.Connection) -> None:
    """Forgets everything but the sequences and the subscription, which becomes active again."""
    for table in ("objects", "order_documents", "history", "pushes", "replies", "deliveries", "levels", "sold"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608  names from the line above
    db.execute("UPDATE subscription SET status = 'active', failures = 0, last_delivery = NULL")


def _column(value: Any) -> str | None:
    return value if storable(value) else None
