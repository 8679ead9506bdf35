"""What every line and charge of an order comes to without tax, and its tax: the figures that Fusion is to keep.

Fusion knows neither a discount on a whole order nor, with frozen prices, a price that includes tax.  So the order's
discount is spread over its lines, taxes are taken out, and the order's tax is spread where it was rounded only once
for the whole order; each to the minor unit, by largest remainders, so that the sum is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from integration.canonical.money import EXACT, format_money, minor_digits, round_money
from integration.connectors.contract import Document
from integration.errors import Hold

FINEST_UNIT_PRICE = Decimal("1e-10")
OTHER_AMOUNTS = "total_differs"
"""The code of an order that is held because its amounts are not Clarity's; a person may let it pass."""
ZERO = Decimal(0)


@dataclass(frozen=True)
class Price:
    """Amounts of one charge for its whole quantity, without tax: ``list`` before any discount, ``net`` after all."""

    quantity: Decimal
    list: Decimal
    net: Decimal
    tax: Decimal

    def unit(self, amount: Decimal) -> Decimal:
        """The amount for one; Fusion keeps ten decimals."""
        return EXACT.divide(amount, self.quantity).quantize(FINEST_UNIT_PRICE, context=EXACT).normalize()


def prices(document: Document, accepts: Callable[[Decimal], bool] = lambda _: False) -> tuple[list[Price], list[Price]]:
    """The prices of the order's lines, and of its other charges.

    Raises `Hold` for a price below zero, and when they do not come to the order's total to the minor unit, unless a
    person ``accepts`` the difference.
    """
    lines, currency = document["lines"], document["currency"]
    parts = [*lines, *document["charges"]]
    stated = [sum((tax["amount"] for tax in part["taxes"]), ZERO) for part in parts]
    taxes = spread(document["tax"], stated, currency)
    nets = [part["total"] - (tax if document["tax_included"] else ZERO) for part, tax in zip(parts, taxes, strict=True)]
    discount = document["discount"]
    over = len(lines) if discount <= sum(nets[: len(lines)], ZERO) else len(parts)
    shares = spread(discount, nets[:over], currency) + [ZERO] * (len(parts) - over)
    made = [
        Price(part["quantity"], _list(part, net, currency), net - share, tax)
        for part, net, share, tax in zip(parts, nets, shares, taxes, strict=True)
    ]
    total = sum((price.net + price.tax for price in made), ZERO)
    negative = any(price.net < 0 for price in made)
    difference = abs(total - document["amount_total"])
    if negative or (difference and not accepts(difference)):
        raise Hold(
            f"the charges for Fusion come to {format_money(total, currency)}, "
            f"Clarity says {format_money(document['amount_total'], currency)}",
            hint="Likely causes: a discount larger than what it is given on, or a mapping that leaves an amount out. "
            "Correct the order in Clarity, or the mapping and run `fleet mapping publish`. {again}",
            code="negative_price" if negative else OTHER_AMOUNTS,
            difference=None if negative else difference,
        )
    return made[: len(lines)], made[len(lines) :]


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The amount in parts as the weights are to each other, in minor units; nothing where there is no weight."""
    whole = sum(weights, ZERO)
    if amount == whole:
        return list(weights)
    if whole <= 0 or amount <= 0:
        return [ZERO] * len(weights)
    unit = Decimal(1).scaleb(-minor_digits(currency))
    exact = [EXACT.divide(EXACT.multiply(amount, weight), whole) for weight in weights]
    shares = [part.quantize(unit, ROUND_DOWN, context=EXACT) for part in exact]
    left = int((amount - sum(shares, ZERO)) / unit)
    by_remainder = sorted(range(len(exact)), key=lambda place: exact[place] - shares[place], reverse=True)
    for place in by_remainder[:left]:
        shares[place] += unit
    return shares


def _list(part: Document, net: Decimal, currency: str) -> Decimal:
    """The list price in the proportion in which the part's own price holds tax."""
    gross = EXACT.multiply(part["quantity"], part["unit_price"])
    if part["total"] in (ZERO, net):
        return round_money(gross, currency)
    return round_money(EXACT.divide(EXACT.multiply(gross, net), part["total"]), currency)
