"""Functions of codes: tables, taxes, countries and regions."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from babel import Locale

from integration.rules.functions.registry import Unfit, function, number_of, text_of
from integration.rules.functions.table import Table

SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}|[a-z]{2}-[a-z0-9]{1,3}", re.ASCII)
NOT_COUNTRIES = {"AC", "CP", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


@function(takes_table=True)
def lookup(value: Any, table: Table) -> Any:
    """The value's entry in a table.

    A table with columns is looked up by a list with a value for each of them.
    """
    return table[value]


@function(takes_table=True, beside_key=1)
def tax(tax: list[Any], table: Table) -> str:
    """From [code, rate]: the rate in percent by the table of taxes, which has to agree with the order's rate.

    Of a table with columns the list has a value for each of them, and then the rate.
    """
    *key, rate = tax
    entry = _tax_entry(key, table)
    if number_of(entry["rate"]) != number_of(rate) * 100:
        raise Unfit(
            f"the table {table.name} says {entry['rate']} % for this code, the order says another rate",
            hint=f"Find out which is right. Correct mappings/tables/{table.name}.json and run `fleet mapping "
            "publish`, or correct the order in Clarity.",
        )
    return f"{number_of(entry['rate']):f}"


@function(takes_table=True, beside_key=1)
def tax_name(tax: list[Any], table: Table) -> str | None:
    """From the list that `tax` takes: the tax's name at the target by the table; absent where it says none."""
    *key, _ = tax
    name: str | None = _tax_entry(key, table).get("name")
    return name


def _tax_entry(key: list[Any], table: Table) -> Any:
    if table.columns:
        return table[key]
    (code,) = key
    return table[code]


@function()
def country(code: str) -> str:
    """An ISO 3166-1 code of two letters, in capitals."""
    found = text_of(code).strip().upper()
    if found not in _countries():
        raise Unfit(
            "not an ISO 3166-1 country code",
            hint="Correct the country of the address in Clarity.",
        )
    return found


@function(in_expressions=True)
def region(code: str) -> str:
    """A state or province without its country: US-CA (ISO 3166-2) is CA; a name with a dash (St-Gallen) stays."""
    text = text_of(code).strip()
    head, _, tail = text.partition("-")
    return tail if SUBDIVISION.fullmatch(text) and head.upper() in _countries() else text


@cache
def _countries() -> frozenset[str]:
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes - NOT_COUNTRIES if len(code) == 2 and code.isalpha())
