"""What commands read from: the database, and the vault for what is encrypted there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2

from integration import preflight
from integration.errors import Misconfigured
from integration.message import State, Step
from integration.store.database import Database, Row
from integration.terminal.option_types import Whole
from integration.vault import Vault

if TYPE_CHECKING:
    from tasks.runtime import Runtime

ID = Whole(1, 2**63 - 1)


@contextmanager
def open_database() -> Iterator[Database]:
    """The fleet's database; `Misconfigured` with the fix when it does not answer."""
    database = Database(preflight.load().database_url, connections=2)
    with _answering(database):
        yield database


@contextmanager
def open_runtime() -> Iterator[Runtime]:
    """All that a process of the fleet has; `Misconfigured` when Postgres does not answer."""
    from tasks.runtime import Runtime  # commands that only read the database start faster without it

    own = Runtime(preflight.load())
    with _answering(own.database):
        yield own


@contextmanager
def _answering(database: Database) -> Iterator[None]:
    try:
        yield
    except psycopg2.OperationalError as error:
        raise Misconfigured("Postgres does not answer", hint="Is the fleet up?  Start it with `./fleet up`.") from error
    finally:
        database.close()


def vault() -> Vault:
    return Vault(preflight.load().encryption_keys)


def as_shown(delivery: Row) -> Row:
    """A delivery by the names people see: its failed tries, the last step it took, and how many newer events wait."""
    row = {("failed_tries" if name == "attempts" else name): value for name, value in delivery.items()}
    if row["state"] == State.DONE and row["step"] == Step.ENRICH:
        row["step"] = Step.POST.value  # the hop is named by its first step
    if row.get("newer"):
        waiting = "1 newer event waits" if row["newer"] == 1 else f"{row['newer']} newer events wait"
        row["reason"] = f"{row['reason']} ({waiting})"
    return row
