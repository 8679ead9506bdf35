"""Clarity's payments, in versions: each capture is one, and each change of its status sends ``payment.<status>``.

Those that an order lists are reported when they are asked for, so that orders alone send nothing of them.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from integration.sandbox.clarity import events
from integration.sandbox.clarity.fields import Rule, is_amount, wrong
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save

FIRST_PAYMENT = 7001
CAPTURED = "captured"
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "authorized": (CAPTURED, "failed", "voided"),
    CAPTURED: ("voided", "charged_back"),
    "failed": (),
    "voided": (),
    "charged_back": (),
}
KNOWN = Rule(lambda value: value in TRANSITIONS, f"is one of {', '.join(TRANSITIONS)}", True)
METHOD = Rule(lambda value: isinstance(value, str) and bool(value), "is a text", True)


def take(db: sqlite3.Connection, order: Document, given: Document) -> Document:
    """Stores a new payment of an order and reports it; id, status, currency and dates are filled in."""
    currency = str(order["currency"])
    amount = Rule(lambda value: is_amount(value, currency), f"is a decimal string in minor units of {currency}", True)
    stated = {"status": CAPTURED, **given}
    checked = {name: stated.get(name) for name in ("method", "status", "amount")}
    if errors := wrong(checked, {"method": METHOD, "status": KNOWN, "amount": amount}):
        raise invalid(*errors)
    at = now()
    payment = {
        "id": f"pay-{next_number(db, 'payment', FIRST_PAYMENT)}",
        "orderId": order["id"],
        "orderNumber": order.get("number"),
        "currency": currency,
        "reference": "tok_sandbox",
        **stated,
        "capturedDate": at if stated["status"] == CAPTURED else None,
        **{"version": 1, "createdDate": at, "updatedDate": at},
    }
    save(db, "payment", payment)
    events.record(db, f"payment.{payment['status']}", payment)
    return payment


def report(db: sqlite3.Connection, order: Document) -> list[Document]:
    """Makes payments of their own of all that the order lists."""
    names = ("method", "amount", "status", "reference")
    return [take(db, order, {name: each[name] for name in names if name in each}) for each in order["payments"]]


def set_status(db: sqlite3.Connection, payment: Document, status: Any) -> Document:
    """Moves a payment to a status and reports it; a `Problem` for a move that is not allowed."""
    if status == payment["status"]:
        return payment
    if status not in TRANSITIONS[payment["status"]]:
        raise Problem(409, "invalid_transition", f"A payment that is {payment['status']} cannot become {status}.")
    at = now()
    captured = {"capturedDate": at} if status == CAPTURED else {}
    changed = {**payment, **captured, "status": status, "version": payment["version"] + 1, "updatedDate": at}
    save(db, "payment", changed)
    events.record(db, f"payment.{status}", changed)
    return changed


def existing(records: Records, id: str) -> Document:
    """The payment, or a 404 `Problem`."""
    payment = records.find("payment", id)
    if payment is None:
        raise missing("payment")
    return payment
