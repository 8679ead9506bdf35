"""Counters: what came in, by day and source, in shards whose sum counts.  The ledger compares them with the rows."""

from __future__ import annotations

import threading

from integration.store.database import Transaction

SHARDS = 64


def shard() -> int:
    """The shard in which this thread counts: transactions under way in two threads hardly ever wait for each other."""
    return threading.get_native_id() % SHARDS


def count(tx: Transaction, name: str, source: int) -> None:
    """Adds one to a counter of today."""
    tx.run(
        """insert into counters (name, source, day, shard, value) values (%s, %s, current_date, %s, 1)
           on conflict (name, source, day, shard) do update set value = counters.value + 1""",
        name,
        source,
        shard(),
    )
