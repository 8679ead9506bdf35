"""Documents that are right, read by their schema's fields without what marshmallow keeps to word what is wrong.

That is most of the time that marshmallow takes.  What a field takes, and what it makes of it, is the field's own
`deserialize` here, too; a document that is refused here is for the schema to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, missing

Read = Callable[[Any], Any]


def reader(schema: Schema) -> Read:
    """A function that returns what ``schema.load`` does, and raises `ValidationError`, of no words, where that does.

    ``schema`` has no hooks or validators of its own, only its fields have.
    """
    known = {field.data_key or name: (name, _of(field), _is_optional(field)) for name, field in schema.fields.items()}
    rows = [(key, *row) for key, row in known.items()]

    def read(document: Any) -> dict[str, Any]:
        if type(document) is not dict:
            raise ValidationError("not an object")
        found: dict[str, Any] = {}
        for key, name, of, optional in rows:
            value = document.get(key, missing)
            if optional and (value is None or value is missing):
                found[name] = None
                continue
            value = of(value)
            if value is not missing:
                found[name] = value
        if schema.unknown == INCLUDE:
            found.update((key, value) for key, value in document.items() if key not in known)
        elif schema.unknown != EXCLUDE and not document.keys() <= known.keys():
            raise ValidationError("an unknown field")
        return found

    return read


def _of(field: fields.Field[Any]) -> Read:
    """What a field makes of a value."""
    kind: type
    inner: Read
    if isinstance(field, fields.List) and not field.validators:
        kind, inner = list, _rows(_of(field.inner))
    elif isinstance(field, fields.Nested) and not (field.validators or field.many or field.unknown):
        kind, inner = dict, reader(field.schema)
    else:
        return field.deserialize
    # Whatever else it is, nothing or something wrong, the field knows best.
    return lambda value: inner(value) if type(value) is kind else field.deserialize(value)


def _rows(read: Read) -> Read:
    return lambda values: [read(value) for value in values]


def _is_optional(field: fields.Field[Any]) -> bool:
    """Whether a value that is absent or null is None."""
    try:
        return field.deserialize(missing) is None and field.deserialize(None) is None
    except ValidationError:
        return False
