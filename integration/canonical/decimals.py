"""Numbers as other systems and people write them, read within bounds: none can be long enough to stop what computes."""

from __future__ import annotations

import re
from decimal import Context, Decimal

LONGEST = 40
LARGEST_EXPONENT = 30
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
LIMITS = f"at most {LONGEST} characters and an exponent of at most {LARGEST_EXPONENT}"
DOUBLE = Context(prec=15)
"""The significant digits that a double (IEEE 754 binary64) keeps of every decimal; further ones are noise."""


def decimal_of(text: str, longest: int = LONGEST, largest_exponent: int = LARGEST_EXPONENT) -> Decimal | None:
    """The finite number that the text writes; None where it writes none, or one beyond the limits.

    >>> decimal_of("12.30"), decimal_of("1e3"), decimal_of("1e99999999"), decimal_of("NaN"), decimal_of("1_0")
    (Decimal('12.30'), Decimal('1E+3'), None, None, None)
    """
    if len(text) > longest or not NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:  # an exponent that decimals do not have
        return None
    return number if abs(number.adjusted()) <= largest_exponent else None


def without_noise(number: Decimal, decimals: int) -> Decimal:
    """The number that a double means, where it has no more than ``decimals``; any other number as it is.

    >>> without_noise(Decimal("19.990000000000002"), 6), without_noise(Decimal("0.333333333333"), 6)
    (Decimal('19.99'), Decimal('0.333333333333'))
    """
    if decimals_of(number) <= decimals:
        return number
    meant = DOUBLE.plus(number).normalize(DOUBLE)
    return meant if decimals_of(meant) <= decimals else number


def decimals_of(number: Decimal) -> int:
    """How many decimals the number is written with."""
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0
