"""Value tables: what a value of one system means in another, looked up by one value or by several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from integration.rules.functions.registry import Unfit

JOINS, ANY = "/", "*"
"""Between the values of a key of several columns, and what fits any value of its column."""


@dataclass(frozen=True)
class Table:
    """A value table of ``mappings/tables/``; without a default an unknown value is held.

    With ``columns`` a key has a value for each of them, as ``US/CA/food``; ``*`` in one fits whatever is there.
    """

    name: str
    values: Mapping[str, Any]
    has_default: bool
    default: Any
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any]) -> Table:
        columns = tuple(document.get("columns", ()))
        return cls(name, document["values"], "default" in document, document.get("default"), columns)

    def __getitem__(self, key: Any) -> Any:
        """The entry of a value, or of a list with a value for each column; `Unfit` where there is none."""
        if self.columns:
            for each in self._fitting(key):
                if each in self._by_columns:
                    return self._by_columns[each]
        elif str(key) in self.values:
            return self.values[str(key)]
        if self.has_default:
            return self.default
        raise Unfit(
            f"not in the table {self.name}",
            hint=f"Add the value to mappings/tables/{self.name}.json and run `fleet mapping publish`; or, if the "
            "value is wrong, correct it where it comes from.",
        )

    @cached_property
    def _by_columns(self) -> dict[tuple[str, ...], Any]:
        return {tuple(key.split(JOINS)): value for key, value in self.values.items()}

    def _fitting(self, key: Any) -> Iterator[tuple[str, ...]]:
        """The keys that fit, the closest first: with the fewest ``*``, and of as many with those furthest right."""
        if not isinstance(key, list) or len(key) != len(self.columns):
            raise Unfit(f"the table {self.name} is looked up by {', '.join(self.columns)}, one value for each")
        given = ["" if each is None else str(each) for each in key]
        places = range(len(given))
        for count in range(len(given) + 1):
            for any_ in sorted(combinations(places, count), reverse=True):
                yield tuple(ANY if place in any_ else given[place] for place in places)
