"""Where a value of a made document comes from: the row of the mapping that writes it, and what that row reads.

A row is found as the translator runs it: by its place, its condition and the items of its list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integration.rules.carried import Path, read_by
from integration.rules.expressions import compile_expression, is_true
from integration.rules.functions import Unfit
from integration.rules.translator import ON_CREATE

Document = dict[str, Any]
MADE = "(made)"


@dataclass(frozen=True)
class Origin:
    """The ``row`` of a mapping, by its number, and the paths that it reads: ``lines.0.quantity``; none for a constant.

    Where a list is not read item by item, the path has no number for it: ``shipping_lines.code``.  ``@`` is the whole
    document, and `MADE` an object that an expression has made.
    """

    row: str
    reads: tuple[str, ...]


def origin(mapping: Document, document: Document, path: str) -> Origin | None:
    """The row that gives the made document its value at ``path``, when the ``document`` is translated.

    None where no row does: the value was given by something else than the mapping.
    """
    try:
        return _Search(document).among(mapping["rows"], document, (), tuple(path.split(".")), "")
    except (ValueError, TypeError, Unfit):
        return None  # an expression that does not fit the document: translating it says so, with the row


class _Search:
    def __init__(self, root: Document) -> None:
        self._root = root

    def among(self, rows: Sequence[Document], item: Any, at: Path, path: Path, within: str) -> Origin | None:
        """The row among these, which read ``item``, at the path ``at`` of the whole document."""
        before: dict[str, int] = {}
        for index, row in enumerate(rows, 1):
            to = tuple(_place(row).split("."))
            if path[: len(to)] != to or not _applies(row, item):
                continue
            number, rest = f"{within}{index}", path[len(to) :]
            if "rows" not in row or not rest:
                return Origin(number, tuple(".".join(each) or "@" for each in read_by(row, at)))
            if "each" not in row:
                found = _read(row.get("from", "@"), item)
                return self._inside(row, found, item, at if found is item else self._path_of(found), rest, number)
            items, first = _read(row["each"], item) or [], before.get(row["to"], 0)
            before[row["to"]] = first + len(items)
            if int(rest[0]) < before[row["to"]]:
                position = int(rest[0]) - first
                part = {**items[position], "position": position + 1}
                return self._inside(row, part, item, self._path_of(items[position]), rest[1:], number)
        return None

    def _inside(self, row: Document, part: Document, parent: Any, at: Path, rest: Path, number: str) -> Origin | None:
        inner = {**part, "parent": parent, "root": self._root}
        return self.among(row["rows"], inner, at, rest, f"{number}.")

    def _path_of(self, found: Any) -> Path:
        """Where an object is in the whole document."""
        waiting: list[tuple[Path, Any]] = [((), self._root)]
        while waiting:
            path, value = waiting.pop()
            if value is found:
                return path
            parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            waiting += [((*path, str(key)), each) for key, each in parts if isinstance(each, dict | list)]
        return (MADE,)


def _place(row: Document) -> str:
    return f"{ON_CREATE}.{row['to']}" if "on" in row else str(row["to"])


def _applies(row: Document, item: Any) -> bool:
    """Whether the row gives a value; of several rows for one place the first that does is the one."""
    if "when" in row and not is_true(_read(row["when"], item)):
        return False
    sources = row.get("from", [])
    read = [_read(each, item) for each in ([sources] if isinstance(sources, str) else sources)]
    return not read or "default" in row or any(value is not None for value in read)


def _read(expression: str, item: Any) -> Any:
    return compile_expression(expression)(item)
