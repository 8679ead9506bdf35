"""What has to be true of a payment before it is posted in Odoo; a person decides otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.canonical.money import format_money
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.payment.order import PaidOrder
from integration.errors import Hold

OVERPAID, NEW = "overpaid", "new_payment"

Row = dict[str, Any]


def check_currency(document: Document, order: PaidOrder) -> None:
    """Raises `Hold` for a payment in another currency than its order has in Odoo."""
    if document["currency"] != order.currency[1]:
        raise Hold(
            f"the payment is in {document['currency']}, and its order in Odoo in {order.currency[1]}",
            hint="Enter the payment in Odoo by hand at the rate that counts, and `fleet held resolve` this.",
            code="currency_differs",
        )


def check_total(document: Document, order: PaidOrder, others: Iterable[Row], work: Work) -> None:
    """Raises `Hold` for a payment by which more would be paid of the order than it comes to, unless that is approved.

    ``others`` are the order's other payments that count.
    """
    paid = sum((exact(row["amount"]) for row in others), Decimal(0))
    compared = (document["key"], document["amount"], order.total)
    if paid + document["amount"] <= order.total or work.approved(OVERPAID, *compared):
        return
    total, sum_ = (format_money(each, order.currency[1]) for each in (order.total, paid + document["amount"]))
    raise Hold(
        f"with this payment {sum_} {order.currency[1]} would be paid of an order of {total}",
        hint="Correct the amount in Clarity, or the order. `fleet held approve ID` posts it as it is: what is too much "
        "stays with the customer as a credit.",
        code=OVERPAID,
        compared=compared,
    )


def check_same(document: Document, row: Row) -> None:
    """Raises `Hold` for a posted payment that has another amount or currency than Clarity says."""
    if exact(row["amount"]) != document["amount"] or row["currency_id"][1] != document["currency"]:
        theirs = f"{format_money(exact(row['amount']), row['currency_id'][1])} {row['currency_id'][1]}"
        raise Hold(
            f"the payment is posted in Odoo with {theirs}",
            hint="What is posted is not changed. Correct it in Odoo by hand (Reset to Draft), or in Clarity. {again}",
            code="posted_otherwise",
        )


def no_account(journal: str) -> Hold:
    """For a payment that Odoo would post without a journal entry: nothing could be set off against an invoice."""
    return Hold(
        f"payments of the journal “{journal}” get no journal entry in Odoo",
        hint="In Odoo (Accounting, Configuration, Journals) give the journal's incoming payment method an outstanding "
        "account. {again}",
        code="no_outstanding_account",
    )


def cancelled_there() -> Hold:
    return Hold(
        "the payment is cancelled in Odoo, and captured in Clarity",
        hint="Set it to draft in Odoo, or void it in Clarity, too. {again}",
        code="cancelled_at_target",
    )


def gone(document: Document, theirs: str) -> Hold:
    """For a payment that was deleted in Odoo: it is not posted anew in silence."""
    return Hold(
        "the payment is not in Odoo any more",
        hint="What was deleted on purpose stays so: `fleet held resolve` this. Or choose here that it is posted anew.",
        code="payment_gone",
        candidates=({"id": "new", "label": "the payment is posted anew", "approves": NEW},),
        compared=(document["key"], theirs),
    )


def settled(what: str) -> Hold:
    """For a payment that is set off against an invoice, or in a bank statement, and is to be taken back."""
    return Hold(
        f"the payment is {what} in Clarity, and set off against an invoice or a bank statement in Odoo",
        hint="Odoo would open the invoice again: decide in Odoo what is right, then `fleet held resolve` this.",
        code="payment_settled",
    )


def charged_back() -> Hold:
    return Hold(
        "the customer's bank has taken the payment back",
        hint="Decide in Odoo whether the invoice is open again or the loss is booked, then `fleet held resolve` this.",
        code="charged_back",
    )
