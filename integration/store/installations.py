"""Installations: the real systems this fleet has ever been pointed at, and what operators decided about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from integration.errors import Misconfigured
from integration.settings import System
from integration.store import audit
from integration.store.database import Row, Transaction
from integration.systems import ADDED, KINDS, variable


@dataclass(frozen=True)
class Installation:
    """One real system.  ``id`` is the row, ``system`` the name of the settings, ``name`` what people call it.

    The second Odoo to which ``ODOO_URL`` has ever pointed is "odoo-2", its ``system`` is "odoo".
    """

    id: int
    name: str
    kind: str
    system: str


def register(tx: Transaction, systems: Iterable[System]) -> dict[str, Installation]:
    """The installation of each configured system by its name; one seen for the first time becomes a new one.

    Raises `Misconfigured` for one that is known under another name: our ids of its objects hold that.
    """
    tx.run("select pg_advisory_xact_lock(hashtext('installations'))")
    return {system.name: _find(tx, system) or _create(tx, system) for system in systems}


def changes(tx: Transaction, systems: Iterable[System]) -> list[str]:
    """What an operator should know about the systems configured now: which are new, and what waits for others."""
    configured = {(system.kind, system.url, system.database): system.name for system in systems}
    known = {(row["kind"], row["url"], row["database"]): row for row in all_installations(tx)}
    for place in configured.keys() & known.keys():
        _check_name(configured[place], known[place])
    names = {row["system"] for row in known.values()}
    fresh = [
        f"{name} at {url} is a new installation: it starts without the crossrefs of the one before"
        for (_, url, _), name in sorted(configured.items())
        if name in names and name not in {row["system"] for place, row in known.items() if place in configured}
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


def pause(tx: Transaction, installation: int, reason: str, hint: str | None, *, who: str | None = None) -> None:
    """Stops all traffic to an installation: until its credentials work or, if ``who`` says so, until one resumes it.

    What the fleet pauses changes nothing where it is paused already; a person's word takes the place of what was.
    """
    name = tx.value(
        """update installations set paused_at = now(), paused_user = %(who)s, pause_reason = %(reason)s,
               pause_hint = %(hint)s, paused_by = case when %(who)s::text is null then 'fleet' else 'operator' end
           where id = %(id)s and (paused_at is null or %(who)s::text is not null) returning name""",
        {"id": installation, "reason": reason, "hint": hint, "who": who},
    )
    if who:
        audit.note(tx, who, "pause", [None], target=name, reason=reason)


def pause_if_dying(tx: Transaction, installation: int, delivery: int, most: int) -> None:
    """Pauses a target if the ``most`` objects that ended there last, done or dead, died as this delivery did.

    Only a person resumes it.  A success in between, a day, or a resumption begins the count anew.
    """
    died: Row | None = tx.row(DIED_ALIKE, {"delivery": delivery, "target": installation, "most": most})
    if died is None:
        return
    hint = (
        "Correct the cause, `fleet targets resume NAME`, then `fleet dead replay --fingerprint "
        f"{died['fingerprint']}`: `fleet dead ls` shows them."
    )
    tx.run(
        """update installations set paused_at = now(), paused_by = 'deaths', pause_reason = %s,
               pause_hint = replace(%s, 'NAME', name) where id = %s and paused_at is null""",
        f"{most} objects in a row died of one cause: {died['reason']}",
        hint,
        installation,
    )


def resume(tx: Transaction, installation: int, *, who: str | None = None) -> bool:
    """Lets traffic flow again; False where it does already.  Without ``who`` only what the fleet has paused itself."""
    name = tx.value(
        """update installations set paused_at = null, paused_by = null, paused_user = null, pause_reason = null,
               pause_hint = null, resumed_at = now()
           where id = %(id)s and paused_at is not null and (paused_by = 'fleet' or %(who)s::text is not null)
           returning name""",
        {"id": installation, "who": who},
    )
    if name is None:
        return False
    _wake(tx, installation)
    if who:
        audit.note(tx, who, "resume", [None], target=name)
    return True


def limit(
    tx: Transaction,
    installation: int,
    who: str,
    *,
    rate: float | None = None,
    concurrency: int | None = None,
    breaker: bool | None = None,
) -> None:
    """Sets limits that go before those of the settings; None leaves one as it is.

    ``rate`` is in calls/s, ``concurrency`` counts hops, and ``breaker`` is False when failures are not to open it.
    """
    given = {"rate": rate, "concurrency": concurrency, "breaker": breaker}
    name = tx.value(
        """update installations set rate = coalesce(%(rate)s, rate), breaker = coalesce(%(breaker)s, breaker),
               concurrency = coalesce(%(concurrency)s, concurrency) where id = %(id)s returning name""",
        {"id": installation, **given},
    )
    _wake(tx, installation)
    changed = {name: value for name, value in given.items() if value is not None}
    audit.note(tx, who, "limit", [None], target=name, **changed)


def unlimit(tx: Transaction, installation: int, who: str) -> None:
    """Gives an installation back the limits of its settings."""
    name = tx.value(
        "update installations set rate = null, concurrency = null, breaker = true where id = %s returning name",
        installation,
    )
    _wake(tx, installation)
    audit.note(tx, who, "limit", [None], target=name, reset=True)


def decisions(tx: Transaction) -> dict[int, Row]:
    """What operators have decided, by installation: ``{rate, concurrency, breaker, paused}``."""
    rows = tx.rows(
        """select id, rate, concurrency, breaker, coalesce(paused_by in ('operator', 'deaths'), false) as paused
           from installations"""
    )
    return {row.pop("id"): row for row in rows}


def name(tx: Transaction, installation: int) -> str:
    return str(tx.value("select name from installations where id = %s", installation))


def all_installations(tx: Transaction) -> list[Row]:
    return tx.rows("select * from installations order by id")


def _wake(tx: Transaction, installation: int) -> None:
    """Makes due what waits for its target's sake: refused there, or with a nudge that no worker might follow."""
    tx.run(
        """update deliveries set state = 'ready', due_at = now()
           where queue = (select system from installations where id = %s) and needs is null and due_at < 'infinity'
           and (state = 'queued' or state = 'waiting' and code in ('throttled', 'misconfigured'))""",
        installation,
    )


def _find(tx: Transaction, system: System) -> Installation | None:
    row = tx.row(
        "select id, name, kind, system from installations where kind = %s and url = %s and database = %s",
        system.kind,
        system.url,
        system.database,
    )
    if row is None:
        return None
    _check_name(system.name, row)
    return Installation(**row)


def _create(tx: Transaction, system: System) -> Installation:
    row = tx.row(
        """insert into installations (name, system, kind, url, database)
           select %(system)s || '-' || count(*) + 1, %(system)s, %(kind)s, %(url)s, %(database)s from installations
           where system = %(system)s returning id, name, kind, system""",
        {"system": system.name, "kind": system.kind, "url": system.url, "database": system.database},
    )
    assert row
    return Installation(**row)


def _check_name(name: str, row: Row) -> None:
    """Raises `Misconfigured` for an installation that had another name: its queue and our ids go by that."""
    was = row["system"]
    if was != name:
        url = variable(was, "url")
        raise Misconfigured(
            f"the system at {variable(name, 'url')} is known as {was}: what waits for it, and our ids, go by that name",
            hint=f"Set {url} in place of {variable(name, 'url')}"
            + ("." if was in KINDS else f", and have {was} in {ADDED}."),
        )


# By the index on what ended lately; a target that is idle for a day begins anew.
DIED_ALIKE = """
with died as (
    select fingerprint, reason, queue from deliveries where id = %(delivery)s
), latest as (
    select d.state, d.fingerprint from deliveries d, died, installations i
    where i.id = %(target)s and d.target = i.id and d.queue = died.queue and d.state in ('done', 'dead')
    and d.finished_at > greatest(coalesce(i.resumed_at, '-infinity'), now() - interval '1 day')
    order by d.finished_at desc limit %(most)s
)
select fingerprint, reason from died
where %(most)s = (select count(*) from latest where latest.state = 'dead' and latest.fingerprint = died.fingerprint)"""
