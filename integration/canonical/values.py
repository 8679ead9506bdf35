"""The kinds of value that documents are made of, as marshmallow fields.  Their error texts never quote the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from marshmallow import EXCLUDE, INCLUDE, Schema, fields, missing, validate

from integration.canonical.decimals import LONGEST, decimals_of, without_noise

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
LARGEST = Decimal(10) ** 12
DECIMALS = 6
FINEST = Decimal(1).scaleb(-DECIMALS)
LONGEST_CODE = 40
UNTRANSPORTABLE = re.compile("[\x00\ud800-\udfff]")


T = TypeVar("T")
ABSENT: dict[str, Any] = {"required": "missing", "null": "missing"}


class Value(fields.Field[T]):
    """A single value; null means absent.  (marshmallow's own way through a field takes three times as long.)"""

    default_error_messages = ABSENT

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if value is None or value is missing:
            if self.required:
                raise self.make_error("required")
            return None
        return self._deserialize(value, attr, data, **kwargs)


class Text(Value[str]):
    """Text; empty means absent.  NUL and lone surrogates are refused: no ERP database can store them."""

    default_error_messages = {
        "invalid": "not text",
        "characters": "holds a NUL character or a lone surrogate, which no ERP can store",
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, str):
            value = self._digits(value)
        if UNTRANSPORTABLE.search(value):
            raise self.make_error("characters")
        if value.strip():
            return value
        if self.required:
            raise self.make_error("required")
        return None

    def _digits(self, value: Any) -> str:  # noqa: ARG002
        """The text for a value that is none."""
        raise self.make_error("invalid")


class Id(Text):
    """An opaque id, a code or another text that may be all digits; a whole number is taken as its digits."""

    def _digits(self, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return super()._digits(value)


class Choice(Text):
    """One of a few words; the first is the default."""

    default_error_messages = {"choice": "not one of {words}"}

    def __init__(self, *words: str) -> None:
        super().__init__(load_default=words[0])
        self.words = words

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        found = super().deserialize(value, attr, data, **kwargs) or self.words[0]
        if found not in self.words:
            raise self.make_error("choice", words=", ".join(self.words))
        return found


class Version(fields.Integer):
    """A version number, as large as a Postgres bigint."""

    def __init__(self, *, required: bool) -> None:
        bounds = validate.Range(0, 2**63 - 1, error="not a whole number from 0 to 2^63 - 1")
        super().__init__(strict=True, required=required, validate=bounds, error_messages=ABSENT)


class Amount(Value[Decimal]):
    """Money or a quantity: a decimal string, or a JSON number; below 10^12, at most 6 decimals.

    What a double adds to a number (19.990000000000002) is taken away again.
    """

    default_error_messages = {
        "invalid": "not a decimal number",
        "large": "not below 10^12",
        "decimals": f"more than {DECIMALS} decimals",
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        number = self._number(value)
        if abs(number) >= LARGEST:
            raise self.make_error("large")
        return number if number == number.quantize(FINEST) else self._finer(without_noise(number, DECIMALS))

    def _finer(self, number: Decimal) -> Decimal:
        """A number that seemed finer than `FINEST`, without its noise."""
        if decimals_of(number) > DECIMALS:
            raise self.make_error("decimals")
        return number

    def _number(self, value: Any) -> Decimal:
        if isinstance(value, Decimal) and value.is_finite():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        if isinstance(value, str) and len(value) <= LONGEST and NUMBER.fullmatch(value):
            return Decimal(value)
        raise self.make_error("invalid")


class Factor(Amount):
    """A unit price or a rate, which may have any number of decimals: what counts is what it comes to."""

    def _finer(self, number: Decimal) -> Decimal:
        return number


class Attributes(fields.Dict):
    """Fields of the customer's own, kept as they are; their texts are as `Text` has them."""

    default_error_messages = {"characters": Text.default_error_messages["characters"]}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value == {}:
            return {}
        if isinstance(value, dict) and UNTRANSPORTABLE.search("".join(_texts(value))):
            raise self.make_error("characters")
        return super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]


class Rows(fields.List[Any]):
    """A list of documents of one schema; absent and null mean empty."""

    def __init__(self, schema: type[Schema]) -> None:
        super().__init__(fields.Nested(schema), load_default=list)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return super().deserialize(value, attr, data, **kwargs) if value is not None and value != [] else []


class Time(Value[str]):
    """A moment as RFC 3339 with a zone; kept in UTC as ``2026-11-20T10:15:29Z`` (with milliseconds if it has any)."""

    default_error_messages = {"invalid": "not an RFC 3339 time with a zone"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            return utc(value)
        except (ValueError, TypeError, OverflowError):
            raise self.make_error("invalid") from None


class Day(Value[str]):
    """A calendar day, as ``2026-11-20``."""

    default_error_messages = {"invalid": "not a day like 2026-11-20"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            return date.fromisoformat(value).isoformat()
        except (ValueError, TypeError):
            raise self.make_error("invalid") from None


class Strict(Schema):
    """A part of a canonical document: nothing passes that is not named here."""

    class Meta:
        unknown = EXCLUDE


class AsReceived(Schema):
    """A part of a document as another system sends it: what is not named here is kept."""

    class Meta:
        unknown = INCLUDE


def _texts(value: Any) -> Iterator[str]:
    """Every text in a document, its keys too."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def utc(text: str) -> str:
    """The moment in UTC; raises ValueError for a time without zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text.upper():
        raise ValueError("no zone")
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def quoted(code: str) -> str:
    """A code that is not known, for a reason: whole, or not at all.

    What is personal and is there by mistake is masked as a whole value; the first letters of it would not be.

    >>> quoted("EURO"), quoted("x" * 41)
    ("'EURO'", 'of 41 characters')
    """
    return repr(code) if len(code) <= LONGEST_CODE else f"of {len(code)} characters"
