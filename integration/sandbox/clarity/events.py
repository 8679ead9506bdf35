"""Clarity's events: recorded in the transaction of their change, waiting to be sent to the one subscriber.

States of a delivery: ``pending`` (due at a time), ``delivered``, ``failed`` (given up), ``dropped`` (by a fault).
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from typing import Any

from integration.sandbox.clarity.records import Document, Records, now

API_VERSION = "2026-11-01"
TENANT = "demo"
SUBSCRIPTION = "sub-1"
LARGEST_PAYLOAD = 256 * 1024


def ensure_subscription(db: sqlite3.Connection) -> None:
    """The one subscription is there from the start."""
    db.execute("INSERT OR IGNORE INTO subscription VALUES (?, 'active', ?, 0, NULL)", (SUBSCRIPTION, now()))


def record(db: sqlite3.Connection, type: str, changed: Document) -> str:
    """Records an event with the object as it is now, to be sent at once; the event's id.

    A payload over 256 KiB is sent thin: id and version, marked ``truncated``.
    """
    id = f"evt_{time.time_ns():x}{secrets.token_hex(6)}"
    envelope = {
        "id": id,
        "type": type,
        "timestamp": changed.get("updatedDate") or now(),
        "apiVersion": API_VERSION,
        "tenant": TENANT,
        "correlationId": f"cor_{secrets.token_hex(8)}",
        "data": changed,
    }
    body = _written(envelope)
    if len(body.encode()) > LARGEST_PAYLOAD:
        thin = {"id": changed.get("id"), "version": changed.get("version")}
        body = _written({**envelope, "truncated": True, "data": thin})
    active = db.execute("SELECT status FROM subscription").fetchone()["status"] != "disabled"
    db.execute(
        "INSERT INTO deliveries (id, type, object_id, created, body, state, due, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (id, type, changed.get("id"), now(), body, "pending" if active else "failed", time.time())
        + (None if active else "subscription disabled",),
    )
    return id


def deliveries(records: Records, state: str | None, limit: int, offset: int) -> list[Document]:
    """Deliveries, newest first, without their bodies."""
    rows = records.rows(
        "SELECT id, type, object_id, created, state, due, attempts, last_attempt, outcome FROM deliveries"
        " WHERE ? IS NULL OR state = ? ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
        *(state, state, limit, offset),
    )
    return [
        {
            "id": row["id"],
            "type": row["type"],
            "objectId": row["object_id"],
            "createdDate": row["created"],
            "status": row["state"],
            "attempts": row["attempts"],
            "lastAttempt": row["last_attempt"],
            "lastOutcome": row["outcome"],
            "nextAttemptInSeconds": max(0.0, round(row["due"] - time.time(), 3)) if row["state"] == "pending" else None,
        }
        for row in rows
    ]


def counts(records: Records) -> dict[str, int]:
    """How many deliveries are in each state."""
    found = {row["state"]: row["n"] for row in records.rows("SELECT state, count(*) n FROM deliveries GROUP BY state")}
    return {state: found.get(state, 0) for state in ("pending", "delivered", "failed", "dropped")}


def redeliver(db: sqlite3.Connection, id: str) -> bool:
    """Makes a delivery due again, with all its attempts; False when there is none of that id."""
    query = "UPDATE deliveries SET state = 'pending', due = ?, attempts = 0 WHERE id = ?"
    return db.execute(query, (time.time(), id)).rowcount == 1


def _written(envelope: dict[str, Any]) -> str:
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", text)
