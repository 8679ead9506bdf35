"""Amounts of an order as Odoo 19 computes them, for percentage taxes with prices that include or exclude them.

Odoo rounds each line ("round_per_line") or sums the unrounded lines per tax ("round_globally", a new database's
default); which one is a setting of the company.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True)
class Tax:
    id: int
    percent: Decimal
    included: bool


@dataclass(frozen=True)
class LineAmounts:
    """Not yet rounded when the company rounds globally."""

    untaxed: Decimal
    taxes: tuple[tuple[Tax, Decimal], ...]

    def rounded(self, unit: Decimal) -> tuple[Decimal, Decimal]:
        """(price_subtotal, price_total) of the line: each part rounded for itself."""
        untaxed = to_unit(self.untaxed, unit)
        return untaxed, untaxed + sum((to_unit(amount, unit) for _, amount in self.taxes), Decimal())


def to_unit(amount: Decimal, unit: Decimal) -> Decimal:
    """``amount`` rounded half up (away from zero) to the currency's smallest unit, e.g. 0.01."""
    return (amount / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit


def line_amounts(
    price: Decimal, discount: Decimal, quantity: Decimal, taxes: Sequence[Tax], unit: Decimal, *, per_line: bool
) -> LineAmounts:
    """Amounts of one line; ``discount`` is a percentage.  Included taxes come out first, the others go on top."""

    def amount(exact: Decimal) -> Decimal:
        return to_unit(exact, unit) if per_line else exact

    gross = amount(quantity * price * (100 - discount) / 100)
    inside = [tax for tax in taxes if tax.included]
    divisor = 100 + sum(tax.percent for tax in inside)
    amounts = [(tax, amount(gross * tax.percent / divisor)) for tax in inside]
    untaxed = gross - sum(tax_amount for _, tax_amount in amounts)
    amounts += [(tax, amount(untaxed * tax.percent / 100)) for tax in taxes if not tax.included]
    return LineAmounts(untaxed, tuple(amounts))


def order_amounts(lines: Iterable[LineAmounts], unit: Decimal) -> tuple[Decimal, Decimal]:
    """(amount_untaxed, amount_tax) of the order.

    With included taxes only, the gross total is what is rounded, and the untaxed amount is the rest of it.
    """
    untaxed, per_tax = Decimal(), defaultdict[Tax, Decimal](Decimal)
    for line in lines:
        untaxed += line.untaxed
        for tax, amount in line.taxes:
            per_tax[tax] += amount
    tax_total = sum((to_unit(amount, unit) for amount in per_tax.values()), Decimal())
    if all(tax.included for tax in per_tax):
        gross = untaxed + sum(per_tax.values())
        return to_unit(gross, unit) - tax_total, tax_total
    return to_unit(untaxed, unit), tax_total
