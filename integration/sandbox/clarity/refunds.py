"""Clarity's refunds: what is taken back of what was billed for an order.

All of an order's refunds together, those that are void left out, come to no more than its valid invoices, and hold no
more of a line than was ordered.  The order's payment status follows from them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.sandbox.clarity import order_documents, orders
from integration.sandbox.clarity.fields import DAY, REFERENCE, TEXT, Rule, is_amount, is_quantity, wrong
from integration.sandbox.clarity.problems import Problem, invalid
from integration.sandbox.clarity.records import Document, Records

TRANSITIONS: dict[str, tuple[str, ...]] = {"issued": ("void",), "void": ()}
KINDS = ("shipping", "fee", "discount", "other")
STATUS = Rule(lambda value: isinstance(value, str) and value in TRANSITIONS, "is issued or void", True)
ROWS = Rule(lambda value: isinstance(value, list), "is a list")


def read(order: Document, body: Document) -> Document:
    """The fields of a new refund; a `Problem` for what is wrong with them."""
    currency = str(order["currency"])
    says = f"is a decimal string, not below zero, in the minor units of {currency}"
    amount = Rule(lambda value: is_amount(value, currency), says, True)
    rules = {
        "externalRef": REFERENCE,
        "number": TEXT,
        "invoiceRef": TEXT,
        "currency": Rule(lambda value: value == currency, f"is the order's: {currency}", True),
        "amount": amount,
        "tax": amount._replace(required=False),
        "reason": TEXT,
        "issuedOn": DAY,
        "lines": ROWS,
        "adjustments": ROWS,
        "status": STATUS,
    }
    errors = wrong(body, rules)
    if errors or (errors := [*_of_lines(order, body), *_of_adjustments(body)]):
        raise invalid(*errors)
    rows = [*(body.get("lines") or ()), *(body.get("adjustments") or ())]
    if sum(Decimal(row["amount"]) for row in rows) != Decimal(body["amount"]):
        raise invalid(("/amount", "is the sum of the lines and adjustments"))
    return {
        **dict.fromkeys(rules),
        **body,
        "lines": body.get("lines") or [],
        "adjustments": body.get("adjustments") or [],
    }


def create(db: sqlite3.Connection, order: Document, fields: Document) -> Document:
    _check_left(db, order, fields)
    refund = order_documents.add(db, "refund", order["id"], fields)
    follow(db, order)
    return refund


def set_status(db: sqlite3.Connection, order: Document, refund: Document, body: Document) -> Document:
    """Moves a refund to a status; a `Problem` for a move that is not allowed."""
    if errors := wrong(body, {"status": STATUS}):
        raise invalid(*errors)
    before, status = refund["status"], body["status"]
    if status == before:
        return refund
    if status not in TRANSITIONS[before]:
        raise Problem(409, "invalid_transition", f"A refund that is {before} cannot become {status}.")
    changed = order_documents.change(db, "refund", refund, {"status": status})
    follow(db, order)
    return changed


def follow(db: sqlite3.Connection, order: Document) -> None:
    """A paid order is refunded in part once a refund is issued, and refunded once these come to its total."""
    if order.get("paymentStatus") not in ("paid", "partially_refunded", "refunded"):
        return
    refunded = total(db, order["id"])
    whole = refunded >= Decimal(order["totals"]["grandTotal"])
    orders.follow(db, order, paymentStatus="refunded" if whole else "partially_refunded" if refunded else "paid")


def total(db: sqlite3.Connection, order_id: str) -> Decimal:
    """What the refunds of an order come to, those that are void left out."""
    return sum((Decimal(each["amount"]) for each in _standing(db, order_id)), Decimal(0))


def truth(records: Records) -> list[dict[str, Any]]:
    """What really took effect, for the ledger; quantities by line."""
    names = ("number", "amount", "status", "invoiceRef", "adjustments")
    return [
        {
            **counts,
            **{name: refund[name] for name in names},
            "lines": {line: str(quantity) for line, quantity in _quantities([refund]).items()},
        }
        for refund, counts in order_documents.counted(records, "refund")
    ]


def _of_lines(order: Document, body: Document) -> list[tuple[str, str]]:
    ordered, errors = [line["id"] for line in order["lines"]], []
    for index, line in enumerate(body.get("lines") or ()):
        given = line if isinstance(line, dict) else {}
        if given.get("orderLineId") not in ordered:
            errors.append((f"/lines/{index}/orderLineId", "is no line of the order"))
        if not is_quantity(given.get("quantity")):
            errors.append((f"/lines/{index}/quantity", "is a decimal string above zero"))
        if not is_amount(given.get("amount"), order["currency"]):
            errors.append((f"/lines/{index}/amount", "is a decimal string, not below zero"))
    return errors


def _of_adjustments(body: Document) -> list[tuple[str, str]]:
    errors = []
    for index, row in enumerate(body.get("adjustments") or ()):
        given = row if isinstance(row, dict) else {}
        if given.get("kind") not in KINDS:
            errors.append((f"/adjustments/{index}/kind", f"is one of {', '.join(KINDS)}"))
        if not is_amount(str(given.get("amount")).removeprefix("-"), body["currency"]):
            errors.append((f"/adjustments/{index}/amount", "is a decimal string"))
    return errors


def _check_left(db: sqlite3.Connection, order: Document, refund: Document) -> None:
    """A `Problem` for more than is left of what was billed, or of a line."""
    invoices = order_documents.of_order(db, "invoice", order["id"])
    billed = sum(Decimal(each["total"]) for each in invoices if each["status"] != "void")
    if total(db, order["id"]) + Decimal(refund["amount"]) > billed:
        raise invalid(("/amount", "is more than is left of what was billed"))
    taken = _quantities(_standing(db, order["id"]))
    ordered = {line["id"]: Decimal(str(line["quantity"])) for line in order["lines"]}
    for index, line in enumerate(refund["lines"]):
        taken[line["orderLineId"]] += Decimal(line["quantity"])
        if taken[line["orderLineId"]] > ordered[line["orderLineId"]]:
            raise invalid((f"/lines/{index}/quantity", "is more than is left of the line"))


def _standing(db: sqlite3.Connection, order_id: str) -> list[Document]:
    return [each for each in order_documents.of_order(db, "refund", order_id) if each["status"] != "void"]


def _quantities(refunds: Iterable[Document]) -> dict[str, Decimal]:
    together: dict[str, Decimal] = defaultdict(Decimal)
    for refund in refunds:
        for line in refund["lines"]:
            together[line["orderLineId"]] += Decimal(line["quantity"])
    return together
