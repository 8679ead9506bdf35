"""Differences of two documents, path by path, as they may be shown: values and odd names are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from integration.canonical import digest
from integration.masking import masked
from integration.store.database import Row

ABSENT = "(absent)"
MOST_READ = 3
"""So many values of a list are shown where a row reads all of it."""


def compared(ours: Any, theirs: Any, *, reveal: bool, personal: bool = False, whole: bool = False) -> list[Row]:
    """A row ``{path, field, would_be_sent, at_target, equal}`` for each path: of ours where there are no ``theirs``.

    Else of theirs, which are what can be compared, or below one where they have nothing; with ``whole``, of both.
    ``path`` is never shown, ``field`` is what may be.  A value that is not there is `ABSENT`.
    """
    sent, there = (dict(leaves(each or {})) for each in (ours, theirs))
    shown_sent, shown_there = (shown(each or {}, reveal=reveal, personal=personal) for each in (ours, theirs))
    paths = {**sent, **there} if whole else _comparable(sent, there) if theirs else sent
    return [
        {
            "path": path,
            "field": (shown_sent.get(path) or shown_there[path])[0],
            "would_be_sent": shown_sent[path][1] if path in sent else ABSENT,
            "at_target": shown_there[path][1] if path in there else ABSENT,
            "equal": path in sent and path in there and digest(sent[path]) == digest(there[path]),
        }
        for path in paths
        if path
    ]


def _comparable(sent: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    """Their paths; of an object of ours that they do not have at all, such as a line, ours."""
    for path, value in there.items():
        below = [each for each in sent if each.startswith(f"{path}.")] if value is None else []
        yield from below or [path]


def shown(document: Any, *, reveal: bool, personal: bool = False) -> dict[str, tuple[str, Any]]:
    """The paths of a document, each with its name and value as they may be shown."""
    found = list(leaves(document))
    may_be = found if reveal else list(leaves(masked(document, personal=personal)))
    return {path: each for (path, _), each in zip(found, may_be, strict=True)}


def read_at(found: Mapping[str, tuple[str, Any]], path: str) -> dict[str, Any]:
    """What is `shown` at a path or below it; where the path has no number for a list, that of the list's first items.

    >>> read_at(shown({"lines": [{"sku": "A"}, {"sku": "B"}]}, reveal=True), "lines.sku")
    {'lines.0.sku': 'A', 'lines.1.sku': 'B'}
    """
    form = re.compile(r"(\.\d+)*\.".join(map(re.escape, path.split("."))) + r"(\..*)?")
    return dict([found[each] for each in found if form.fullmatch(each)][:MOST_READ])


def leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; what is empty counts as a value."""
    parts = document.items() if isinstance(document, dict) else enumerate(document) if _is_list(document) else ()
    found = [leaf for key, value in parts for leaf in leaves(value, f"{path}.{key}".lstrip("."))]
    yield from found or [(path, document)]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
