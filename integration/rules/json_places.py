"""Where each value of a JSON text begins, by the standard library's parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import decoder, scanner
from pathlib import Path
from typing import Any, NamedTuple

Scan = Callable[[str, int], tuple[Any, int]]


class Position(NamedTuple):
    """Line and column in a text, from 1."""

    line: int
    column: int


class _Placed(NamedTuple):
    """A value, its parts placed in the same way, and the place of its first character."""

    value: Any
    begins: int


class _Decoder(json.JSONDecoder):
    """Reads every value as `_Placed`."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_object = self._object
        self.parse_array = self._array
        self.scan_once = _placing(scanner.py_make_scanner(self))  # type: ignore[attr-defined]

    def _object(self, start: tuple[str, int], strict: bool, scan: Scan, *_hooks: Any) -> Any:
        return decoder.JSONObject(start, strict, _placing(scan), None, None)  # type: ignore[attr-defined]

    def _array(self, start: tuple[str, int], scan: Scan) -> Any:
        return decoder.JSONArray(start, _placing(scan))  # type: ignore[attr-defined]


def _placing(scan: Scan) -> Scan:
    def placed(text: str, begins: int) -> tuple[_Placed, int]:
        value, end = scan(text, begins)
        return _Placed(value, begins), end

    return placed


class Places:
    """The positions of a JSON text; ``broken`` is where it ceases to be JSON, None where it does not."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = _Placed(None, 0)
        self.broken: Position | None = None
        try:
            self._root = _Decoder().decode(text)
        except json.JSONDecodeError as error:
            self.broken = Position(error.lineno, error.colno)
        except RecursionError:
            self.broken = Position(1, 1)

    @classmethod
    def of(cls, file: Path) -> Places:
        return cls(file.read_text(encoding="utf-8-sig", errors="replace"))

    def at(self, path: tuple[str | int, ...]) -> Position:
        """Where the value at this path begins; of one that is not there, that which lacks it."""
        placed = self._root
        for key in path:
            parts = placed.value
            if not (key in parts if isinstance(parts, dict) else isinstance(parts, list) and key in range(len(parts))):
                break
            placed = parts[key]
        before = self._text[: placed.begins]
        return Position(before.count("\n") + 1, placed.begins - (before.rfind("\n") + 1) + 1)
