"""Where the fake keeps its records: all in memory, written through to one SQLite file at the end of a transaction.

Transactions come one after the other.  Documents are never changed in place: who changes one puts a new one there, so
what was read stays as it was while others write.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Document = dict[str, Any]

FIRST_ID = 300000009000000

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, next INTEGER NOT NULL);
"""


def now() -> str:
    """The time as Fusion writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Records:
    """Documents by kind and id, in the order in which they were first put there."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.executescript(SCHEMA)
        self._documents: dict[str, dict[str, Document]] = defaultdict(dict)
        for kind, id, document in self._file.execute("SELECT kind, id, document FROM documents ORDER BY rowid"):
            self._documents[kind][id] = json.loads(document)
        self._sequences: dict[str, int] = dict(self._file.execute("SELECT name, next FROM sequences"))
        self._undo: list[tuple[str, str, Document | None]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what happens inside is in the file when this ends, or gone when it raises."""
        with self._lock:
            try:
                yield
            except BaseException:
                for kind, id, earlier in reversed(self._undo):
                    self._set(kind, id, earlier)
                self._undo.clear()
                raise
            self._commit()

    def all(self, kind: str) -> list[Document]:
        with self._lock:
            return list(self._documents[kind].values())

    def find(self, kind: str, id: object) -> Document | None:
        with self._lock:
            return self._documents[kind].get(str(id))

    def put(self, kind: str, id: object, document: Document) -> None:
        self._undo.append((kind, str(id), self.find(kind, id)))
        self._set(kind, str(id), document)

    def remove(self, kind: str, id: object) -> None:
        self._undo.append((kind, str(id), self.find(kind, id)))
        self._set(kind, str(id), None)

    def next(self, name: str, first: int) -> int:
        """The next number of a sequence, never given twice: not even after a reset, as fleets remember ids."""
        with self._lock:
            number = self._sequences.get(name, first)
            self._sequences[name] = number + 1
            return number

    def new_id(self) -> int:
        """An id for a row of any kind: 15 digits, as on a pod."""
        return self.next("id", FIRST_ID)

    def clear(self) -> None:
        """Forgets every document."""
        for kind, documents in self._documents.items():
            for id in list(documents):
                self.remove(kind, id)

    def _set(self, kind: str, id: str, document: Document | None) -> None:
        if document is None:
            self._documents[kind].pop(id, None)
        else:
            self._documents[kind][id] = document

    def _commit(self) -> None:
        changed = dict.fromkeys((kind, id) for kind, id, _ in self._undo)
        self._undo.clear()
        if not changed:
            return
        self._file.execute("BEGIN")
        for kind, id in changed:
            document = self._documents[kind].get(id)
            if document is None:
                self._file.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))
            else:
                upsert = "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document"
                self._file.execute(upsert, (kind, id, json.dumps(document)))
        self._file.executemany("INSERT OR REPLACE INTO sequences VALUES (?, ?)", list(self._sequences.items()))
        self._file.execute("COMMIT")
