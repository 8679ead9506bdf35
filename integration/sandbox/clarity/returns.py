"""Clarity's returns: what a customer sends back of an order, and what of it has been received.

A customer asks for one, people at Clarity approve or reject it, and the ERP reports what it has received.  An ERP also
makes one, of goods that came back without being asked about.  All of an order's returns together have received no
more of a line than was shipped.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.sandbox.clarity import events, order_documents
from integration.sandbox.clarity.fields import MOMENT, REFERENCE, Rule, wrong
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save

KIND = "return"
REQUESTED, APPROVED, PARTLY_RECEIVED, RECEIVED = "requested", "approved", "partially_received", "received"
TRANSITIONS = {
    REQUESTED: (APPROVED, "rejected", "cancelled"),
    APPROVED: (PARTLY_RECEIVED, RECEIVED, "cancelled"),
    PARTLY_RECEIVED: (RECEIVED, "closed"),
    RECEIVED: (PARTLY_RECEIVED, "closed"),
    "rejected": (),
    "cancelled": (),
    "closed": (),
}
LINES = Rule(lambda value: isinstance(value, list) and bool(value), "is a list of at least one line", True)
MADE = {"externalRef": REFERENCE, "receivedAt": MOMENT, "lines": LINES}
PUSHED = {"status": Rule(lambda value: value == RECEIVED, f"is {RECEIVED}", True), **MADE}


def request(db: sqlite3.Connection, order: Document, given: Document) -> Document:
    """Stores what a customer asks for: ``{lines: [{orderLineId, quantity, reason}]}`` and any other fields."""
    id = _next_id(db)
    lines = [{"id": str(number), **line} for number, line in enumerate(given.get("lines") or [], 1)]
    fields = {"status": REQUESTED, "externalRef": None, "notes": None, "receipts": [], **given, "lines": lines}
    made = _stored(db, order, id, fields, external_ref=id)
    events.record(db, "return.requested", made)
    return made


def change(db: sqlite3.Connection, found: Document, fields: Document) -> Document:
    """Changes any part of a return, right or wrong, as people at Clarity do who approve it; reports it."""
    changed = order_documents.change(db, KIND, found, fields)
    events.record(db, "return.updated", changed)
    return changed


def read(order: Document, body: Document) -> Document:
    """The fields of a return that an ERP makes; a `Problem` for what is wrong with them."""
    order_documents.check_lines(order, body, wrong(body, MADE))
    return body


def create(db: sqlite3.Connection, order: Document, fields: Document) -> Document:
    """Stores goods that came back to an ERP as a return that is received."""
    _check_shipped(db, order, fields["lines"])
    lines = [{"id": str(number), **line, "reason": None} for number, line in enumerate(fields["lines"], 1)]
    whole = {"status": RECEIVED, "externalRef": fields["externalRef"], "notes": None, "lines": lines}
    made = _stored(db, order, _next_id(db), {**whole, "receipts": [fields]}, external_ref=fields["externalRef"])
    events.record(db, "return.updated", made)
    return made


def receive(db: sqlite3.Connection, order: Document, found: Document, body: Document) -> Document:
    """Takes what an ERP has received of a return under one reference, in place of what it said before."""
    order_documents.check_lines(order, body, wrong(body, PUSHED))
    receipt = {name: value for name, value in body.items() if name != "status"}
    if receipt in found["receipts"]:
        return found
    others = [each for each in found["receipts"] if each["externalRef"] != receipt["externalRef"]]
    _check_shipped(db, order, receipt["lines"], instead_of=receipt["externalRef"])
    receipts = [*others, receipt]
    status = _status(found, receipts)
    if status != found["status"] and status not in TRANSITIONS[found["status"]]:
        raise Problem(409, "invalid_transition", f"A return that is {found['status']} cannot become {status}.")
    return change(db, found, {"status": status, "receipts": receipts})


def existing(records: Records, id: str) -> Document:
    """The return, or a 404 `Problem`."""
    found = records.find(KIND, id)
    if found is None:
        raise missing(KIND)
    return found


def received(db: sqlite3.Connection, order_id: str, instead_of: str | None = None) -> dict[str, Decimal]:
    """How much of each line came back, but for the receipt of one reference."""
    receipts = (each for one in order_documents.of_order(db, KIND, order_id) for each in one["receipts"])
    return quantities(each for each in receipts if each["externalRef"] != instead_of)


def quantities(parts: Iterable[Document]) -> dict[str, Decimal]:
    """How much of each line is in all of these together."""
    together: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for line in part["lines"]:
            together[line["orderLineId"]] += Decimal(line["quantity"])
    return together


def truth(records: Records) -> list[dict[str, Any]]:
    """What really took effect, for the ledger; quantities received by line."""
    return [
        {
            **counts,
            "status": found["status"],
            "lines": {line: str(quantity) for line, quantity in quantities(found["receipts"]).items()},
        }
        for found, counts in order_documents.counted(records, KIND)
    ]


def _status(found: Document, receipts: list[Document]) -> str:
    came, asked = quantities(receipts), quantities([found])
    return RECEIVED if all(came[line] >= quantity for line, quantity in asked.items()) else PARTLY_RECEIVED


def _next_id(db: sqlite3.Connection) -> str:
    return f"ret_{next_number(db, KIND, 1)}"


def _stored(db: sqlite3.Connection, order: Document, id: str, fields: Document, external_ref: str) -> Document:
    at = now()
    head = {"id": id, "number": f"RMA-{id.removeprefix('ret_')}", "orderId": order["id"]}
    made = {**head, **fields, "version": 1, "createdDate": at, "updatedDate": at}
    db.execute(
        "INSERT INTO order_documents (id, kind, order_id, external_ref) VALUES (?, ?, ?, ?)",
        (id, KIND, order["id"], external_ref),
    )
    save(db, KIND, made)
    return made


def _check_shipped(
    db: sqlite3.Connection, order: Document, lines: Iterable[Document], instead_of: str | None = None
) -> None:
    """A `Problem` for more than was shipped of a line once what came back otherwise is counted."""
    shipped = quantities(order_documents.of_order(db, "shipment", order["id"]))
    came, errors = received(db, order["id"], instead_of), []
    for index, line in enumerate(lines):
        came[line["orderLineId"]] += Decimal(line["quantity"])
        if came[line["orderLineId"]] > shipped[line["orderLineId"]]:
            errors.append((f"/lines/{index}/quantity", "is more than was shipped of the line"))
    if errors:
        raise invalid(*errors)
