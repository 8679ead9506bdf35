"""The canonical model: what passes between the systems, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields

from integration.canonical.check import check_order
from integration.canonical.clarity import ClarityOrder
from integration.canonical.documents import digest, dump_json, freeze, parse_json, thaw
from integration.canonical.order import Order
from integration.canonical.values import Amount
from integration.errors import Reject

__all__ = ["SCHEMAS", "amount_names", "check_order", "digest", "dump_json", "freeze", "load", "parse_json", "thaw"]

SCHEMAS: dict[str, Schema] = {"clarity.order": ClarityOrder(), "order": Order()}
"""The documents that are checked by a schema, by the name that mappings call them."""

MOST_SHOWN = 5


def load(kind: str, document: Any) -> Any:
    """The document as its schema gives it (amounts as `Decimal`, times in UTC); one without schema as it is.

    Raises `Reject` naming the fields that are wrong, without their values.
    """
    schema = SCHEMAS.get(kind)
    if schema is None:
        return document
    try:
        return schema.load(document)
    except ValidationError as error:
        wrong = [f"{path}: {text}" if path else text for path, text in _flat(error.messages, ())]
        more = f"; and {len(wrong) - MOST_SHOWN} more" if len(wrong) > MOST_SHOWN else ""
        raise Reject(
            f"not a valid {kind}: {'; '.join(wrong[:MOST_SHOWN])}{more}",
            hint="Correct these fields of the order in Clarity, then send the order again.",
            code="invalid_document",
        ) from None


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
