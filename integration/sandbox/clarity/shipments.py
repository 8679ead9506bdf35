"""Clarity's shipments: what left for an order in one go, and how far the order is fulfilled by them.

All of an order's shipments together hold no more of a line than was ordered; what came back may be shipped again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.sandbox.clarity import events, order_documents, orders, returns
from integration.sandbox.clarity.fields import MOMENT, REFERENCE, TEXT, Rule, is_text, wrong
from integration.sandbox.clarity.problems import invalid
from integration.sandbox.clarity.records import Document, Records

PATCHABLE = {
    "carrier": TEXT,
    "service": TEXT,
    "trackingNumbers": Rule(lambda value: isinstance(value, list) and all(map(is_text, value)), "is a list of texts"),
    "shippedAt": MOMENT,
    "lines": Rule(lambda value: isinstance(value, list) and bool(value), "is a list of at least one line", True),
}
RULES = {"externalRef": REFERENCE, **PATCHABLE}


def read(order: Document, body: Document) -> Document:
    """The fields of a new shipment; a `Problem` for what is wrong with them."""
    order_documents.check_lines(order, body, wrong(body, RULES))
    return {**dict.fromkeys(RULES), **body, "trackingNumbers": body.get("trackingNumbers") or []}


def create(db: sqlite3.Connection, order: Document, fields: Document) -> Document:
    _check_left(db, order, fields["lines"])
    shipment = order_documents.add(db, "shipment", order["id"], fields)
    follow(db, order)
    return shipment


def patch(db: sqlite3.Connection, order: Document, shipment: Document, body: Document) -> Document:
    """Applies a merge patch and reports it (``shipment.updated``), if it changes anything."""
    order_documents.check_lines(order, body, wrong(body, PATCHABLE, partial=True))
    _check_left(db, order, body.get("lines") or (), instead_of=shipment["id"])
    if "trackingNumbers" in body:
        body = {**body, "trackingNumbers": body["trackingNumbers"] or []}
    if {**shipment, **body} == shipment:
        return shipment
    changed = order_documents.change(db, "shipment", shipment, body)
    events.record(db, "shipment.updated", changed)
    follow(db, order)
    return changed


def truth(records: Records) -> list[dict[str, Any]]:
    """What really took effect, for the ledger; quantities by line."""
    return [
        {
            **counts,
            "tracking": shipment["trackingNumbers"],
            "lines": {line: str(quantity) for line, quantity in returns.quantities([shipment]).items()},
        }
        for shipment, counts in order_documents.counted(records, "shipment")
    ]


def _check_left(
    db: sqlite3.Connection, order: Document, lines: Iterable[Document], instead_of: str | None = None
) -> None:
    """A `Problem` for more than is left of a line: its order's other shipments count, less what came back."""
    others = [each for each in order_documents.of_order(db, "shipment", order["id"]) if each["id"] != instead_of]
    shipped, ordered = (
        returns.quantities(others),
        {line["id"]: Decimal(str(line["quantity"])) for line in order["lines"]},
    )
    errors = []
    for id, quantity in returns.received(db, order["id"]).items():
        shipped[id] -= quantity
    for index, line in enumerate(lines):
        shipped[line["orderLineId"]] += Decimal(line["quantity"])
        if shipped[line["orderLineId"]] > ordered[line["orderLineId"]]:
            errors.append((f"/lines/{index}/quantity", "is more than is left of the line"))
    if errors:
        raise invalid(*errors)


def follow(db: sqlite3.Connection, order: Document) -> None:
    """Reports how far the order is fulfilled by its shipments, if that is new."""
    shipped = returns.quantities(order_documents.of_order(db, "shipment", order["id"]))
    orders.follow(db, order, fulfillmentStatus=_fulfillment(order, shipped))


def _fulfillment(order: Document, shipped: dict[str, Decimal]) -> str:
    """Only lines that are shipped at all count; a status that says more than the shipments is believed."""
    lines = [line for line in order["lines"] if line.get("requiresShipping", True)] or order["lines"]
    left = any(shipped.get(line["id"], 0) < Decimal(str(line["quantity"])) for line in lines)
    return "partial" if left and orders.FULFILLMENT.get(order["status"]) != "fulfilled" else "fulfilled"
