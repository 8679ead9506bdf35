"""What Odoo makes of lines with percentage taxes, and where it rounds on the way (``account.tax`` of Odoo 19.0).

With *Round per Line* each line's price and each of its taxes is rounded for itself.  With *Round Globally*, Odoo's
default, nothing is rounded before it is added up: then each tax of the order is, once, and so is the untaxed amount;
or, where all prices include their taxes, the amount with them.  Invoices are added up as orders are, each for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT
from integration.canonical.rounding import is_whole
from integration.connectors.contract import Document

FIGURES = ("product_uom_qty", "price_unit", "discount")
PER_LINE = "round_per_line"
"""The company's ``tax_calculation_rounding_method``; the other one is ``round_globally``."""


@dataclass(frozen=True)
class Tax:
    """``rate`` is in percent; ``included``: the line's price holds the tax already; ``id`` is Odoo's."""

    rate: Decimal
    included: bool
    id: int = 0


@dataclass(frozen=True)
class Line:
    """What a line comes to before anything is rounded, and its taxes; those of 0 % are left out."""

    price: Decimal
    taxes: tuple[Tax, ...]

    @classmethod
    def of(cls, quantity: Decimal, price: Decimal, discount: Decimal, taxes: Iterable[Tax]) -> Line:
        """A line of so many at that unit price, less ``discount`` percent."""
        gross = EXACT.multiply(EXACT.multiply(quantity, price), 100 - discount) / 100
        return cls(gross, tuple(tax for tax in taxes if tax.rate))

    @property
    def added(self) -> tuple[Tax, ...]:
        """The taxes on top of the price."""
        return tuple(tax for tax in self.taxes if not tax.included)

    @property
    def total(self) -> Decimal:
        """The price with its taxes, not rounded.  Included taxes come out of the price first, the others go on top."""
        inside = sum((tax.rate for tax in self.taxes if tax.included), Decimal(0))
        untaxed = EXACT.divide(EXACT.multiply(self.price, Decimal(100)), 100 + inside)
        return self.price + EXACT.multiply(untaxed, sum((tax.rate for tax in self.added), Decimal(0))) / 100


def lines_of(document: Document) -> list[Line]:
    """The lines of an order document."""
    lines = []
    for line in document["lines"]:
        quantity, price, discount = (Decimal(line["fields"].get(name) or 0) for name in FIGURES)
        taxes = [Tax(Decimal(tax["rate"]), bool(tax["included"])) for tax in line["taxes"]]
        lines.append(Line.of(quantity, price, discount, taxes))
    return lines


def roundings(lines: Sequence[Line], currency: str, method: Any) -> int:
    """How many times Odoo rounds on the way to the total of these lines, where that can change the total.

    An included tax changes none, for what is taken out of the price is added again; unless another tax is reckoned on
    what is left.  A price in whole minor units is not changed either, nor a sum of such prices.
    """
    if method == PER_LINE:
        return sum(_of_line(line, currency) for line in lines)
    if not any(line.added for line in lines):
        return 0 if all(is_whole(line.price, currency) for line in lines) else 1
    taxes = {tax for line in lines for tax in line.taxes}
    whole = all(is_whole(line.price, currency) and len(line.added) == len(line.taxes) for line in lines)
    return len(taxes) + (0 if whole else 1)


def _of_line(line: Line, currency: str) -> int:
    return (0 if is_whole(line.price, currency) else 1) + (len(line.taxes) if line.added else 0)
