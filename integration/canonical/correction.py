"""Corrections of a document: which value becomes which, found again in a later version of the document.

A place is a list of names.  A row of a list is named by its id, ``{"id": "17"}``, so that it is found wherever it is;
one without an id by its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integration.canonical.strict_json import freeze, thaw

Key = str | int | dict[str, str]
ABSENT: dict[str, Any] = {}
"""How a value that is not there is written, where one that is there is ``{"is": value}``."""


@dataclass(frozen=True)
class Correction:
    """At ``path`` the value ``was`` becomes ``becomes``; both are ``{"is": value}``, or `ABSENT`."""

    path: tuple[Key, ...]
    was: dict[str, Any]
    becomes: dict[str, Any]

    @property
    def place(self) -> str:
        """The path as people write it.

        >>> Correction(("lines", {"id": "17"}, "sku"), ABSENT, ABSENT).place
        'lines[id=17].sku'
        """
        return "".join(f"[id={key['id']}]" if isinstance(key, dict) else f".{key}" for key in self.path).lstrip(".")

    def frozen(self) -> bytes:
        """What `Correction.thaw` reads."""
        return freeze({"path": list(self.path), "was": self.was, "becomes": self.becomes})

    @classmethod
    def thaw(cls, frozen: bytes) -> Correction:
        stored = thaw(frozen)
        return cls(tuple(stored["path"]), stored["was"], stored["becomes"])

    def apply(self, document: Any) -> Any:
        """The document with the correction, the rest of it shared; None where the value is not the one that it was."""
        return _with(document, self.path, self)


def corrections(before: Any, after: Any) -> list[Correction]:
    """What makes one document of the other.  Of a list that lost, gained or moved rows it is the whole list."""
    return list(_between(before, after, ()))


def _between(before: Any, after: Any, path: tuple[Key, ...]) -> Iterator[Correction]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            if name in before and name in after:
                yield from _between(before[name], after[name], (*path, name))
            else:
                yield Correction((*path, name), _value(before, name), _value(after, name))
    elif isinstance(before, list) and isinstance(after, list) and _keys(before) == _keys(after):
        for key, old, new in zip(_keys(before), before, after, strict=True):
            yield from _between(old, new, (*path, key))
    elif before != after:
        yield Correction(path, {"is": before}, {"is": after})


def _with(document: Any, path: tuple[Key, ...], correction: Correction) -> Any:
    key, *rest = path
    found = _find(document, key)
    if found is None:
        return None
    if rest:
        inner = _with(document[found], tuple(rest), correction) if _value(document, found) else None
        return None if inner is None else _replaced(document, found, {"is": inner})
    return _replaced(document, found, correction.becomes) if _value(document, found) == correction.was else None


def _find(document: Any, key: Key) -> Any:
    """The name or number under which the document has the key, or would have it; None where it has no such place."""
    if isinstance(key, str):
        return key if isinstance(document, dict) else None
    keys = _keys(document) if isinstance(document, list) else []
    return keys.index(key) if key in keys else None


def _value(document: Any, key: Any) -> dict[str, Any]:
    """What is there, as a `Correction` has it."""
    return ABSENT if isinstance(document, dict) and key not in document else {"is": document[key]}


def _replaced(document: Any, key: Any, value: dict[str, Any]) -> Any:
    made = document.copy()
    if value:
        made[key] = value["is"]
    else:
        made.pop(key, None)
    return made


def _keys(rows: list[Any]) -> list[Key]:
    ids: list[Any] = [row.get("id") if isinstance(row, dict) else None for row in rows]
    if all(isinstance(id, str) for id in ids) and len(set(ids)) == len(ids):
        return [{"id": id} for id in ids]
    return list(range(len(rows)))
