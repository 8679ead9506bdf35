"""Does an order hold together?  Nothing is repaired here: what does not add up waits for a person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT, currencies, minor_digits, round_money
from integration.canonical.order import CANCELLED, STATUSES
from integration.errors import Hold, Reject

Order = dict[str, Any]
FIX_AT_SOURCE = "Correct the order in Clarity, then send the order again."
ACCEPTABLE = frozenset({"totals_mismatch", "total_differs", "invoices_differ", "line_moves"})
"""Codes of failed checks that a person may let a document pass as it is: only sums differ, or who fulfils a line."""
REFUNDED = ("refunded", "partially_refunded")


def check_order(order: Order, approved: Collection[str] = ()) -> None:
    """Passes an order that can be posted as it stands, or whose faults are ``approved``, by their codes.

    Raises `Reject` when nobody can be made its customer, and `Hold` for an unknown currency or status, for amounts
    finer than the currency's minor unit (ISO 4217), for a quantity that is not above zero, and for sums that differ
    by a minor unit or more (Clarity API v1, rules of the order).  The sums of a cancelled order are not looked at:
    a cancellation has to arrive.
    """
    _check_customer(order["customer"])
    for fault in _faults(order):
        if fault.code not in approved:
            raise fault


def _faults(order: Order) -> Iterator[Hold]:
    yield from _check_codes(order)
    if order["status"] in CANCELLED:
        return
    yield from _check_precision(order)
    yield from _check_lines(order)
    yield from _check_totals(order)
    yield from _check_payments(order)


def _check_customer(customer: dict[str, Any] | None) -> None:
    if not customer or not (customer["id"] or customer["email"]):
        raise Reject(
            "the order has no customer: neither customer.id nor customer.email is given",
            hint="Give the order a customer or an e-mail address in Clarity, then send the order again.",
            code="no_customer",
        )


def _check_codes(order: Order) -> Iterator[Hold]:
    if order["currency"] not in currencies():
        yield Hold(
            f"unknown currency {order['currency'][:10]!r}: not an ISO 4217 code in use",
            hint=FIX_AT_SOURCE,
            code="unknown_currency",
        )
    if order["status"] not in STATUSES:
        yield Hold(
            f"unknown order status {order['status'][:40]!r}",
            hint="Ask whoever runs the shop what this status means, add it to mappings/tables/statuses.json, restart "
            "the fleet, then send the order again.",
            code="unknown_status",
        )


def _check_precision(order: Order) -> Iterator[Hold]:
    currency = order["currency"]
    for path, amount in _amounts(order):
        if amount != round_money(amount, currency):
            digits = minor_digits(currency)
            yield Hold(
                f"{path} is {amount}, but {currency} has {digits or 'no'} decimals",
                hint=FIX_AT_SOURCE,
                code="precision",
            )


def _check_lines(order: Order) -> Iterator[Hold]:
    if not order["lines"]:
        yield Hold("the order has no lines", hint=FIX_AT_SOURCE, code="no_lines")
    for position, line in enumerate(order["lines"], 1):
        quantity, price, discount = line["quantity"], line["unit_price"], line["discount"]
        if quantity <= 0:
            yield Hold(f"line {position}: quantity {quantity} is not above zero", hint=FIX_AT_SOURCE, code="quantity")
        computed = round_money(EXACT.multiply(quantity, price), order["currency"]) - discount
        rule = f"line {position}: {quantity} x {price} - discount {discount}"
        yield from _compare(
            rule, computed, f"the line's total ({line['sku'] or 'no SKU'})", line["total"], order["currency"]
        )


def _check_totals(order: Order) -> Iterator[Hold]:
    totals, currency = order["totals"], order["currency"]
    subtotal = _sum(line["total"] for line in order["lines"])
    shipping = _sum(line["price"] - line["discount"] for line in order["shipping_lines"])
    fees = _sum(fee["amount"] for fee in order["fees"])
    discounts = _sum(discount["amount"] for discount in order["discounts"])
    for what, computed, name in (
        ("the sum of the lines", subtotal, "subtotal"),
        ("the sum of the shipping lines", shipping, "shipping"),
        ("the sum of the fees", fees, "fees"),
    ):
        yield from _compare(what, computed, f"totals.{name}", totals[name], currency)
    yield from _check_tax(order)
    tax = Decimal(0) if order["tax_included"] else totals["tax"] or Decimal(0)
    rule = "lines + shipping + fees - order discounts" + ("" if order["tax_included"] else " + tax")
    yield from _compare(
        rule, subtotal + shipping + fees - discounts + tax, "totals.grand_total", totals["grand_total"], currency
    )


def _check_tax(order: Order) -> Iterator[Hold]:
    taxes = [tax["amount"] for part in _taxed(order) for tax in part["taxes"]]
    stated, computed = order["totals"]["tax"], _sum(taxes)
    minor_unit = Decimal(1).scaleb(-minor_digits(order["currency"]))
    rounded_away = minor_unit * len(taxes) / 2 if order["tax_rounding"] == "order" else Decimal(0)
    if stated is None or abs(stated - computed) > rounded_away:
        yield from _compare("the sum of the taxes", computed, "totals.tax", stated, order["currency"])


def _check_payments(order: Order) -> Iterator[Hold]:
    """Refunds are objects of their own, so the payments of a refunded order say nothing about the order itself."""
    due = order["totals"]["balance_due"]
    if due is None or order["payment_status"] in REFUNDED:
        return
    captured = _sum(payment["amount"] for payment in order["payments"] if payment["status"] == "captured")
    yield from _compare(
        f"captured payments {captured} + balance due {due}",
        captured + due,
        "totals.grand_total",
        order["totals"]["grand_total"],
        order["currency"],
    )


def _compare(what: str, computed: Decimal, name: str, stated: Decimal | None, currency: str) -> Iterator[Hold]:
    stated = Decimal(0) if stated is None else stated
    if computed != stated:
        yield Hold(
            f"totals do not add up: {what} makes {round_money(computed, currency)} {currency}, "
            f"but {name} is {round_money(stated, currency)}",
            hint=FIX_AT_SOURCE,
            code="totals_mismatch",
        )


def _taxed(order: Order) -> Iterator[dict[str, Any]]:
    yield from order["lines"]
    yield from order["shipping_lines"]
    yield from order["fees"]


def _amounts(order: Order) -> Iterator[tuple[str, Decimal]]:
    """Every amount that has to be in minor units, with its path; unit prices may be finer."""
    for group, names in (
        ("lines", ("discount", "total")),
        ("shipping_lines", ("price", "discount")),
        ("fees", ("amount",)),
        ("discounts", ("amount",)),
        ("payments", ("amount",)),
    ):
        for index, item in enumerate(order[group]):
            yield from ((f"{group}.{index}.{name}", item[name]) for name in names)
            taxes = enumerate(item.get("taxes", ()))
            yield from ((f"{group}.{index}.taxes.{number}.amount", tax["amount"]) for number, tax in taxes)
    yield from ((f"totals.{name}", amount) for name, amount in order["totals"].items() if amount is not None)


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, Decimal(0))
