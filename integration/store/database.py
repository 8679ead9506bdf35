"""Connections to Postgres: one small pool per process, transactions as a `with` block."""

from __future__ import annotations

import hashlib
import re
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import Any, TypeVar

import backoff
import psycopg2
import psycopg2.extensions

from integration.side_by_side import together

T = TypeVar("T")
R = TypeVar("R")
Row = dict[str, Any]
IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE
UNAVAILABLE = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""Postgres does not answer, or the connection to it broke."""
REFUSED = re.compile(r"authentication failed|does not exist|no pg_hba.conf entry|no password supplied")
ASYNC_COMMIT = "set local synchronous_commit = off; "
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?s")
OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
SETTINGS = "-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c statement_timeout=60000"
ONE_PLAN = " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"


def _bytes(value: Any, cursor: Any) -> bytes | None:
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


psycopg2.extensions.register_type(psycopg2.extensions.new_type(psycopg2.BINARY.values, "BYTES", _bytes))


class Connection(psycopg2.extensions.connection):
    """A connection that remembers which statements it has prepared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: set[str] = set()


class Transaction:
    """One open transaction: plain SQL in, rows as dicts out.  Values are positional, or one dict for ``%(name)s``.

    Statements with values are prepared once per connection: planning the larger ones takes longer than running them.
    """

    def __init__(self, connection: Connection, opening: str = "") -> None:
        self._prepared = connection.prepared
        self._cursor = connection.cursor()
        self._opening = opening  # goes along with the first statement, which saves a round trip

    def run(self, sql: str, *values: Any) -> int:
        """Runs a statement; returns how many rows it touched."""
        self._execute(sql, values)
        return int(self._cursor.rowcount)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        self._execute(sql, values)
        return [self._named(row) for row in self._cursor.fetchall()]

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row, if any."""
        self._execute(sql, values)
        row = self._cursor.fetchone()
        return self._named(row) if row else None

    def value(self, sql: str, *values: Any) -> Any:
        """The only value of the first row, or None without a row."""
        self._execute(sql, values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    def together(self, many: Callable[[Transaction, Sequence[T]], Sequence[R]], item: T) -> R:
        """The answer of ``many`` to one item; those who write side by side in this transaction share its statements."""
        return together((many, self), item, partial(many, self))

    def plan_anew(self) -> None:
        """Plans what follows in this transaction for the values it is given, be they for few rows or for all."""
        self.run("set local plan_cache_mode = force_custom_plan")

    def _named(self, row: tuple[Any, ...]) -> Row:
        return {column[0]: value for column, value in zip(self._cursor.description or (), row, strict=True)}

    def _execute(self, sql: str, values: tuple[Any, ...]) -> None:
        opening, self._opening = self._opening, ""
        if not values:
            self._cursor.execute(opening + sql)
            return
        name, prepare, execute = _prepared_form(sql)
        if name not in self._prepared:
            self._cursor.execute(prepare)
            self._prepared.add(name)
        named = len(values) == 1 and isinstance(values[0], dict)
        self._cursor.execute(opening + execute, values[0] if named else values)


class Database:
    """A pool that opens connections as they are needed and keeps them.  May be made before a fork, not used.

    With ``one_plan`` a statement is planned once per connection, by an index.  That is for the road, each of whose
    statements has one: to plan anew takes longer than to run them, and a plan made while a table is small must not read
    all of it as it grows.  Whoever asks other questions there begins with `Transaction.plan_anew`.
    """

    def __init__(self, url: str, *, connections: int = 20, one_plan: bool = False) -> None:
        self.url = url
        self._options = SETTINGS + (ONE_PLAN if one_plan else "")
        self._idle: list[Connection] = []
        self._free = threading.BoundedSemaphore(connections)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Commits at the end of the block, rolls back when it raises.

        One that is not ``durable`` does not wait for the disk.  A Postgres that crashes in the next half second forgets
        it, unless something durable was committed after it: only for what is then done again without harm.

        Raises `psycopg2.OperationalError` or `psycopg2.InterfaceError` when Postgres is away; the broken connection
        is thrown away, the next transaction opens a new one.
        """
        with self._connection() as connection:
            yield Transaction(connection, f"begin; {'' if durable else ASYNC_COMMIT}")
            if connection.info.transaction_status != IDLE:
                connection.cursor().execute("commit")

    @contextmanager
    def statement(self, *, durable: bool = True) -> Iterator[Transaction]:
        """A transaction of one statement: it commits by itself, which saves a round trip."""
        with self._connection() as connection:
            yield Transaction(connection, "" if durable else ASYNC_COMMIT)

    def together(self, many: Callable[[Transaction, Sequence[T]], Sequence[R]], item: T, *, durable: bool = True) -> R:
        """The answer of ``many``, which is one statement, to an item; those who ask side by side share it."""

        def answer(items: Sequence[T]) -> Sequence[R]:
            with self.statement(durable=durable) as tx:
                return many(tx, items)

        return together((many, self, durable), item, answer)

    def wait(self, seconds: float = 30.0) -> None:
        """Waits until Postgres answers; raises `psycopg2.OperationalError` after ``seconds``, or at once when it
        answers that it will never let us in."""

        @backoff.on_exception(
            backoff.constant,
            psycopg2.OperationalError,
            interval=0.2,
            max_time=seconds,
            jitter=None,
            giveup=lambda error: bool(REFUSED.search(str(error))),
        )
        def ask() -> None:
            with self.statement() as tx:
                tx.run("select 1")

        ask()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._free:
            connection = self._take()
            try:
                yield connection
            except BaseException:
                _rollback(connection)
                if connection.closed:
                    self.close()  # the server went away: the idle ones are as dead
                raise
            finally:
                if not connection.closed:
                    self._idle.append(connection)

    def _take(self) -> Connection:
        with suppress(IndexError):
            while _closed_by_server(connection := self._idle.pop()):
                connection.close()
            return connection
        fresh: Connection = psycopg2.connect(self.url, connection_factory=Connection, options=self._options, **OPTIONS)
        fresh.autocommit = True  # transactions are begun by hand
        return fresh


def columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The values of rows of the same names as a list for each name: what ``unnest`` makes rows of again."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _closed_by_server(connection: Connection) -> bool:
    """Whether the server has ended this idle connection: on one that is well there is nothing to read."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


def _rollback(connection: Any) -> None:
    try:
        if connection.info.transaction_status != IDLE:
            connection.cursor().execute("rollback")
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        connection.close()


@lru_cache(1000)
def _prepared_form(sql: str) -> tuple[str, str, str]:
    """A statement's name, the PREPARE with ``$1 ...`` for its placeholders, and the EXECUTE that takes the values."""
    name = "s" + hashlib.sha256(sql.encode()).hexdigest()[:16]
    given: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[0] == "%s" or match[0] not in given:
            given.append(match[0])
        return f"${len(given) if match[0] == '%s' else given.index(match[0]) + 1}"

    text = PLACEHOLDER.sub(number, sql)
    return name, f"prepare {name} as {text}", f"execute {name} ({', '.join(given)})"
