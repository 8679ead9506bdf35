"""Secrets of the fleet's own, and every place where something is kept sealed, so that it can be sealed anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from integration.store.database import Transaction

Key = int | str


@dataclass(frozen=True)
class Column:
    """A column of sealed values, and the key of its table."""

    table: str
    name: str
    key: str = "id"
    key_type: str = "bigint"
    before_first: Key = 0


SEALED = (
    Column("secrets", "value", key="name", key_type="text", before_first=""),
    Column("messages", "body"),
    Column("rejected", "body"),
    Column("deliveries", "document"),
    Column("deliveries", "candidates"),
    Column("decisions", "change"),
    Column("attempts", "request"),
    Column("attempts", "answer"),
)
"""All there are: what is not named here is lost with the old key."""


@dataclass(frozen=True)
class Renewed:
    """A value as it was read, and as it is to be."""

    key: Key
    old: bytes
    new: bytes


def get_or_make(tx: Transaction, name: str, make: Callable[[], bytes]) -> bytes:
    """The encrypted secret of this name; ``make`` gives it, encrypted, the first time.  All processes get the same.

    It outlives every rotation of the encryption keys: only what it is sealed under changes.
    """
    tx.run("insert into secrets (name, value) values (%s, %s) on conflict do nothing", name, make())
    return bytes(tx.value("select value from secrets where name = %s", name))


def examples(tx: Transaction) -> list[bytes]:
    """What the keys must open for the fleet to work: the body that was stored last, and every secret of its own."""
    if tx.value("select to_regclass('messages')") is None:
        return []  # a database that is to be migrated for the first time
    rows = tx.rows("(select body from messages order by id desc limit 1) union all select value from secrets")
    return [row["body"] for row in rows]


def count(tx: Transaction, column: Column) -> int:
    """How many values of a column there are."""
    return int(tx.value(f"select count({column.name}) from {column.table}"))


def read(tx: Transaction, column: Column, after: Key, limit: int) -> list[tuple[Key, bytes]]:
    """The next values of a column with their keys, in the order of the keys."""
    rows = tx.rows(
        f"""select {column.key} as key, {column.name} as value from {column.table}
            where {column.key} > %s::{column.key_type} and {column.name} is not null order by {column.key} limit %s""",
        after,
        limit,
    )
    return [(row["key"], row["value"]) for row in rows]


def replace(tx: Transaction, column: Column, renewed: Sequence[Renewed]) -> int:
    """Puts new values where the old ones still are; how many.

    What has changed since it was read is left alone, and so is what another transaction is changing: this never blocks.
    """
    return tx.run(
        f"""update {column.table} t set {column.name} = free.new from (
                select t.{column.key}, r.new from {column.table} t
                join unnest(%s::{column.key_type}[], %s::bytea[], %s::bytea[]) as r (key, old, new)
                    on r.key = t.{column.key} and r.old = t.{column.name}
                for no key update of t skip locked
            ) as free where free.{column.key} = t.{column.key}""",
        [each.key for each in renewed],
        [each.old for each in renewed],
        [each.new for each in renewed],
    )
