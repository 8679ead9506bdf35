"""The canonical model: what passes between the systems, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields

from integration.canonical.entities import ENTITIES
from integration.canonical.order_check import ACCEPTABLE, check_order
from integration.canonical.reader import reader
from integration.canonical.sources import SOURCES
from integration.canonical.strict_json import digest, dump_json, freeze, parse_json, thaw
from integration.canonical.unique import check_unique
from integration.canonical.values import Amount
from integration.errors import Reject

__all__ = [
    "ACCEPTABLE",
    "ENTITIES",
    "SCHEMAS",
    "amount_names",
    "check_order",
    "digest",
    "dump_json",
    "freeze",
    "load",
    "parse_json",
    "thaw",
]

SCHEMAS: dict[str, Schema] = SOURCES | {each.name: each.schema for each in ENTITIES.values() if each.schema}
"""The documents that are checked by a schema, by the name that mappings call them."""
_READERS = {name: reader(schema) for name, schema in SCHEMAS.items()}
MOST_SHOWN = 5


def load(kind: str, document: Any) -> Any:
    """The document as its schema gives it (amounts as `Decimal`, times in UTC); one without schema as it is.

    Raises `Reject` naming the fields that are wrong, without their values, and `Hold` for two rows with one id.
    """
    schema = SCHEMAS.get(kind)
    loaded = document if schema is None else _load(schema, kind, document)
    check_unique(kind, loaded)
    return loaded


def _load(schema: Schema, kind: str, document: Any) -> Any:
    try:
        return _READERS[kind](document)
    except ValidationError:
        pass  # the schema says what is wrong
    try:
        return schema.load(document)
    except ValidationError as error:
        wrong = [f"{path}: {text}" if path else text for path, text in _flat(error.messages, ())]
        more = f"; and {len(wrong) - MOST_SHOWN} more" if len(wrong) > MOST_SHOWN else ""
        raise Reject(
            f"not a valid {kind}: {'; '.join(wrong[:MOST_SHOWN])}{more}",
            hint=f"Correct {_fields_of(kind)}. {{again}}",
            code="invalid_document",
        ) from None


def _fields_of(kind: str) -> str:
    """What has to be corrected; a canonical document is made by a mapping, and has other names than its source."""
    if "." in kind:
        return "these fields of {origin}"
    return "what these fields are made of in {origin}; or the mapping that makes them, and run `fleet mapping publish`"


@cache
def amount_names() -> frozenset[str]:
    """The names of all fields that hold money or a quantity."""
    return frozenset(name for schema in SCHEMAS.values() for name in _amounts(schema))


def _amounts(schema: Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, Amount):
            yield name
        elif isinstance(inner, fields.Nested):
            yield from _amounts(inner.schema)


def _flat(messages: Any, path: tuple[str, ...]) -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        inner = {key: path if key == "_schema" else (*path, str(key)) for key in messages}
        return [found for key, part in messages.items() for found in _flat(part, inner[key])]
    return [(".".join(path), ", ".join(str(text) for text in messages).rstrip("."))]
