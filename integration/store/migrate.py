"""Migrations: the numbered SQL files beside this module, forward only, each applied once in its own transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from integration.errors import Misconfigured
from integration.store.database import UNAVAILABLE, Database, Transaction

FOLDER = Path(__file__).with_name("migrations")
LOCK = 7_116_001  # any number that is not used elsewhere: two `migrate` at once take turns


def migrate(url: str, check: Callable[[Transaction], None] = lambda _: None) -> list[str]:
    """Brings the database up to date and returns the names of the migrations applied now.

    ``check`` may refuse a database that is ours or empty before anything is changed in it.  Raises `Misconfigured`,
    with nothing changed, when Postgres does not let us in, when the database holds tables of another program, when it
    is ahead of this one, or when an applied file was changed afterwards.
    """
    database = Database(url, connections=1)
    try:
        database.wait()
        with database.transaction() as tx:
            tx.run("select pg_advisory_xact_lock(%s)", LOCK)
            _refuse_foreign(tx)
            check(tx)
            tx.run(
                """create table if not exists migrations (
                       name text primary key, checksum text not null, at timestamptz not null default now())"""
            )
            return _apply(tx, {path.name: path.read_text() for path in sorted(FOLDER.glob("*.sql"))})
    except UNAVAILABLE as error:
        raise Misconfigured(
            f"Postgres does not answer: {_said(error)}", hint="Check DATABASE_URL, and that the server runs."
        ) from None
    finally:
        database.close()


def pending(tx: Transaction) -> list[str]:
    """The migrations that a database still lacks."""
    known = tx.value("select to_regclass('migrations')")
    applied = {row["name"] for row in tx.rows("select name from migrations")} if known else set()
    return sorted({path.name for path in FOLDER.glob("*.sql")} - applied)


def _refuse_foreign(tx: Transaction) -> None:
    """A database with tables of its own and without our list of migrations belongs to somebody else."""
    ours = tx.value(
        """select count(*) from information_schema.columns
           where table_schema = current_schema() and table_name = 'migrations' and column_name = 'checksum'"""
    )
    tables = [] if ours else [row["name"] for row in tx.rows(TABLES)]
    if tables:
        shown = ", ".join(tables[:3]) + (" …" if len(tables) > 3 else "")
        raise Misconfigured(
            f"the database holds tables of another program: {shown}",
            hint="Make a database for the fleet alone and name that one in DATABASE_URL.",
        )


TABLES = """
select relname as name from pg_class c where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by relname"""
"""The tables that no extension has brought."""


def _said(error: Exception) -> str:
    """What the server or the network said first; libpq names the user, never the password."""
    said = str(error).strip().partition("\n")[0]
    return " ".join(said.rpartition("failed: ")[2].split()) or type(error).__name__


def _apply(tx: Transaction, files: dict[str, str]) -> list[str]:
    applied = {row["name"]: row["checksum"] for row in tx.rows("select name, checksum from migrations order by name")}
    for name, checksum in applied.items():
        if name not in files:
            raise Misconfigured(
                f"the database knows migration {name}, this program does not", hint="Start a newer version."
            )
        if checksum != _checksum(files[name]):
            raise Misconfigured(
                f"migration {name} was changed after it was applied",
                hint="Restore the file; write a new migration instead.",
            )
    fresh = [name for name in files if name not in applied]
    for name in fresh:
        tx.run(files[name])
        tx.run("insert into migrations (name, checksum) values (%s, %s)", name, _checksum(files[name]))
    return fresh


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
