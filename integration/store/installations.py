"""Installations: the real systems this fleet has ever been pointed at, and what operators decided about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from integration.settings import System
from integration.store.database import Row, Transaction


@dataclass(frozen=True)
class Installation:
    """One real system.  ``id`` is the row, ``name`` what people call it ("odoo-1")."""

    id: int
    name: str
    kind: str


def register(tx: Transaction, systems: Iterable[System]) -> dict[str, Installation]:
    """The installation of each configured system by kind; a system seen for the first time becomes a new one."""
    tx.run("select pg_advisory_xact_lock(hashtext('installations'))")
    return {system.kind: _find(tx, system) or _create(tx, system) for system in systems}


def pause(tx: Transaction, installation: int, reason: str, hint: str | None) -> None:
    """Stops all traffic to an installation until `resume`; pausing a paused one changes nothing."""
    tx.run(
        """update installations set paused_at = now(), pause_reason = %s, pause_hint = %s
           where id = %s and paused_at is null""",
        reason,
        hint,
        installation,
    )


def resume(tx: Transaction, installation: int) -> None:
    tx.run(
        "update installations set paused_at = null, pause_reason = null, pause_hint = null where id = %s",
        installation,
    )


def all_installations(tx: Transaction) -> list[Row]:
    return tx.rows("select * from installations order by id")


def _find(tx: Transaction, system: System) -> Installation | None:
    row = tx.row(
        "select id, name, kind from installations where kind = %s and url = %s and database = %s",
        system.kind,
        system.url,
        system.database,
    )
    return Installation(**row) if row else None


def _create(tx: Transaction, system: System) -> Installation:
    row = tx.row(
        """insert into installations (name, kind, url, database)
           select %s || '-' || count(*) + 1, %s, %s, %s from installations where kind = %s
           returning id, name, kind""",
        system.kind,
        system.kind,
        system.url,
        system.database,
        system.kind,
    )
    assert row
    return Installation(**row)
