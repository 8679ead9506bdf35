"""Does an order hold together?  Nothing is repaired here: what does not add up waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT, currencies, format_money, minor_digits, round_money
from integration.canonical.order import CANCELLED, STATUSES
from integration.canonical.split import remaining
from integration.canonical.values import quoted
from integration.errors import Hold, Reject

Order = dict[str, Any]
FIX_AT_SOURCE = "Correct the order in Clarity. {again}"
ACCEPTABLE = frozenset({"totals_mismatch", "total_differs", "invoices_differ", "line_moves"})
"""Codes of failed checks that a person may let a document pass as it is: only sums differ, or who fulfils a line."""
COSTS = ("id", "quantity", "unit_price", "price", "discount", "amount", "total", "taxes")
"""The fields of a line, shipping line, fee or discount that say what it costs."""
REFUNDED = ("refunded", "partially_refunded")
FAILED = ("failed", "cancelled", "pending")


def check_order(order: Order, approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes an order that can be posted as it is, or each of whose faults a person ``approves``.

    Raises `Reject` when it names no customer, and `Hold` for an unknown currency or status, for amounts
    finer than the currency's minor unit (ISO 4217), for a quantity below zero, and for sums that differ by a minor unit
    or more (Clarity API v1, rules of the order).  A line of quantity 0 was removed: it has to come to nothing, and does
    not count.  The sums of a cancelled order are not looked at: a cancellation has to arrive.  Who approves that sums
    differ accepts the largest difference in the order, which its total has from there on.
    """
    _check_customer(order["customer"])
    faults = _faults(order)
    for fault in faults:
        if approves(fault):
            continue
        if fault.difference is not None:
            others = [each.difference for each in faults if each.difference is not None]
            total = abs(order["totals"]["grand_total"] - _recomputed(order))
            fault.difference = max(fault.difference, total, *others)
        raise fault


def sums(order: Order) -> tuple[Any, Any]:
    """What an approval of differing sums is about: what the order costs; of one about payments also what was paid."""
    totals = {name: amount for name, amount in order["totals"].items() if name not in ("balance_due", "gift_card")}
    parts = ("lines", "shipping_lines", "fees", "discounts")
    costs = {
        "currency": order["currency"],
        "tax": [order["tax_included"], order["tax_rounding"]],
        "totals": totals,
        **{part: [{name: row.get(name) for name in COSTS if name in row} for row in order[part]] for part in parts},
    }
    paid = [[each["amount"], each["status"]] for part in ("payments", "refunds") for each in order[part]]
    return costs, [costs, paid, order["payment_status"], order["totals"]["balance_due"]]


def _faults(order: Order) -> Iterator[Hold]:
    yield from _check_codes(order)
    if order["status"] in CANCELLED:
        return
    yield from _check_precision(order)
    yield from _check_quantities(order)
    yield from _check_lines(order)
    yield from _check_totals(remaining(order))
    for fault in _check_payments(order):
        fault.compared = sums(order)[1:]
        yield fault


def _check_customer(customer: dict[str, Any] | None) -> None:
    if not customer or not (customer["id"] or customer["email"]):
        raise Reject(
            "the order has no customer: neither customer.id nor customer.email is given",
            hint="Give the order a customer or an e-mail address in Clarity. {again}",
            code="no_customer",
        )


def _check_codes(order: Order) -> Iterator[Hold]:
    if order["currency"] not in currencies():
        yield Hold(
            f"unknown currency {quoted(order['currency'])}: not an ISO 4217 code in use",
            hint=FIX_AT_SOURCE,
            code="unknown_currency",
        )
    if order["status"] not in STATUSES:
        yield Hold(
            f"unknown order status {quoted(order['status'])}",
            hint="Find out what this status means in Clarity. In mappings/clarity/in/order.json let the row of the "
            f"status make one of these of it: {', '.join(STATUSES)}; then run `fleet mapping publish`. {{again}}",
            code="unknown_status",
        )


def _check_precision(order: Order) -> Iterator[Hold]:
    currency = order["currency"]
    for path, amount in _amounts(order):
        if amount != round_money(amount, currency):
            digits = minor_digits(currency)
            yield Hold(
                f"{path} is {amount:f}, but {currency} has {digits or 'no'} decimals",
                hint=FIX_AT_SOURCE,
                code="precision",
            )


def _check_quantities(order: Order) -> Iterator[Hold]:
    if not order["lines"]:
        yield Hold("the order has no lines", hint=FIX_AT_SOURCE, code="no_lines")
    elif not remaining(order)["lines"]:
        yield Hold(
            "all lines of the order have the quantity 0",
            hint="Cancel the order in Clarity if nothing of it is wanted; if something is, correct its quantities. "
            "{again}",
            code="no_lines",
        )
    for position, line in enumerate(order["lines"], 1):
        if line["quantity"] < 0:
            yield Hold(
                f"line {position}: quantity {line['quantity']:f} is below zero", hint=FIX_AT_SOURCE, code="quantity"
            )


def _check_lines(order: Order) -> Iterator[Hold]:
    for position, line in enumerate(order["lines"], 1):
        quantity, price, discount = line["quantity"], line["unit_price"], line["discount"]
        computed = _line_total(line, order["currency"])
        if quantity:
            rule = f"line {position}: {quantity:f} x {price:f} - discount {discount:f}"
        else:
            rule = f"line {position}: quantity 0, a removed line,"
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
    """What was paid, less what went back, and what is due come to the total, or did before anything went back.

    Where the order says that it was refunded and names no refunds, its payments are what is left of them: they say
    nothing of the order.
    """
    due, total = order["totals"]["balance_due"], order["totals"]["grand_total"]
    if due is None or order["payment_status"] in REFUNDED:
        return
    captured = _sum(payment["amount"] for payment in order["payments"] if payment["status"] == "captured")
    paid = captured + _sum(payment["amount"] for payment in order["payments"] if payment["status"] in REFUNDED)
    refunded = _sum(abs(each["amount"] or 0) for each in order["refunds"] if each["status"] not in FAILED)
    if total in (captured + due, paid + due, captured - refunded + due, paid - refunded + due):
        return
    less = f" - refunds {refunded:f}" if refunded else ""
    yield from _compare(
        f"captured payments {captured:f}{less} + balance due {due:f}",
        captured - refunded + due,
        "totals.grand_total",
        total,
        order["currency"],
    )


def _compare(what: str, computed: Decimal, name: str, stated: Decimal | None, currency: str) -> Iterator[Hold]:
    if computed != (stated or 0):
        shown = "not given" if stated is None else format_money(stated, currency).removesuffix(f" {currency}")
        yield Hold(
            f"totals do not add up: {what} makes {format_money(computed, currency)}, but {name} is {shown}",
            hint=FIX_AT_SOURCE,
            code="totals_mismatch",
            difference=abs(computed - (stated or 0)),
        )


def _line_total(line: dict[str, Any], currency: str) -> Decimal:
    quantity, discount = line["quantity"], line["discount"]
    if not quantity:
        return Decimal(0)
    total: Decimal = round_money(EXACT.multiply(quantity, line["unit_price"]), currency) - discount
    return total


def _recomputed(order: Order) -> Decimal:
    """What the order comes to by its quantities, prices, discounts and taxes alone."""
    tax = _sum(tax["amount"] for part in _taxed(order) for tax in part["taxes"])
    total: Decimal = (
        _sum(_line_total(line, order["currency"]) for line in order["lines"])
        + _sum(line["price"] - line["discount"] for line in order["shipping_lines"])
        + _sum(fee["amount"] for fee in order["fees"])
        - _sum(discount["amount"] for discount in order["discounts"])
        + (0 if order["tax_included"] else tax)
    )
    return total


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
