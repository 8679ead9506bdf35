"""An order in another currency: every amount at one rate, in the minor units of that currency, and all sums still tie.

Lines, charges, discounts and taxes are converted and rounded one by one, and the totals are their sums: what each
total differed by from its parts before, it differs by afterwards, at the same rate.  So the total may be a few minor
units off the total at the rate, which ``conversion.rounded`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT, minor_digits, round_money
from integration.canonical.rounding import tax_roundings

Order = dict[str, Any]
At = Callable[[Decimal], Decimal]
FINEST_PRICE = Decimal("1e-10")


def convert(order: Order, conversion: dict[str, Any]) -> Order:
    """The order in ``conversion["to_currency"]``, with its ``conversion`` (`order.Conversion`, but for ``rounded``).

    Its ``tax_roundings`` count those of the conversion, too.
    """
    rate, to = conversion["rate"], conversion["to_currency"]

    def at(amount: Decimal) -> Decimal:
        return round_money(EXACT.multiply(amount, rate), to)

    made = {
        **order,
        "currency": to,
        "lines": [_line(line, order["currency"], rate, to) for line in order["lines"]],
        "shipping_lines": [_amounts(each, at, "price", "discount") for each in order["shipping_lines"]],
        "fees": [_amounts(each, at, "amount") for each in order["fees"]],
        "discounts": [_amounts(each, at, "amount") for each in order["discounts"]],
        "payments": [_amounts(each, at, "amount") for each in order["payments"]],
        "refunds": [_amounts(each, at, "amount") for each in order["refunds"]],
        "tax_roundings": _roundings(order, rate, to),
    }
    before, after = _sums(order), _sums(made)
    made["totals"] = {
        name: None if stated is None else after[name] + at(stated - before[name]) if name in after else at(stated)
        for name, stated in order["totals"].items()
    }
    if (due := order["totals"]["balance_due"]) is not None:
        made["totals"]["balance_due"] = _unpaid(made) + at(due - _unpaid(order))
    rounded = made["totals"]["grand_total"] - at(order["totals"]["grand_total"])
    return {**made, "conversion": {**conversion, "rounded": rounded}}


def _line(line: dict[str, Any], currency: str, rate: Decimal, to: str) -> dict[str, Any]:
    """What the line costs is at the rate; its price is, too, unless only another makes that total of the quantity."""

    def at(amount: Decimal) -> Decimal:
        return round_money(EXACT.multiply(amount, rate), to)

    quantity, price = line["quantity"], EXACT.multiply(line["unit_price"], rate)
    made = {**_amounts(line, at, "discount", "total"), "unit_price": price}
    tied = round_money(EXACT.multiply(quantity, line["unit_price"]), currency) == line["total"] + line["discount"]
    gross = made["total"] + made["discount"]
    if tied and round_money(EXACT.multiply(quantity, price), to) != gross:
        made["unit_price"] = EXACT.divide(gross, quantity).quantize(FINEST_PRICE, context=EXACT).normalize()
    return made


def _amounts(part: dict[str, Any], at: At, *names: str) -> dict[str, Any]:
    made = {**part, **{name: None if part[name] is None else at(part[name]) for name in names}}
    if "taxes" in part:
        made["taxes"] = [{**tax, "amount": at(tax["amount"])} for tax in part["taxes"]]
    return made


def _sums(order: Order) -> dict[str, Decimal]:
    """What the totals of an order are sums of; what was paid is none."""
    parts = [*order["lines"], *order["shipping_lines"], *order["fees"]]
    sums = {
        "subtotal": _sum(line["total"] for line in order["lines"]),
        "shipping": _sum(line["price"] - line["discount"] for line in order["shipping_lines"]),
        "fees": _sum(fee["amount"] for fee in order["fees"]),
        "tax": _sum(tax["amount"] for part in parts for tax in part["taxes"]),
    }
    discounts = _sum(discount["amount"] for discount in order["discounts"])
    on_top = Decimal(0) if order["tax_included"] else sums["tax"]
    return {**sums, "grand_total": sums["subtotal"] + sums["shipping"] + sums["fees"] - discounts + on_top}


def _unpaid(order: Order) -> Decimal:
    captured = _sum(payment["amount"] for payment in order["payments"] if payment["status"] == "captured")
    total: Decimal = order["totals"]["grand_total"]
    return total - captured


def _roundings(order: Order, rate: Decimal, to: str) -> Decimal:
    """How many halves of the new minor unit its taxes are off at most, as `rounding.tax_roundings` counts.

    Those of Clarity at the rate; and for each tax once itself, and its share of what its line was rounded by.
    """
    if order["tax_included"]:
        return Decimal(0)
    coarser = EXACT.multiply(rate, Decimal(1).scaleb(minor_digits(to) - minor_digits(order["currency"])))
    parts = [*order["lines"], *order["shipping_lines"], *order["fees"]]
    taxes = [tax["rate"] for part in parts for tax in part["taxes"] if tax["rate"]]
    return EXACT.multiply(tax_roundings(order), coarser) + len(taxes) + _sum(taxes) * 2


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
