"""VAT numbers as the app base_vat checks and writes them (Odoo 19.0), for the countries that were recorded.

A number may come without the country's prefix, with blanks and dashes, in lower case.  Where the contact has no
country, or one that is not here, everything is taken.
"""

from __future__ import annotations

import re

from integration.sandbox.odoo.errors import VALIDATION_ERROR, OdooError

PREFIX = re.compile(r"([A-Z]{2})(.*)")


def _polish(digits: str) -> bool:
    """Ten digits, the last of which is the weighted sum of the others modulo 11."""
    weights = (6, 5, 7, 2, 3, 4, 5, 6, 7)
    return bool(re.fullmatch(r"\d{10}", digits)) and (
        sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=False)) % 11 == int(digits[9])
    )


def _german(digits: str) -> bool:
    """Nine digits by ISO 7064, MOD 11,10."""
    if not re.fullmatch(r"\d{9}", digits):
        return False
    product = 10
    for digit in digits[:8]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[8])


CHECKS = {"PL": (_polish, "PL1234567883"), "DE": (_german, "DE123456788 or 12/345/67890")}


def checked_vat(vat: str, country: str, name: str) -> str:
    """The number as it is kept; raises what Odoo says to one that is wrong.  ``country`` is a code, or empty."""
    plain = re.sub(r"[^0-9A-Za-z]", "", vat).upper()
    if not country or not plain:
        return vat
    found = PREFIX.fullmatch(plain)
    code, number = found.groups() if found else (country, plain)
    check, example = CHECKS.get(code, (None, ""))
    if check is None:
        return vat
    if not check(number):
        text = (
            f"\nThe VAT number [{number}] for partner [{name}] does not seem to be valid.  \n"
            f"Note: the expected format is {example}"
        )
        raise OdooError(VALIDATION_ERROR, text)
    return plain
