"""Functions of the lines of an order: prices, discounts, what rounding explains, and who has shipped what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.canonical import allocation, returned_goods, rounding
from integration.canonical.money import EXACT
from integration.rules.functions.registry import Unfit, function, list_of, number_of

FEWEST_DECIMALS, MOST_DECIMALS = Decimal("0.01"), Decimal("1e-10")


@function()
def line_price(line: list[Any]) -> Decimal:
    """From [quantity, unit price, total]: the unit price that, with `line_discount`, makes exactly the total."""
    return _price_and_discount(line)[0]


@function()
def line_discount(line: list[Any]) -> Decimal:
    """From [quantity, unit price, total]: the discount in percent, if two decimals can say it exactly; else 0."""
    return _price_and_discount(line)[1]


@function()
def tax_roundings(order: Any) -> Decimal:
    """From the whole order (@): how many times Clarity has rounded a tax on the way to the order's total."""
    try:
        return rounding.tax_roundings(order)
    except (KeyError, TypeError):
        raise Unfit("not a whole order") from None


@function(in_expressions=True)
def allocate(shipped: list[Any], ordered: list[Any]) -> list[dict[str, Any]]:
    """How much of each line of the order is in a shipment's rows; more than is left of a line is held."""
    return allocation.allocate(list_of(shipped), list_of(ordered))


@function(in_expressions=True)
def came_back(received: list[Any], ordered: list[Any]) -> list[dict[str, Any]]:
    """How much of each line of the order is in rows of goods that came back; more than was sent is held."""
    return returned_goods.came_back(list_of(received), list_of(ordered))


def _price_and_discount(line: list[Any]) -> tuple[Decimal, Decimal]:
    """A target multiplies and adds without rounding in between, so only exact figures give the same total."""
    quantity, price, total = (number_of(each) for each in line)
    gross = EXACT.multiply(quantity, price)
    if gross == total or quantity <= 0:
        return price, Decimal(0)
    if gross > total >= 0:
        percent = EXACT.divide((gross - total) * 100, gross).quantize(FEWEST_DECIMALS, context=EXACT)
        if EXACT.multiply(gross, 100 - percent) == total * 100:
            return price, percent
    return EXACT.divide(total, quantity).quantize(MOST_DECIMALS, context=EXACT).normalize(), Decimal(0)
