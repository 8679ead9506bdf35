"""Corrections of a document: single values by path, or all of it in an editor."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal
from difflib import get_close_matches
from secrets import token_hex
from typing import Any

from integration.canonical import amount_names, parse_json
from integration.canonical.decimals import LIMITS, LONGEST, decimal_of
from integration.errors import Failure, Reject
from integration.operations.differences import leaves

MOST_LISTED = 40
ALIKE = 0.7
"""How much of two paths is equal, 1 for all, where one may be meant for the other."""
POSITION = re.compile(r"\.\d+(?=\.|$)")


def corrected(document: Any, settings: Sequence[str]) -> Any:
    """The document with new values, each ``PATH=VALUE``: ``lines.0.sku``, or in all rows where a field has a value.

    ``lines[sku=OLD].sku=NEW`` replaces one SKU wherever the order has it.
    A value keeps its type: text or amount; where there was none, its name decides.
    Raises `Failure` for a path that does not exist and for a value of another type.
    """
    made = deepcopy(document)
    for path, value in map(_parted, settings):
        for place, key in _places(made, path):
            place[key] = _value(place[key], value, path)
    return made


def check(settings: Sequence[str]) -> None:
    """Raises `Failure` for what is not ``PATH=VALUE``."""
    for setting in settings:
        _parted(setting)


def written(document: Any) -> str:
    """The document as JSON to be edited, amounts as numbers with all their digits."""
    mark = token_hex(8)
    text = json.dumps(document, indent=2, ensure_ascii=False, default=lambda number: f"{mark}{number:f}")
    return re.sub(f'"{mark}([^"]*)"', r"\1", text).encode("utf-8", "backslashreplace").decode()


def read(text: str, original: Any) -> Any:
    """Reads what `written` wrote and a person edited; amounts are decimals again, unchanged ones digit for digit.

    Raises `Reject` for what is not JSON, and `Failure` when a field of the document itself is gone.
    """
    document = _like(original, parse_json(text.encode("utf-8", "surrogatepass"), names_keys=True))
    gone = sorted(set(original) - set(document if isinstance(document, dict) else ()))
    if gone:
        raise Failure(f"missing from the document: {', '.join(gone)}", hint="Give it null where it is to be empty.")
    return document


def differing(before: Any, after: Any) -> list[str]:
    """The paths whose values are not the same."""
    old, new = dict(leaves(before)), dict(leaves(after))
    return [path for path in {**old, **new} if path not in old or path not in new or old[path] != new[path]]


def _parted(setting: str) -> tuple[str, str]:
    path, *rest = _split(setting, "=", 1)
    if not path or not rest:
        raise Failure(f"{setting!r} is not PATH=VALUE", hint="For example --set lines.0.sku=SKU-1.")
    return path, rest[0]


def _split(text: str, mark: str, most: int = -1) -> list[str]:
    """The parts between the marks that stand in no brackets."""
    parts: list[str] = []
    begun, inside = 0, False
    for place, char in enumerate(text):
        if char in "[]":
            inside = char == "["
        elif char == mark and not inside and len(parts) != most:
            parts.append(text[begun:place])
            begun = place + 1
    return [*parts, text[begun:]]


def _places(document: Any, path: str) -> list[tuple[Any, Any]]:
    """Where the values of the path are: what holds each, and its name or number there."""
    *parents, last = _split(path, ".")
    places = [document]
    for segment in parents:
        places = [inner for place in places for inner in _within(place, segment, path, document)]
    return [(place, _key(place, last, path, document)) for place in places]


def _within(place: Any, segment: str, path: str, document: Any) -> list[Any]:
    name, bracket, condition = segment.partition("[")
    if bracket and condition.endswith("]") and "=" in condition:
        place = place[_key(place, name, path, document)]
        field, _, wanted = condition[:-1].partition("=")
        found = place if _is_list(place) else ()
        rows = [row for row in found if isinstance(row, dict) and _text_of(row.get(field)) == wanted]
        if not rows:
            raise Failure(f"no row of {name} has {field}={wanted}")
        return rows
    return [place[_key(place, segment, path, document)]]


def _text_of(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _key(place: Any, key: str, path: str, document: Any) -> Any:
    if isinstance(place, dict) and key in place:
        return key
    if _is_list(place) and key in (positions := list(map(str, range(len(place))))):
        return positions.index(key)
    in_editor = "Without --set it opens in an editor, where a field can be added."
    raise Failure(f"the document has no {path}", hint=f"{_instead(place, key, path, document)}  {in_editor}")


def _instead(place: Any, key: str, path: str, document: Any) -> str:
    """What may be meant by a path that does not exist, or else what there is where it ends."""
    paths = list(dict.fromkeys(POSITION.sub(".0", each) for each, _ in leaves(document)))
    if _is_list(place):
        return f"In the place of {key} there are the rows 0 to {len(place) - 1}." if place else "There is no row."
    if alike := get_close_matches(path, paths, 3, ALIKE):
        return f"Did you mean {' or '.join(alike)}?"
    there = list(place) if isinstance(place, dict) else []
    more = f" and {len(there) - MOST_LISTED} more" if len(there) > MOST_LISTED else ""
    return f"In the place of {key} there are: {', '.join(there[:MOST_LISTED]) or 'no fields'}{more}."


def _value(before: Any, text: str, path: str) -> Any:
    if before is None and path.rpartition(".")[2] in amount_names():
        before = Decimal(0)
    match before:
        case bool() | dict() | list():
            return _of_kind(type(before), text, path)
        case Decimal() | int() if text != "null":
            return _number(type(before), text, path)
    return _text(text)


def _of_kind(kind: type, text: str, path: str) -> Any:
    try:
        value = parse_json(text.encode("utf-8", "surrogatepass"), names_keys=True)
    except Reject:
        value = text
    if value is not None and type(value) is not kind:
        name = {bool: "true or false", dict: "an object", list: "a list"}[kind]
        raise Failure(f"{path} is {name}, {text!r} is not", hint="Write the value as JSON.")
    return value


def _number(kind: type, text: str, path: str) -> Decimal | int:
    number = decimal_of(text)
    if number is None or (kind is int and number != int(number)):
        raise Failure(
            f"{path} is a number, {text[:LONGEST]!r} is none",
            hint=f"For example --set lines.0.quantity=2.  A number has {LIMITS}; a whole one stays whole.",
        )
    return int(number) if kind is int else number


def _text(text: str) -> str | None:
    """Text as it is, or between quotation marks; ``null`` empties the field."""
    if text == "null":
        return None
    try:
        value = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return str(value)


def _like(before: Any, after: Any) -> Any:
    if isinstance(before, Decimal) and isinstance(after, Decimal | int) and not isinstance(after, bool):
        return before if before == after else Decimal(after)
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: _like(before.get(key), value) for key, value in after.items()}
    if _is_list(before) and _is_list(after):
        return [_like(before[place] if place < len(before) else None, value) for place, value in enumerate(after)]
    return after


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
