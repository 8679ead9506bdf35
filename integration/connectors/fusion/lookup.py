"""Rows of one resource by the value of an attribute, for several orders in one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from integration.connectors.fusion.client import Client, quoted
from integration.errors import Hold, Reject
from integration.side_by_side import together

MOST_ASKED = 50
"""Values in one query, which goes into the address."""

Row = dict[str, Any]


class Lookup:
    """Looks rows up by ``attribute``; ``same`` brings a value to the form in which two are compared.

    Of a query for several values each gets the rows that show it.  A value is asked for alone where the pod refuses
    such a query, where a row does not show the attribute, and where another value of the query differs in its writing
    only: rows are never shared out by a guess.  Threads may share it.
    """

    def __init__(
        self, client: Client, path: str, attribute: str, same: Callable[[str], str] = str, **params: str
    ) -> None:
        self._client = client
        self._path = path
        self._attribute = attribute
        self._same = same
        self._params = params

    def rows(self, value: str) -> list[Row]:
        """The rows of this value; nobody may change them, for others have them, too."""
        shared = together(self, value, self._shared, calls=True)
        return self._fitting(value, self._read([value])) if shared is None else shared

    def _shared(self, values: Sequence[str]) -> list[list[Row] | None]:
        """For each value its rows, None where it has to be asked for alone."""
        written = {self._same(value): value for value in reversed(values)}
        asked = list(written.values())
        rows: dict[str, list[Row] | None] = {}
        for start in range(0, len(asked), MOST_ASKED):
            some = asked[start : start + MOST_ASKED]
            rows |= dict.fromkeys(some) if (found := self._read_shown(some)) is None else self._by_value(some, found)
        return [rows.get(value) for value in values]

    def _read_shown(self, values: Sequence[str]) -> list[Row] | None:
        """The rows of all; None where they cannot be had, or do not show whose they are."""
        try:
            rows = self._read(values)
        except (Hold, Reject):
            if len(values) == 1:
                raise
            return None
        return rows if len(values) == 1 or all(self._attribute in row for row in rows) else None

    def _by_value(self, values: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Row] | None]:
        return {value: self._fitting(value, rows) for value in values}

    def _fitting(self, value: str, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if self._same(str(row.get(self._attribute, value))) == self._same(value)]

    def _read(self, values: Sequence[str]) -> list[Row]:
        """``in`` is part of expressions since framework version 2."""
        literals = [value if self._attribute.endswith("Id") and value.isdigit() else quoted(value) for value in values]
        q = f"{self._attribute}={literals[0]}" if len(values) == 1 else f"{self._attribute} in ({', '.join(literals)})"
        return list(self._client.items(self._path, q=q, **self._params))
