"""Money: which currencies exist, how many decimals each has, and how an amount is rounded."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

from babel.core import get_global

from integration.canonical.decimals import decimal_of

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""Enough digits for the product of any two amounts that the canonical model accepts."""

CODE = re.compile("[A-Z]{3}")

# ISO 4217 minor units other than 2.  (CLDR, and so babel, gives customary digits instead: RSD 0, IQD 0 ...)
MINOR_DIGITS = {
    code: digits
    for digits, codes in {
        0: ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV")
        + ("XAF", "XOF", "XPF"),
        3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
        4: ("CLF", "UYW"),
    }.items()
    for code in codes
}


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 codes that are legal tender somewhere today."""
    territories = get_global("territory_currencies")
    return frozenset(
        code for periods in territories.values() for code, _, end, tender in periods if tender and end is None
    )


def minor_digits(currency: str | None) -> int:
    """The decimals of a currency's minor unit (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return MINOR_DIGITS.get(currency or "", 2)


def format_money(amount: Decimal, currency: str) -> str:
    """The amount in whole minor units with its currency, "0.10 USD"; one that is finer keeps all its digits."""
    whole = round_money(amount, currency)
    return f"{whole if whole == amount else amount.normalize():f} {currency}"


def worth(amount: object, currency: object) -> tuple[Decimal, str] | tuple[None, None]:
    """An amount and its currency as somebody sent them; neither where one of them cannot be read.

    >>> worth("10.50", "EUR"), worth(12, "EUR"), worth("NaN", "EUR"), worth("10.50", "eur"), worth(True, "EUR")
    ((Decimal('10.50'), 'EUR'), (Decimal('12'), 'EUR'), (None, None), (None, None), (None, None))
    """
    if not isinstance(currency, str) or not CODE.fullmatch(currency):
        return None, None
    number = decimal_of(str(amount)) if isinstance(amount, str | int | Decimal) and type(amount) is not bool else None
    return (number, currency) if number is not None else (None, None)


def round_money(amount: Decimal, currency: str | None) -> Decimal:
    """The amount in whole minor units, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), context=EXACT)
