"""The canonical refund: what an ERP takes back of what it billed for one order, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from marshmallow import fields

from integration.canonical.faults import refuse
from integration.canonical.invoice import HINT, check_currency
from integration.canonical.money import format_money, minor_digits, round_money
from integration.canonical.values import ABSENT, Amount, Day, Id, Rows, Strict, Text, quoted
from integration.errors import Hold

STATUSES = ("draft", "withdrawn", "issued", "void")


class RefundLine(Strict):
    """What is taken back of a line of the order; without ``order_line_id`` a charge, or an amount of no line."""

    order_line_id = Id()
    sku = Text()
    kind = Text(required=True)
    quantity = Amount(required=True)
    amount = Amount(required=True)


class Refund(Strict):
    """One credit note, or this order's share of it.

    A *void* one counts for nothing: it was cancelled, or the invoice that it takes back is void because of it.  A
    *withdrawn* one was issued, and is a draft again.  ``invoice_id`` is the invoice that it takes back, where it counts
    and names one.  ``certain`` is false where it could be of any of several orders.  ``order_invoiced`` and
    ``order_credited`` are what the order's invoices and its credit notes come to.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    status = Text(required=True)
    currency = Text(required=True)
    amount = Amount(required=True)
    tax = Amount()
    reason = Text()
    issued_on = Day()
    invoice_id = Id()
    certain = fields.Boolean(required=True, error_messages=ABSENT)
    lines = Rows(RefundLine)
    order_invoiced = Amount(required=True)
    order_credited = Amount(required=True)
    order_currency = Text(required=True)


def check_refund(refund: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a refund that can be sent to Clarity as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown status or currency, one other than the order's, an amount finer than the currency's
    minor unit or not above zero, lines that do not come to the amount, one whose order nobody knows, and credit notes
    that come to more than was billed.  Of one that does not count only the status is looked at.
    """
    refuse(_faults(refund), approves)


def sums(refund: dict[str, Any]) -> tuple[Any]:
    """What an approval of differing sums is about: what was billed of the order, and what of that was credited."""
    return ({name: refund[name] for name in ("order_invoiced", "order_credited", "currency")},)


def _faults(refund: dict[str, Any]) -> Iterator[Hold]:
    if refund["status"] not in STATUSES:
        yield Hold(
            f"unknown refund status {quoted(refund['status'])}",
            hint=f"Use one of {', '.join(STATUSES)} in the table or the mapping, and run "
            "`fleet mapping publish`. {again}",
            code="unknown_status",
        )
    if refund["status"] == "issued":
        yield from check_currency("refund", refund["currency"], refund["order_currency"])
        yield from _check_amounts(refund)
        yield from _check_order(refund)


def _check_amounts(refund: dict[str, Any]) -> Iterator[Hold]:
    if not refund["certain"]:
        yield Hold(
            "the credit note takes back an invoice of several orders, and none of its lines says of which",
            hint="Enter the refund of each order in Clarity by hand, and close this with `fleet held resolve`; or make "
            "in the ERP a credit note from the invoice's own lines instead.",
            code="refund_unassigned",
        )
        return
    amount, currency = refund["amount"], refund["currency"]
    if amount != round_money(amount, currency):
        digits = minor_digits(currency)
        reason = f"the amount is {amount:f}, but {currency} has {digits or 'no'} decimals"
        yield Hold(reason, hint=HINT, code="precision")
    if amount <= 0:
        yield Hold(f"the credit note comes to {amount:f}, which is not above zero", hint=HINT, code="amount")
    lines = sum((line["amount"] for line in refund["lines"]), Decimal(0))
    if lines != amount:
        yield Hold(
            f"the lines of the credit note come to {lines:f}, the credit note to {amount:f}", hint=HINT, code="amount"
        )


def _check_order(refund: dict[str, Any]) -> Iterator[Hold]:
    invoiced, credited = refund["order_invoiced"], refund["order_credited"]
    if credited > invoiced:
        currency = refund["currency"]
        yield Hold(
            f"the credit notes of the order come to {format_money(credited, currency)}, "
            f"its invoices to {format_money(invoiced, currency)}",
            hint="See which credit note is one too many, and cancel it in the ERP; or enter in Clarity by hand what "
            "was agreed. {again}",
            code="refunds_differ",
            compared=sums(refund),
            difference=credited - invoiced,
        )
