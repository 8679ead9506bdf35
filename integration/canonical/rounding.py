"""What rounding explains: how far two sums of the same lines may be apart because each was rounded in its own places.

Rounding an amount to the minor unit moves it by at most half a minor unit.  So a sum that was rounded in *n* places
lies within *n* halves of a minor unit of the exact one; where in a sum that happens, at each line or once for all of
them, is what *n* counts.  Two sums of the same lines, rounded in *n* and *m* places, are at most *n + m* halves apart.
An amount that is rounded first and multiplied afterwards, as a tax per unit, counts as often as it is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.canonical.money import minor_digits

Order = dict[str, Any]

NOISE = Decimal("1e-6")
"""What is no rounding of money: a unit price of ten decimals, multiplied, and what an ERP's floats leave behind."""


def explains(roundings: Decimal | int, difference: Decimal, currency: str) -> bool:
    """Whether so many roundings to the minor unit can make this difference; see `most` for sums in whole units."""
    return abs(difference) <= _halves(roundings, currency) + NOISE


def most(roundings: Decimal | int, currency: str) -> Decimal:
    """The largest whole number of minor units that so many roundings can make.

    >>> [str(most(n, "EUR")) for n in (0, 1, 2, 3, 9)], str(most(5, "JPY")), str(most(5, "KWD"))
    (['0.00', '0.00', '0.01', '0.01', '0.04'], '2', '0.002')
    """
    unit = _unit(currency)
    return _halves(roundings, currency) // unit * unit


def is_whole(amount: Decimal, currency: str) -> bool:
    """Whether the amount is one of whole minor units, so that rounding it changes nothing."""
    unit = _unit(currency)
    return abs(amount - round(amount / unit) * unit) <= NOISE


def tax_roundings(order: Order) -> Decimal:
    """How many times a tax was rounded on the way to a canonical order's total, by where Clarity rounds.

    Once for each tax of each line, shipping line and fee (``line``); for one unit of each line, and so as many times as
    there are units (``unit``); or once for each tax (``order``).  None where prices include their taxes: the total is
    the sum of the prices then.  A tax of 0 % is never rounded.  A part of a split order brings its own count.
    """
    if "tax_roundings" in order:
        return Decimal(order["tax_roundings"])
    if order["tax_included"]:
        return Decimal(0)
    parts = [*order["lines"], *order["shipping_lines"], *order["fees"]]
    if order["tax_rounding"] == "order":
        return Decimal(len({(tax["code"], tax["rate"]) for part in parts for tax in _taxes(part)}))
    per_unit = order["tax_rounding"] == "unit"
    return sum((_times(part) if per_unit else Decimal(1) for part in parts for _ in _taxes(part)), Decimal(0))


def _times(part: dict[str, Any]) -> Decimal:
    """How many roundings a tax is that was rounded for one unit; of a broken quantity the product is rounded again."""
    quantity: Decimal = part.get("quantity", Decimal(1))
    return quantity + (1 if quantity % 1 else 0)


def _taxes(part: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return [tax for tax in part["taxes"] if tax["rate"]]


def _halves(count: Decimal | int, currency: str) -> Decimal:
    return count * _unit(currency) / 2


def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_digits(currency))
