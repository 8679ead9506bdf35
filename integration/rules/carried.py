"""Fields of a document that no row of a mapping reads; an analyst decides whether that is right.

A mapping lists under ``left_out`` what it omits on purpose, each path with the reason.  Paths are names joined by
dots, as ``payments.reference``; lists are walked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jmespath
from marshmallow import Schema, fields

from integration.canonical import SCHEMAS

Document = dict[str, Any]
Path = tuple[str, ...]
Fields = Mapping[str, fields.Field[Any]]
NOTHING: Any = (None, "", [], {})


def not_carried(mapping: Document, documents: Iterable[Document]) -> list[str]:
    """The paths that have a value in one of the documents, are read by no row and are not left out on purpose.

    Where a row takes an object as a whole into a canonical document, what counts is which of its fields that has.
    """
    known = read_paths(mapping) | {tuple(path.split(".")) for path in mapping.get("left_out", {})}
    found = dict.fromkeys(path for document in documents for path in _leaves(document, ()))
    return [".".join(path) for path in found if not any(path[:end] in known for end in range(len(path) + 1))]


def read_after_all(mapping: Document) -> list[str]:
    """The paths that a mapping names under ``left_out`` although a row reads them."""
    return [path for path in mapping.get("left_out", {}) if tuple(path.split(".")) in read_paths(mapping)]


def read_paths(mapping: Document) -> set[Path]:
    """The paths of all that the rows of a mapping read."""
    schema = SCHEMAS.get(mapping["target"])
    return set(_rows(mapping["rows"], {()}, schema.fields if schema else None))


def read_by(row: Document, at: Path) -> list[Path]:
    """The paths that a row reads in the object at this path: first those of its value, then those of its condition.

    What its inner rows read is not among them.
    """
    values = [sorted(_asked(each, {at})) for each in _sources(row)]
    condition = sorted(_asked(row["when"], {at})) if "when" in row else []
    return list(dict.fromkeys([*(path for paths in values for path in paths), *condition]))


def _rows(rows: list[Document], at: set[Path], target: Fields | None) -> Iterator[Path]:
    """The paths that rows read in the objects at these paths."""
    for row in rows:
        if "when" in row:
            yield from _asked(row["when"], at)
        found: set[Path] = set()
        for expression in _sources(row):
            found |= _asked_for(expression, at)
            yield from _used(expression, at)
        field = _field(target, row["to"])
        if "rows" in row:
            inner = nested(field)
            yield from _rows(row["rows"], found, inner.fields if inner else None)
        elif "via" in row:
            yield from found
        else:
            yield from (path + name for path in found for name in _names(field))


def _sources(row: Document) -> list[str]:
    sources: str | list[str] = row.get("each") or row.get("from") or ("@" if "rows" in row else [])
    return [sources] if isinstance(sources, str) else sources


def _field(target: Fields | None, to: str) -> fields.Field[Any] | None:
    field: fields.Field[Any] | None = None
    for name in to.split("."):
        field = target.get(name) if target is not None else None
        inner = nested(field)
        target = inner.fields if inner else None
    return field


def nested(field: fields.Field[Any] | None) -> Schema | None:
    """The schema of what a field holds, or of each item of its list; None for a plain value."""
    inner = field.inner if isinstance(field, fields.List) else field
    return inner.schema if isinstance(inner, fields.Nested) else None


def _names(field: fields.Field[Any] | None) -> Iterator[Path]:
    """The paths below a field that a canonical document keeps; the field itself where it keeps all."""
    inner = nested(field)
    if inner is None:
        yield ()
        return
    for name, child in inner.fields.items():
        yield from ((name, *path) for path in _names(child))


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves(child, (*path, name))
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, path)
    elif value not in NOTHING:
        yield path


# The paths that a JMESPath expression reads, by its syntax tree


def _asked_for(expression: str, at: set[Path]) -> set[Path]:
    """The paths of the expression's result."""
    return _walk(dict(jmespath.compile(expression).parsed), at, set())


def _used(expression: str, at: set[Path]) -> set[Path]:
    """The paths that the expression reads beside its result: conditions, arguments of functions."""
    used: set[Path] = set()
    _walk(dict(jmespath.compile(expression).parsed), at, used)
    return used


def _asked(condition: str, at: set[Path]) -> set[Path]:
    return _asked_for(condition, at) | _used(condition, at)


def _walk(node: Mapping[str, Any], at: set[Path], used: set[Path]) -> set[Path]:
    """The paths of the node's value, evaluated on the objects ``at``; adds what it reads beside that to ``used``."""
    children = node["children"]
    match node["type"]:
        case "field":
            return _named(node["value"], at)
        case "subexpression" | "pipe" | "index_expression" | "projection" | "value_projection":
            for child in children:
                at = _walk(child, at, used)
            return at
        case "filter_projection":
            rows, wanted, condition = children
            at = _walk(rows, at, used)
            used |= _walk(condition, at, used)
            return _walk(wanted, at, used)
        case "function_expression" | "comparator" | "not_expression":
            for child in children:
                used |= _walk(child, at, used)
            return set()
        case "literal":
            return set()
        case "current" | "identity" | "index" | "slice":
            return at
    return {path for child in children for path in _walk(child, at, used)}


def _named(name: str, at: set[Path]) -> set[Path]:
    if name == "root":
        return {()}
    if name == "parent":  # of a part that was found by several names any of those above may be it
        return {path[:end] for path in at for end in range(len(path))}
    return set() if name == "position" else {(*path, name) for path in at}
