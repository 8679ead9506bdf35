"""What of an order's lines is cancelled at Clarity: ``POST /orders/{id}/cancellations``, part of our contract (3.1).

``{externalRef, reason?, lines: [{orderLineId, quantity}]}`` with If-Match.  The lines' quantities go down, their
discounts in proportion, every amount is computed anew, and ``order.updated`` reports it.  Each cancellation stays with
the order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Response

from integration.sandbox.clarity import money, order_documents, orders, returns, shipments
from integration.sandbox.clarity.fields import REFERENCE, TEXT, Rule, is_quantity, wrong
from integration.sandbox.clarity.problems import Problem, invalid, json_body
from integration.sandbox.clarity.records import Document, Records, now
from integration.sandbox.clarity.replies import check_version, shown

OPEN = ("pending", "confirmed", "on_hold", "backordered", "processing", "ready_for_pickup", "partially_shipped")
RULES = {
    "externalRef": REFERENCE,
    "reason": TEXT,
    "lines": Rule(lambda value: isinstance(value, list) and bool(value), "is a list of at least one line", True),
}
Once = Callable[[Callable[[sqlite3.Connection, str], Response]], Response]


def cancel_lines(records: Records, once: Once, id: str) -> Response:
    """Cancels a part of each of these lines; the order as it is then."""
    body = json_body()

    def cancel(db: sqlite3.Connection, _key: str) -> Response:
        order = orders.existing(records, id)
        check_version(order)
        if order["status"] not in OPEN:
            raise Problem(409, "invalid_transition", f"Lines of an order that is {order['status']} stay.")
        left = _left(db, order, body)
        done = {"externalRef": body["externalRef"], "reason": body.get("reason"), "at": now(), "lines": body["lines"]}
        lines = [_lowered(line, left.get(line["id"]), order["currency"]) for line in order["lines"]]
        patch = {"lines": lines, "cancellations": [*order.get("cancellations", ()), done]}
        changed = orders.merge(db, order, patch, "api", settle=True)
        if order_documents.of_order(db, "shipment", id):
            shipments.follow(db, changed)
        return shown(orders.existing(records, id))

    return once(cancel)


def _left(db: sqlite3.Connection, order: Document, body: Document) -> dict[str, Decimal]:
    """What is left of each line that is named; a `Problem` for what is shipped already, and for the last of all."""
    if errors := wrong(body, RULES):
        raise invalid(*errors)
    shipped = returns.quantities(order_documents.of_order(db, "shipment", order["id"]))
    ordered = {line["id"]: Decimal(str(line["quantity"])) for line in order["lines"]}
    left: dict[str, Decimal] = {}
    for index, line in enumerate(body["lines"]):
        given: dict[str, Any] = line if isinstance(line, dict) else {}
        id = str(given.get("orderLineId"))
        if id not in ordered or id in left or not is_quantity(given.get("quantity")):
            errors.append((f"/lines/{index}", "names a line of the order, each once, and a decimal string above zero"))
            continue
        left[id] = ordered[id] - Decimal(given["quantity"])
        if left[id] < shipped.get(id, 0):
            errors.append((f"/lines/{index}/quantity", "is more than is left of the line"))
    if not errors and not any((ordered | left).values()):
        errors.append(("/lines", "are all of the order: cancel that"))
    if errors:
        raise invalid(*errors)
    return left


def _lowered(line: Document, left: Decimal | None, currency: str) -> Document:
    if left is None:
        return line
    ordered = Decimal(str(line["quantity"]))
    discounts = [
        {**each, "amount": str(money.rounded(Decimal(str(each["amount"])) * left / ordered, currency))}
        for each in line["discounts"]
    ]
    return {**line, "quantity": f"{left.normalize():f}", "discounts": discounts}
