"""Functions of numbers: they are exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT
from integration.rules.functions.registry import function, list_of, number_of


@function(in_expressions=True)
def sum(numbers: list[Any]) -> Decimal:
    """The sum of a list of numbers; 0 for an empty list."""
    total = Decimal(0)
    for each in list_of(numbers):
        total = EXACT.add(total, number_of(each))
    return total


@function(in_expressions=True)
def negate(number: Any) -> Decimal:
    """The number with the other sign."""
    return -number_of(number)


@function(in_expressions=True)
def difference(numbers: list[Any]) -> Decimal:
    """The first number of a list less all the others."""
    first, *others = list_of(numbers)
    return EXACT.subtract(number_of(first), sum(others))


@function(in_expressions=True)
def gt(number: Any, other: Any) -> bool:
    """True when the number is greater than the other."""
    return number_of(number) > number_of(other)


@function(in_expressions=True)
def gte(number: Any, other: Any) -> bool:
    """True when the number is greater than the other or equal to it."""
    return number_of(number) >= number_of(other)


@function(in_expressions=True)
def lt(number: Any, other: Any) -> bool:
    """True when the number is less than the other."""
    return number_of(number) < number_of(other)


@function(in_expressions=True)
def lte(number: Any, other: Any) -> bool:
    """True when the number is less than the other or equal to it."""
    return number_of(number) <= number_of(other)


@function(in_expressions=True)
def eq(number: Any, other: Any) -> bool:
    """True when two numbers are equal, whatever zeros they end in."""
    return number_of(number) == number_of(other)
