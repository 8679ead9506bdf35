"""The functions that mappings may name: a closed list; a mapping can call nothing else.

A function takes the value of the row's pipeline, then the arguments written in the mapping.  It is
never given an absent value: a pipeline ends where its value is None.  It has no side effects and reads only its
arguments.  It raises `Unfit`, without quoting the value, for a value it cannot use; `allocate`, whose reasons are about
the order and not a row, raises `Hold` itself.
"""

from __future__ import annotations

import html as html_text
import inspect
import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import jmespath.functions
from babel import Locale

from integration.canonical import allocation, rounding
from integration.canonical.decimals import decimal_of
from integration.canonical.email import address_of
from integration.canonical.money import EXACT

FEWEST_DECIMALS, MOST_DECIMALS = Decimal("0.01"), Decimal("1e-10")
CODE_BREAKS = re.compile(r"[,;|\t\v\f\r\n\x85\u2028\u2029]+")
WHOLE_CODE = re.compile(r"\A(?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{8,}\Z")
"""Eight characters at least, a digit among them: groups in which carriers print a number are shorter."""
SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}|[a-z]{2}-[a-z0-9]{1,3}", re.ASCII)
NOT_COUNTRIES = {"AC", "CP", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


class Unfit(Exception):
    """This function cannot use this value.  With a ``hint`` the document is held, without one it is rejected."""

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class Table:
    """A value table of ``mappings/tables/``; without a default an unknown value is held."""

    name: str
    values: Mapping[str, Any]
    has_default: bool
    default: Any

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any]) -> Table:
        return cls(name, document["values"], "default" in document, document.get("default"))

    def __getitem__(self, key: str) -> Any:
        if key in self.values:
            return self.values[key]
        if self.has_default:
            return self.default
        raise Unfit(
            f"not in the table {self.name}",
            hint=f"Add the value to mappings/tables/{self.name}.json and run `fleet mapping publish`; or, if the "
            "value is wrong, correct it where it comes from.",
        )


@dataclass(frozen=True)
class Function:
    """One function: ``takes_table`` when its argument is the name of a table, ``in_expressions`` for JMESPath too."""

    name: str
    call: Callable[..., Any]
    takes_table: bool
    in_expressions: bool

    @property
    def about(self) -> str:
        return (inspect.getdoc(self.call) or "").split("\n")[0]

    @property
    def arguments(self) -> list[str]:
        """The names of what a mapping writes after the function's name."""
        return list(inspect.signature(self.call).parameters)[1:]


FUNCTIONS: dict[str, Function] = {}
F = TypeVar("F", bound=Callable[..., Any])


def function(*, takes_table: bool = False, in_expressions: bool = False) -> Callable[[F], F]:
    def register(call: F) -> F:
        FUNCTIONS[call.__name__] = Function(call.__name__, call, takes_table, in_expressions)
        return call

    return register


# Text


@function()
def upper(text: str) -> str:
    """In capital letters."""
    return _text(text).upper()


@function()
def lower(text: str) -> str:
    """In small letters."""
    return _text(text).lower()


@function()
def trim(text: str) -> str | None:
    """Without white space at both ends; absent if nothing is left."""
    return _text(text).strip() or None


@function()
def prefix(value: Any, start: str) -> str:
    """The value with ``start`` before it."""
    return f"{start}{value}"


@function(in_expressions=True)
def split(text: str, separator: str) -> list[str]:
    """The parts between separators, trimmed, without empty ones."""
    return [part.strip() for part in _text(text).split(separator) if part.strip()]


@function()
def codes(text: str) -> list[str] | None:
    """The codes that somebody typed side by side, each once; one that is written with blanks stays one.

    Commas, semicolons, slashes, bars and line breaks part them, and blanks where every part looks like a whole number
    of a parcel: carriers print one number in groups ("1Z 999 AA1 01 2345 6784").  An address on the web is one code.
    """
    found: list[str] = []
    for part in CODE_BREAKS.split(_text(text)):
        for piece in [part] if "://" in part else part.split("/"):
            words = piece.split()
            found += words if all(map(WHOLE_CODE.match, words)) else [" ".join(words)]
    return [code for code in dict.fromkeys(found) if any(map(str.isalnum, code))] or None


@function()
def email(text: str) -> str | None:
    """The address of an e-mail: of "Name <a@b>" it is a@b; absent if nothing is there."""
    return address_of(_text(text)) or None


@function()
def listed(attributes: Any, *but: str) -> list[str] | None:
    """The entries of an object that have a value, each as "name: value", but those named; absent if none is left."""
    filled = attributes.items() if isinstance(attributes, dict) else ()
    kept = {name: value for name, value in filled if name not in but and value not in (None, "", [], {})}
    return [f"{name}: {_shown(value)}" for name, value in kept.items()] or None


@function()
def join(parts: list[Any], separator: str) -> str | None:
    """The parts that are there, each once, with the separator between them; absent if there are none."""
    return separator.join(dict.fromkeys(str(part) for part in _list(parts) if part not in (None, ""))) or None


@function(in_expressions=True)
def mentions(text: str, word: str) -> bool:
    """True when the word occurs in the text; capital and small letters are the same."""
    return word.lower() in _text(text).lower()


@function()
def html(text: str) -> str:
    """The text as one HTML paragraph, with its special characters escaped and its line breaks kept."""
    return "<p>" + "<br>".join(html_text.escape(_text(text), quote=False).splitlines()) + "</p>"


# Time


@function()
def day(time: str) -> str:
    """The UTC day of an RFC 3339 time, as 2026-11-20."""
    return _moment(time).strftime("%Y-%m-%d")


@function()
def time(time: str, format: str) -> str:
    """An RFC 3339 time in UTC, written in a strftime format."""
    return _moment(time).strftime(format)


# Numbers


@function(in_expressions=True)
def sum(numbers: list[Any]) -> Decimal:
    """The sum of a list of numbers; 0 for an empty list."""
    total = Decimal(0)
    for each in _list(numbers):
        total = EXACT.add(total, _number(each))
    return total


@function(in_expressions=True)
def negate(number: Any) -> Decimal:
    """The number with the other sign."""
    return -_number(number)


@function(in_expressions=True)
def difference(numbers: list[Any]) -> Decimal:
    """The first number of a list less all the others."""
    first, *others = _list(numbers)
    return EXACT.subtract(_number(first), sum(others))


@function(in_expressions=True)
def gt(number: Any, other: Any) -> bool:
    """True when the number is greater than the other."""
    return _number(number) > _number(other)


@function(in_expressions=True)
def gte(number: Any, other: Any) -> bool:
    """True when the number is greater than the other or equal to it."""
    return _number(number) >= _number(other)


@function(in_expressions=True)
def lt(number: Any, other: Any) -> bool:
    """True when the number is less than the other."""
    return _number(number) < _number(other)


@function(in_expressions=True)
def lte(number: Any, other: Any) -> bool:
    """True when the number is less than the other or equal to it."""
    return _number(number) <= _number(other)


@function(in_expressions=True)
def eq(number: Any, other: Any) -> bool:
    """True when two numbers are equal, whatever zeros they end in."""
    return _number(number) == _number(other)


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


# Codes


@function(takes_table=True)
def lookup(value: Any, table: Table) -> Any:
    """The value's entry in a table."""
    return table[str(value)]


@function(takes_table=True)
def tax(tax: list[Any], table: Table) -> str:
    """From [code, rate]: the rate in percent by the table of tax codes, which has to agree with the order's rate."""
    code, rate = tax
    entry = table[str(code)]
    if _number(entry["rate"]) != _number(rate) * 100:
        raise Unfit(
            f"the table {table.name} says {entry['rate']} % for this code, the order says another rate",
            hint=f"Find out which is right. Correct mappings/tables/{table.name}.json and run `fleet mapping "
            "publish`, or correct the order in Clarity.",
        )
    return f"{_number(entry['rate']):f}"


@function()
def country(code: str) -> str:
    """An ISO 3166-1 code of two letters, in capitals."""
    found = _text(code).strip().upper()
    if found not in _countries():
        raise Unfit(
            "not an ISO 3166-1 country code",
            hint="Correct the country of the address in Clarity.",
        )
    return found


@function()
def region(code: str) -> str:
    """A state or province without its country: US-CA (ISO 3166-2) is CA; a name with a dash (St-Gallen) stays."""
    text = _text(code).strip()
    head, _, tail = text.partition("-")
    return tail if SUBDIVISION.fullmatch(text) and head.upper() in _countries() else text


# Lines


@function(in_expressions=True)
def allocate(shipped: list[Any], ordered: list[Any]) -> list[dict[str, Any]]:
    """How much of each line of the order is in a shipment's rows; more than is left of a line is held."""
    return allocation.allocate(_list(shipped), _list(ordered))


def _in_expressions(called: Function) -> Callable[..., Any]:
    def method(_: Any, *arguments: Any) -> Any:
        return None if arguments[0] is None else called.call(*arguments)

    method.signature = [{"types": []}] * (1 + len(called.arguments))  # type: ignore[attr-defined]
    return method


EXPRESSIONS: jmespath.functions.Functions = types.new_class(
    "Expressions",
    (jmespath.functions.Functions,),
    exec_body=lambda namespace: namespace.update(
        {f"_func_{each.name}": _in_expressions(each) for each in FUNCTIONS.values() if each.in_expressions}
    ),
)()
"""JMESPath's functions and ours; ``sum`` is ours, because JMESPath's own refuses decimals."""


def _price_and_discount(line: list[Any]) -> tuple[Decimal, Decimal]:
    """A target multiplies and adds without rounding in between, so only exact figures give the same total."""
    quantity, price, total = (_number(each) for each in line)
    gross = EXACT.multiply(quantity, price)
    if gross == total or quantity <= 0:
        return price, Decimal(0)
    if gross > total >= 0:
        percent = EXACT.divide((gross - total) * 100, gross).quantize(FEWEST_DECIMALS, context=EXACT)
        if EXACT.multiply(gross, 100 - percent) == total * 100:
            return price, percent
    return EXACT.divide(total, quantity).quantize(MOST_DECIMALS, context=EXACT).normalize(), Decimal(0)


def _number(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and (number := decimal_of(value)) is not None:
        return number
    raise Unfit("not a number")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("not text")
    return value


def _shown(value: Any) -> str:
    """A value as people read it: numbers in plain digits, what has parts as JSON."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False, default=lambda number: f"{number:f}")
    return str(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit("not a list")
    return value


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError:
        raise Unfit("not a time") from None


@cache
def _countries() -> frozenset[str]:
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes - NOT_COUNTRIES if len(code) == 2 and code.isalpha())
