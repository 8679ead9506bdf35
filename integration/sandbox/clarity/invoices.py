"""Clarity's invoices: what is billed for an order, and how far the order is paid by them.

All of an order's invoices together, those that are void left out, come to no more than the order and what was refunded
of it.
"""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

from integration.sandbox.clarity import events, money, order_documents, orders, refunds
from integration.sandbox.clarity.fields import DAY, REFERENCE, TEXT, Rule, is_amount, wrong
from integration.sandbox.clarity.problems import Problem, invalid
from integration.sandbox.clarity.records import Document, Records

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "open": ("partially_paid", "paid", "void"),
    "partially_paid": ("open", "paid", "void"),
    "paid": (),
    "void": (),
}
STATUS = Rule(
    lambda value: isinstance(value, str) and value in TRANSITIONS, f"is one of {', '.join(TRANSITIONS)}", True
)


def read(order: Document, body: Document) -> Document:
    """The fields of a new invoice; a `Problem` for what is wrong with them."""
    currency = str(order["currency"])
    amount = _amount(currency)
    rules = {
        "externalRef": REFERENCE,
        "number": TEXT,
        "currency": Rule(lambda value: value == currency, f"is the order's: {currency}", True),
        "total": amount,
        "tax": amount._replace(required=False),
        "balance": amount,
        "issuedOn": DAY,
        "dueOn": DAY,
        "status": STATUS,
    }
    if errors := wrong(body, rules):
        raise invalid(*errors)
    _check_balance(body)
    return {**dict.fromkeys(rules), **body}


def create(db: sqlite3.Connection, order: Document, fields: Document) -> Document:
    """Stores the invoice; one that is paid from the start also sends ``invoice.paid``."""
    _check_left(db, order, fields)
    invoice = order_documents.add(db, "invoice", order["id"], fields)
    _follow(db, order, invoice)
    return invoice


def set_status(db: sqlite3.Connection, order: Document, invoice: Document, body: Document) -> Document:
    """Moves an invoice to a status and balance; a `Problem` for a move that is not allowed."""
    if errors := wrong(body, {"status": STATUS, "balance": _amount(invoice["currency"])._replace(required=False)}):
        raise invalid(*errors)
    before, status = invoice["status"], body["status"]
    if status not in (before, *TRANSITIONS[before]):
        raise Problem(409, "invalid_transition", f"An invoice that is {before} cannot become {status}.")
    fields = {"status": status, "balance": body.get("balance") or ("0" if status == "paid" else invoice["balance"])}
    _check_balance({**invoice, **fields})
    if status == before and Decimal(fields["balance"]) == Decimal(invoice["balance"]):
        return invoice
    changed = order_documents.change(db, "invoice", invoice, fields)
    if status != before:
        _follow(db, order, changed)
    return changed


def truth(records: Records) -> list[dict[str, Any]]:
    """What really took effect, for the ledger."""
    names = ("number", "total", "balance", "status")
    return [
        {**counts, **{name: invoice[name] for name in names}}
        for invoice, counts in order_documents.counted(records, "invoice")
    ]


def _amount(currency: str) -> Rule:
    says = f"is a decimal string, not below zero, in the minor units of {currency}"
    return Rule(lambda value: is_amount(value, currency), says, True)


def _check_balance(invoice: Document) -> None:
    if Decimal(invoice["balance"]) > Decimal(invoice["total"]):
        raise invalid(("/balance", "is more than the total"))
    if invoice["status"] == "paid" and Decimal(invoice["balance"]):
        raise invalid(("/balance", "is zero once the invoice is paid"))


def _check_left(db: sqlite3.Connection, order: Document, invoice: Document) -> None:
    """A `Problem` for an invoice of more than is left of the order.

    Each invoice rounds by itself, by half a minor unit for each tax of each line at most.
    """
    if invoice["status"] == "void":
        return
    standing = [each for each in order_documents.of_order(db, "invoice", order["id"]) if each["status"] != "void"]
    billed = sum(Decimal(each["total"]) for each in (*standing, invoice))
    roundings = (len(standing) + 1) * sum(len(line.get("taxes") or ()) for line in order["lines"])
    rounding = Decimal(roundings).scaleb(-money.digits(order["currency"])) / 2
    if billed - refunds.total(db, order["id"]) > Decimal(order["totals"]["grandTotal"]) + rounding:
        raise invalid(("/total", "is more than is left of the order"))


def _follow(db: sqlite3.Connection, order: Document, changed: Document) -> None:
    """Reports a payment; the order is paid once its invoices are paid and come to its total, and stays paid."""
    if changed["status"] == "paid":
        events.record(db, "invoice.paid", changed)
    standing = [each for each in order_documents.of_order(db, "invoice", order["id"]) if each["status"] != "void"]
    paid = [Decimal(each["total"]) for each in standing if each["status"] == "paid"]
    if order.get("paymentStatus") in ("paid", "partially_refunded", "refunded"):
        return
    if standing and len(paid) == len(standing) and sum(paid) >= Decimal(order["totals"]["grandTotal"]):
        orders.follow(db, order, paymentStatus="paid")
        refunds.follow(db, order | {"paymentStatus": "paid"})
    elif paid or any(each["status"] == "partially_paid" for each in standing):
        orders.follow(db, order, paymentStatus="partially_paid")
