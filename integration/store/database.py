"""Connections to Postgres: one small pool per process, transactions as a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import backoff
import psycopg2
import psycopg2.extensions
import psycopg2.extras

Row = dict[str, Any]
OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c statement_timeout=60000",
}


def _bytes(value: Any, cursor: Any) -> bytes | None:
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


psycopg2.extensions.register_type(psycopg2.extensions.new_type(psycopg2.BINARY.values, "BYTES", _bytes))


class Transaction:
    """One open transaction: plain SQL in, rows as dicts out.  Values are positional, or one dict for ``%(name)s``."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)

    def run(self, sql: str, *values: Any) -> int:
        """Runs a statement; returns how many rows it touched."""
        self._execute(sql, values)
        return int(self._cursor.rowcount)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        self._execute(sql, values)
        return [dict(row) for row in self._cursor.fetchall()]

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row, if any."""
        self._execute(sql, values)
        row = self._cursor.fetchone()
        return dict(row) if row else None

    def value(self, sql: str, *values: Any) -> Any:
        """The only value of the first row, or None without a row."""
        row = self.row(sql, *values)
        return next(iter(row.values())) if row else None

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs one ``insert ... values %s`` for many rows."""
        psycopg2.extras.execute_values(self._cursor, sql, rows)

    def _execute(self, sql: str, values: tuple[Any, ...]) -> None:
        named = values[0] if len(values) == 1 and isinstance(values[0], dict) else None
        self._cursor.execute(sql, named or values or None)


class Database:
    """A pool that opens connections as they are needed and keeps them.  May be made before a fork, not used."""

    def __init__(self, url: str, *, connections: int = 20) -> None:
        self._url = url
        self._idle: list[Any] = []
        self._free = threading.BoundedSemaphore(connections)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end of the block, rolls back when it raises.

        Raises `psycopg2.OperationalError` or `psycopg2.InterfaceError` when Postgres is away; the broken connection
        is thrown away, the next transaction opens a new one.
        """
        with self._free:
            connection = self._take()
            try:
                yield Transaction(connection)
                connection.commit()
            except BaseException:
                _rollback(connection)
                raise
            finally:
                if not connection.closed:
                    self._idle.append(connection)

    def wait(self, seconds: float = 30.0) -> None:
        """Waits until Postgres answers; raises `psycopg2.OperationalError` after ``seconds``."""

        @backoff.on_exception(backoff.constant, psycopg2.OperationalError, interval=0.2, max_time=seconds, jitter=None)
        def ask() -> None:
            with self.transaction() as tx:
                tx.run("select 1")

        ask()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return psycopg2.connect(self._url, **OPTIONS)


def _rollback(connection: Any) -> None:
    try:
        connection.rollback()
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        connection.close()
