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


def changes(tx: Transaction, systems: Iterable[System]) -> list[str]:
    """What an operator should know about the systems configured now: which are new, and what waits for others."""
    configured = {(system.kind, system.url, system.database) for system in systems}
    known = {(row["kind"], row["url"], row["database"]): row for row in all_installations(tx)}
    kinds = {kind for kind, _, _ in known}
    fresh = [
        f"{kind} at {url} is a new installation: it starts without the crossrefs of the one before"
        for kind, url, database in sorted(configured - known.keys())
        if kind in kinds
    ]
    waiting = {
        row["target"]: row["count"]
        for row in tx.rows("select target, count(*) from deliveries where open and target is not null group by target")
    }
    elsewhere = [row for key, row in known.items() if key not in configured and row["id"] in waiting]
    return fresh + [
        f"{waiting[row['id']]} deliveries wait for {row['name']}, which is not configured any more ({row['url']})"
        for row in elsewhere
    ]


def pause(tx: Transaction, installation: int, reason: str, hint: str | None) -> None:
    """Stops all traffic to an installation until its credentials work; pausing a paused one changes nothing."""
    tx.run(
        """update installations set paused_at = now(), paused_by = 'fleet', pause_reason = %s, pause_hint = %s
           where id = %s and paused_at is null""",
        reason,
        hint,
        installation,
    )


def resume(tx: Transaction, installation: int) -> None:
    tx.run(
        """update installations set paused_at = null, paused_by = null, pause_reason = null, pause_hint = null
           where id = %s""",
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
