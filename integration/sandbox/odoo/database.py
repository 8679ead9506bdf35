"""The fake's database: every record in memory, written through to one SQLite file at the end of each transaction.

Transactions are serialised by one lock, as is everything else here: a call sees all of the earlier ones and none of
the later.  Ids of a rolled-back transaction are lost, as in Odoo.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from integration.sandbox.odoo.schema import INDEXED, SORTED

Row = dict[str, Any]


class Database:
    """Rows by model and id.  Rows are never changed in place, so an undo only puts the earlier one back.

    ``stale_external_ids`` (with their model) were made by an import that was undone: Odoo's cache still knows them.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = normal")
        self._file.execute(
            'create table if not exists records (model text, id integer, "values" text, primary key (model, id))'
        )
        self.stale_external_ids: dict[str, str] = {}
        self._lock = threading.RLock()
        self._rows: dict[str, dict[int, Row]] = defaultdict(dict)
        self._index: dict[tuple[str, str], dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._sorted: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        self._last_id: dict[str, int] = defaultdict(int)
        self._undo: list[tuple[str, int, Row | None]] = []
        for model, id, values in self._file.execute('select model, id, "values" from records'):
            self._put(model, id, json.loads(values))
        self._undo.clear()

    @property
    def empty(self) -> bool:
        return not any(self._rows.values())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what happens inside is in the file when this ends, or gone when it raises."""
        with self._lock:
            with self.savepoint():
                yield
            self._commit()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes what happened inside when it raises, and lets the exception pass."""
        start = len(self._undo)
        try:
            yield
        except BaseException:
            while len(self._undo) > start:
                model, id, earlier = self._undo[-1]
                self._put(model, id, earlier)
                del self._undo[-2:]
            raise

    def rows(self, model: str) -> dict[int, Row]:
        return self._rows[model]

    def row(self, model: str, id: int) -> Row | None:
        return self._rows[model].get(id)

    def find(self, model: str, field: str, value: Any) -> set[int]:
        """Ids of the rows whose indexed ``field`` equals ``value``, or has it in its list."""
        return self._index[model, field].get(value, set())

    def since(self, model: str, bound: Any) -> list[int]:
        """Ids of the rows whose sorted field is ``bound`` or more, in its order."""
        ordered = self._sorted[model]
        return [id for _, id in ordered[bisect_left(ordered, (bound, 0)) :]]

    def until(self, model: str, bound: Any) -> list[int]:
        """Ids of the rows whose sorted field is less than ``bound``, in its order."""
        ordered = self._sorted[model]
        return [id for _, id in ordered[: bisect_left(ordered, (bound, 0))]]

    def next_id(self, model: str) -> int:
        self._last_id[model] += 1
        return self._last_id[model]

    def insert(self, model: str, values: Row) -> int:
        """Adds a row under ``values["id"]``, or the next id."""
        id: int = values.get("id") or self.next_id(model)
        self._put(model, id, {**values, "id": id})
        return id

    def update(self, model: str, id: int, values: Row) -> None:
        self._put(model, id, {**self._rows[model][id], **values})

    def delete(self, model: str, id: int) -> None:
        self._put(model, id, None)

    def clear(self) -> None:
        """Empties everything; ids start again."""
        for model, rows in self._rows.items():
            for id in list(rows):
                self._put(model, id, None)
        self._last_id.clear()
        self.stale_external_ids.clear()

    def _put(self, model: str, id: int, row: Row | None) -> None:
        earlier = self._rows[model].get(id)
        self._undo.append((model, id, earlier))
        if earlier is not None:
            self._forget(model, id, earlier)
        if row is not None:
            self._note(model, id, row)
        if row is None:
            self._rows[model].pop(id, None)
        else:
            self._rows[model][id] = row
        self._last_id[model] = max(self._last_id[model], id)

    def _note(self, model: str, id: int, row: Row) -> None:
        for field in INDEXED.get(model, ()):
            for value in _values(row, field):
                self._index[model, field][value].add(id)
        if row.get(SORTED.get(model, "")):
            insort(self._sorted[model], (row[SORTED[model]], id))

    def _forget(self, model: str, id: int, row: Row) -> None:
        for field in INDEXED.get(model, ()):
            for value in _values(row, field):
                self._index[model, field][value].discard(id)
        if row.get(SORTED.get(model, "")):
            ordered = self._sorted[model]
            del ordered[bisect_left(ordered, (row[SORTED[model]], id))]

    def _commit(self) -> None:
        changed = {(model, id) for model, id, _ in self._undo}
        self._undo.clear()
        if not changed:
            return
        kept = [(model, id) for model, id in changed if id in self._rows[model]]
        gone = [(model, id) for model, id in changed if id not in self._rows[model]]
        self._file.execute("begin")
        self._file.executemany(
            "insert or replace into records values (?, ?, ?)",
            [(model, id, json.dumps(self._rows[model][id])) for model, id in kept],
        )
        self._file.executemany("delete from records where model = ? and id = ?", gone)
        self._file.execute("commit")


def _values(row: Row, field: str) -> list[Any]:
    value = row.get(field, False)
    return value if isinstance(value, list) else [value]
