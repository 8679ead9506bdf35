"""The definitions that commands go by: those in force, not the files."""

from __future__ import annotations

from integration import preflight, publishing
from integration.rules.in_force import InForce
from integration.store.database import Database


def in_force(database: Database) -> InForce:
    """The definitions in force; where nothing was ever published, what ships becomes version 1."""
    with database.transaction() as tx:
        return publishing.in_force(tx, preflight.load().kinds)
