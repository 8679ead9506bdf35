"""A problem of a document in ``mappings/``, or of several: what is wrong, and at which path."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str | int, ...]
ABOUT_A_KEY = ("is ", "cannot ", "names ", "gives ", "has ", "'", '"')
"""How a text begins that goes on after the key; any other is set off from it by a colon."""
MEANT = "; did you mean "


class Problem(NamedTuple):
    """What is wrong at a path of a document, in words."""

    path: Path
    text: str

    @property
    def row(self) -> str | None:
        """The row as `fleet mapping check` counts them, from 1: "2.1" is the first row of the part that row 2 makes."""
        return ".".join(self._split()[0]) or None

    @property
    def suggestion(self) -> str | None:
        """What was probably meant, where that is known."""
        return self.text.partition(MEANT)[2].rstrip("?") or None

    def __str__(self) -> str:
        """``row 2.1: via names ...``."""
        row, path = self._split()
        if self.text.startswith("unknown key "):
            path = path[:-1]
        about_a_key = self.text.startswith(ABOUT_A_KEY)
        while about_a_key and path and isinstance(path[-1], int):
            path = path[:-1]
        key = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).removeprefix(".")
        separator = " " if about_a_key else ": "
        return (f"row {'.'.join(row)}: " if row else "") + (f"{key}{separator}" if key else "") + self.text

    def _split(self) -> tuple[list[str], Path]:
        row, path = [], self.path
        while len(path) > 1 and path[0] == "rows" and isinstance(path[1], int):
            row.append(str(path[1] + 1))
            path = path[2:]
        return row, path


class Conflict(NamedTuple):
    """What is wrong between documents, in words, with what to do; each place is the kind, name and path of one."""

    text: str
    hint: str
    places: tuple[tuple[str, str, Path], ...]


def row_path(number: str) -> Path:
    """The path of a row by its number.

    >>> row_path("2.1")
    ('rows', 1, 'rows', 0)
    """
    return tuple(part for each in number.split(".") for part in ("rows", int(each) - 1)) if number else ()
