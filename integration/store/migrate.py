"""Migrations: the numbered SQL files beside this module, forward only, each applied once in its own transaction."""

from __future__ import annotations

import hashlib
from pathlib import Path

from integration.errors import Misconfigured
from integration.store.database import Database, Transaction

FOLDER = Path(__file__).with_name("migrations")
LOCK = 7_116_001  # any number nobody else uses: two `migrate` at once take turns


def migrate(url: str) -> list[str]:
    """Brings the database up to date and returns the names of the migrations applied now.

    Raises `Misconfigured` when an applied file was changed afterwards, or when the database is ahead of this program.
    """
    database = Database(url, connections=1)
    database.wait()
    try:
        with database.transaction() as tx:
            tx.run("select pg_advisory_xact_lock(%s)", LOCK)
            tx.run(
                """create table if not exists migrations (
                       name text primary key, checksum text not null, at timestamptz not null default now())"""
            )
            return _apply(tx, {path.name: path.read_text() for path in sorted(FOLDER.glob("*.sql"))})
    finally:
        database.close()


def pending(tx: Transaction) -> list[str]:
    """The migrations that a database still lacks."""
    known = tx.value("select to_regclass('migrations')")
    applied = {row["name"] for row in tx.rows("select name from migrations")} if known else set()
    return sorted({path.name for path in FOLDER.glob("*.sql")} - applied)


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
