"""What the reading commands need: the database, and the vault for what is encrypted there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from integration.errors import Failure, Misconfigured
from integration.settings import Settings
from integration.store.database import Database
from integration.vault import Vault


@contextmanager
def open_database() -> Iterator[Database]:
    """The fleet's database; `Misconfigured` with the way out when it does not answer."""
    database = Database(Settings.load().need_stores().database_url, connections=2)
    try:
        yield database
    except psycopg2.OperationalError as error:
        raise Misconfigured("Postgres does not answer", hint="Is the fleet up?  Start it with `./fleet up`.") from error
    finally:
        database.close()


def vault() -> Vault:
    return Vault(Settings.load().need_stores().encryption_keys)


def missing(what: str, id: int) -> Failure:
    """The error for an id that does not exist."""
    return Failure(
        f"there is no {what} {id}", hint=f"`{sys.argv[0].rpartition('/')[2]} {what} ls` lists what there is."
    )
