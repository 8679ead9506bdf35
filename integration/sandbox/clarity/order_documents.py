"""What belongs to an order and has a reference of its own there: shipments, invoices and refunds, as they are kept.

A reference is unique per order and kind.  Each document counts its writes and the second ones that were refused.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from integration.sandbox.clarity import events
from integration.sandbox.clarity.fields import is_quantity
from integration.sandbox.clarity.problems import invalid
from integration.sandbox.clarity.records import Document, Records, next_number, now, save

PREFIXES = {"shipment": "shp", "invoice": "inv", "refund": "rfd"}
REPORTED = ("shipment", "invoice")
"""The kinds whose making is an event of its own; a refund is seen by the payment status of its order."""


def refuse(db: sqlite3.Connection, kind: str, order_id: str, external_ref: str) -> bool:
    """Whether the order has a document of this reference already; that it was asked for again is counted."""
    query = "UPDATE order_documents SET refused = refused + 1 WHERE kind = ? AND order_id = ? AND external_ref = ?"
    return db.execute(query, (kind, order_id, external_ref)).rowcount == 1


def check_lines(order: Document, body: Document, errors: list[tuple[str, str]]) -> None:
    """A `Problem` for ``errors``, and for lines that are none of the order or have no quantity."""
    ordered = [line.get("id") for line in order.get("lines") or () if isinstance(line, dict)]
    lines = body.get("lines")
    for index, line in enumerate(lines if isinstance(lines, list) else ()):
        given = line if isinstance(line, dict) else {}
        if not given.get("orderLineId") or given["orderLineId"] not in ordered:
            errors.append((f"/lines/{index}/orderLineId", "is no line of the order"))
        if not is_quantity(given.get("quantity")):
            errors.append((f"/lines/{index}/quantity", "is a decimal string above zero"))
        errors += [
            (f"/lines/{index}/{name}", "cannot be set here") for name in given.keys() - {"orderLineId", "quantity"}
        ]
    if errors:
        raise invalid(*errors)


def add(db: sqlite3.Connection, kind: str, order_id: str, fields: Document) -> Document:
    """Stores a new document and reports it (``shipment.created``, ``invoice.created``)."""
    at = now()
    id = f"{PREFIXES[kind]}_{next_number(db, kind, 1)}"
    document = {"id": id, "orderId": order_id, **fields, "version": 1, "createdDate": at, "updatedDate": at}
    db.execute(
        "INSERT INTO order_documents (id, kind, order_id, external_ref) VALUES (?, ?, ?, ?)",
        (id, kind, order_id, fields["externalRef"]),
    )
    save(db, kind, document)
    if kind in REPORTED:
        events.record(db, f"{kind}.created", document)
    return document


def change(db: sqlite3.Connection, kind: str, document: Document, fields: Document) -> Document:
    """Stores other fields of a document, as its next version."""
    changed = {**document, **fields, "version": document["version"] + 1, "updatedDate": now()}
    db.execute("UPDATE order_documents SET writes = writes + 1 WHERE id = ?", (changed["id"],))
    save(db, kind, changed)
    return changed


def of_order(db: sqlite3.Connection, kind: str, order_id: str) -> list[Document]:
    """The order's documents of a kind."""
    query = """SELECT document FROM order_documents d JOIN objects o ON o.kind = d.kind AND o.id = d.id
               WHERE d.kind = ? AND d.order_id = ?"""
    return [json.loads(row["document"]) for row in db.execute(query, (kind, order_id))]


def counted(records: Records, kind: str) -> Iterator[tuple[Document, dict[str, Any]]]:
    """Every document of a kind, oldest first, with what the ledger says of all of them."""
    query = """SELECT o.document, d.order_id, d.id, d.external_ref, d.writes, d.refused AS refused_duplicates
               FROM order_documents d JOIN objects o ON o.kind = d.kind AND o.id = d.id
               WHERE d.kind = ? ORDER BY d.rowid"""
    for row in records.rows(query, kind):
        counts = dict(row)
        yield json.loads(counts.pop("document")), counts
