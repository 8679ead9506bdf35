"""Rows that an example adds to a mapping: its file is a mapping with these rows alone.

A row takes the place of one with the same ``to`` and condition, and may so make an initial value of it.  One that has a
condition comes before those of its ``to`` that have another, for the first that gives a value wins.  Rows of a part are
added to the part that is built of the same.  Any other comes last.
"""

from __future__ import annotations

from typing import Any

from integration.rules.carried import read_after_all

Document = dict[str, Any]


def with_rows(mapping: Document, added: Document) -> Document:
    """The mapping with the rows of another document of the same name; what they read is not left out any more."""
    made = {**mapping, "rows": _merged(mapping["rows"], added["rows"])}
    read = read_after_all(made)
    left_out = {path: why for path, why in mapping.get("left_out", {}).items() if path not in read}
    return {**made, "left_out": left_out}


def numbers_of(rows: list[Document], added: list[Document], within: str = "") -> set[str]:
    """The numbers that added rows have in a mapping that `with_rows` made."""
    found: set[str] = set()
    for index, row in enumerate(rows, 1):
        number = f"{within}{index}"
        if row in added:
            found.add(number)
        elif part := next((each for each in added if "rows" in row and _is_same(row, each)), None):
            found |= numbers_of(row["rows"], part["rows"], f"{number}.")
    return found


def _merged(rows: list[Document], added: list[Document]) -> list[Document]:
    made = list(rows)
    for row in added:
        place = next((index for index, each in enumerate(made) if _is_same(each, row)), None)
        if place is not None:
            old = made[place]
            made[place] = {**old, "rows": _merged(old["rows"], row["rows"])} if "rows" in row else row
        else:
            others = [index for index, each in enumerate(made) if each["to"] == row["to"] and "when" in row]
            made.insert(others[0] if others else len(made), row)
    return made


def _is_same(row: Document, other: Document) -> bool:
    """Whether both write the same value, or build the same part of the same."""
    keys = ("to", "when", *(("each", "from") if "rows" in row or "rows" in other else ()))
    return all(row.get(key) == other.get(key) for key in keys) and ("rows" in row) == ("rows" in other)
