"""The canonical invoice: what an ERP bills for one order, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from marshmallow import fields

from integration.canonical.faults import refuse
from integration.canonical.money import currencies, format_money, minor_digits, round_money
from integration.canonical.values import ABSENT, Amount, Day, Id, Strict, Text, quoted
from integration.errors import Hold

STATUSES = ("draft", "withdrawn", "open", "partially_paid", "paid", "void")
AMOUNTS = ("total", "tax", "balance", "order_invoiced", "order_credited")
HINT = "Correct {origin}, or enter it in Clarity by hand as it should be. {again}"


class Invoice(Strict):
    """One invoice, or this order's share of it.

    A *withdrawn* one was issued, and is a draft again.  ``order_invoiced`` is what the order's valid invoices come to
    together, ``order_credited`` what their credit notes do, and ``order_complete`` says that no more are to come;
    ``order_amount`` and ``order_currency`` are those of the order as it was posted.  ``order_rounding`` is by
    how much its invoices may differ from it because each was rounded for itself.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    status = Text(required=True)
    currency = Text(required=True)
    total = Amount(required=True)
    tax = Amount()
    balance = Amount(required=True)
    issued_on = Day()
    due_on = Day()
    order_invoiced = Amount(required=True)
    order_credited = Amount()
    order_complete = fields.Boolean(required=True, error_messages=ABSENT)
    order_rounding = Amount()
    order_amount = Amount(required=True)
    order_currency = Text(required=True)


def check_invoice(invoice: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes an invoice that can be sent to Clarity as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown status or currency, one other than the order's, an amount finer than the currency's
    minor unit (ISO 4217), a total below zero, invoices that come to more than the order even without what was credited
    of them, and complete ones that do not come to the order with it, but for what their own rounding explains.  The
    sums of a void or withdrawn invoice are not looked at: that it is void has to arrive.
    """
    refuse(_faults(invoice), approves)


def sums(invoice: dict[str, Any]) -> tuple[Any]:
    """What an approval of differing sums is about: what was billed of the order, and what was ordered."""
    names = ("order_invoiced", "order_amount", "order_rounding", "order_currency", "currency")
    credited = {"order_credited": invoice["order_credited"]} if invoice["order_credited"] else {}
    return ({name: invoice[name] for name in names} | credited,)


def _faults(invoice: dict[str, Any]) -> Iterator[Hold]:
    if invoice["status"] not in STATUSES:
        yield Hold(
            f"unknown invoice status {quoted(invoice['status'])}",
            hint=f"Use one of {', '.join(STATUSES)} in the table or the mapping, and run "
            "`fleet mapping publish`. {again}",
            code="unknown_status",
        )
    yield from check_currency("invoice", invoice["currency"], invoice["order_currency"])
    if invoice["status"] not in ("void", "withdrawn"):
        yield from _check_amounts(invoice)
        yield from _check_order(invoice)


def check_currency(what: str, currency: str, ordered: str) -> Iterator[Hold]:
    """What is wrong with the currency of an invoice or a refund, which is to be that of its order."""
    if currency not in currencies():
        yield Hold(
            f"unknown currency {quoted(currency)}: not an ISO 4217 code in use", hint=HINT, code="unknown_currency"
        )
    if currency != ordered:
        yield Hold(f"the {what} is in {currency}, the order in {ordered[:10]}", hint=HINT, code="currency_differs")


def _check_amounts(invoice: dict[str, Any]) -> Iterator[Hold]:
    currency = invoice["currency"]
    for name in AMOUNTS:
        amount = invoice[name]
        if amount is not None and amount != round_money(amount, currency):
            digits = minor_digits(currency)
            yield Hold(
                f"{name} is {amount:f}, but {currency} has {digits or 'no'} decimals", hint=HINT, code="precision"
            )
    if invoice["total"] < 0:
        yield Hold(f"the invoice's total {invoice['total']:f} is below zero", hint=HINT, code="negative_total")


def _check_order(invoice: dict[str, Any]) -> Iterator[Hold]:
    invoiced, ordered = invoice["order_invoiced"], invoice["order_amount"]
    rounding = invoice["order_rounding"] or Decimal(0)
    credited = invoice["order_credited"] or Decimal(0)
    over, short = invoiced - credited - ordered, ordered - invoiced if invoice["order_complete"] else Decimal(0)
    if max(over, short) > rounding:
        less = f" less {format_money(credited, invoice['currency'])} credited" if credited else ""
        yield Hold(
            f"the invoices of the order come to {format_money(invoiced, invoice['currency'])}{less}, "
            f"the order to {format_money(ordered, invoice['order_currency'])}",
            hint="See which line is billed otherwise than ordered, and correct its invoice in the ERP by a credit note "
            "and a new one; or enter in Clarity by hand what was agreed. {again}",
            code="invoices_differ",
            compared=sums(invoice),
            difference=max(over, short) - rounding,
        )
