"""What Clarity promises to answer: records with an id, and pages of them (Clarity API v1, our own contract)."""

from __future__ import annotations

from typing import Any

from integration.connectors.answers import Rows, objects

PLAIN = {
    *("id", "number", "status", "version", "externalRef", "externalId", "currency", "total", "tax", "balance"),
    *("issuedOn", "dueOn", "shippedAt", "carrier", "service", "nextCursor", "orderLineId", "quantity", "url"),
    *("accountNumber", "paymentTerms", "taxId", "creditLimit", "mergedInto"),
}
"""Attributes that are text or numbers."""
TEXTS = {"trackingNumbers", "events"}
"""Those that are lists of texts."""


def record(answer: Any) -> Any:
    """An order, a shipment or an invoice."""
    if answer["id"] is None or not str(answer["id"]).strip():
        raise ValueError("no id")
    return changed(answer)


def changed(answer: Any) -> Any:
    """What a call answers that changes something: the record, as far as Clarity shows it."""
    for name, value in answer.items():
        if name in PLAIN and (isinstance(value, bool | list | dict)):
            raise TypeError("an attribute that is no plain value")
        if name in TEXTS and value is not None and not all(isinstance(each, str) for each in _list(value)):
            raise TypeError("not texts")
        if name == "lines" and value is not None:
            for line in objects(value):
                changed(line)
    return answer


def page(answer: Any) -> tuple[Rows, str | None]:
    """The records of a page, and the cursor of the next one."""
    cursor = answer.get("nextCursor")
    if cursor is not None and not isinstance(cursor, str):
        raise TypeError("not a cursor")
    return Rows(record(each) for each in objects(answer["items"])), cursor or None


def results(answer: Any, size: int) -> Rows:
    """What a call for several objects answers: one result for each, with its HTTP status."""
    found = Rows(objects(answer["items"]))
    if len(found) != size or not all(type(each["status"]) is int for each in found):
        raise ValueError("not a result for each")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value
