"""Secrets of the fleet's own that outlive every rotation of the encryption keys."""

from __future__ import annotations

from collections.abc import Callable

from integration.store.database import Transaction


def get_or_make(tx: Transaction, name: str, make: Callable[[], bytes]) -> bytes:
    """The encrypted secret of this name; ``make`` gives it, encrypted, the first time.  All processes get the same."""
    tx.run("insert into secrets (name, value) values (%s, %s) on conflict do nothing", name, make())
    return bytes(tx.value("select value from secrets where name = %s", name))
