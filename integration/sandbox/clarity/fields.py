"""How the fields of a request's body are judged, all of them before any is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from integration.sandbox.clarity import money
from integration.sandbox.clarity.records import Document, storable

LONGEST_TEXT = 255


class Rule(NamedTuple):
    """What holds of a field's value, unless it is null, and how that is said."""

    holds: Callable[[Any], bool]
    says: str
    required: bool = False


def wrong(body: Document, rules: Mapping[str, Rule], *, partial: bool = False) -> list[tuple[str, str]]:
    """What is wrong with the body, as (pointer, message); a ``partial`` one may leave out what is required."""
    found = [(f"/{name}", "cannot be set here") for name in body if name not in rules]
    for name, rule in rules.items():
        value = body.get(name)
        if value is not None and not rule.holds(value):
            found.append((f"/{name}", rule.says))
        elif value is None and rule.required and (name in body or not partial):
            found.append((f"/{name}", "is missing"))
    return found


def is_text(value: Any) -> bool:
    return isinstance(value, str) and storable(value) and 0 < len(value) <= LONGEST_TEXT


def is_moment(value: Any) -> bool:
    """RFC 3339, with a zone."""
    try:
        return "T" in value and datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value).isoformat() == value)
    except (TypeError, ValueError):
        return False


def is_quantity(value: Any) -> bool:
    """A decimal string above zero."""
    return _is_decimal(value) and Decimal(value) > 0


def is_amount(value: Any, currency: str) -> bool:
    """A decimal string, not below zero, with at most the digits of the currency's minor unit."""
    return _is_decimal(value) and not money.rounded(Decimal(value), currency) - Decimal(value)


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value, re.ASCII))


REFERENCE = Rule(is_text, f"is a text of 1 to {LONGEST_TEXT} characters", required=True)
TEXT = Rule(is_text, f"is a text of 1 to {LONGEST_TEXT} characters")
MOMENT = Rule(is_moment, "is a date and time with a zone")
DAY = Rule(is_day, "is a date like 2026-11-20")
