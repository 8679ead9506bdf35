"""Cursors: where the polls are, leased by one poll at a time.

The high-water mark is the newest change that a finished run has seen, never the time of the poll; each run begins an
overlap before it, because a change is stamped when its transaction begins and is seen only when that has ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2.errors

from integration.store.database import Row, Transaction

LEASE = "60 seconds"
OVERLAP = "5 minutes"
"""Longer than any transaction of a target may take (Odoo ends its own after two minutes)."""
SWEEP_EVERY = "1 hour"
SWEEP_BACK = "25 hours"
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0
"""Seconds after the first failure, and at most."""
HASTE = "5 seconds"
"""However often a poll is hinted at, so much lies between two of them."""


@dataclass(frozen=True)
class Cursor:
    """A cursor that its poll holds.  ``asked_at`` is when the next page is asked for, by the clock of Postgres."""

    installation: int
    stream: str
    lease: str
    run_since: datetime
    page: dict[str, Any] | None
    asked_at: datetime


def ensure(tx: Transaction, installation: int, streams: tuple[str, ...]) -> None:
    """A cursor for each stream; a new one begins a day before we knew the installation: nothing of ours is older."""
    tx.run(
        """insert into cursors (installation, stream, since)
           select i.id, stream, i.since - interval '1 day' from installations i, unnest(%s::text[]) as stream
           where i.id = %s on conflict do nothing""",
        list(streams),
        installation,
    )


def due(tx: Transaction, targets: Sequence[int]) -> list[int]:
    """Those of these installations that have a stream to be read now, or no cursor yet, and that no poll reads."""
    return [row["id"] for row in tx.rows(DUE, {"targets": list(targets)})]


def take(tx: Transaction, installation: int) -> Cursor | None:
    """The lease of the stream that is due the longest; None when none is, or a poll of this installation runs."""
    tx.run(
        "update cursors set lease = null where installation = %s and lease is not null and leased_until < now()",
        installation,
    )
    try:
        row = tx.row(
            TAKE,
            {
                "installation": installation,
                "lease": LEASE,
                "overlap": OVERLAP,
                "every": SWEEP_EVERY,
                "back": SWEEP_BACK,
            },
        )
    except psycopg2.errors.UniqueViolation:
        return None
    return Cursor(**row) if row else None


def renew(tx: Transaction, cursor: Cursor) -> bool:
    """Prolongs the lease; False when it is not ours any more."""
    return bool(
        tx.run(
            f"""update cursors set leased_until = now() + interval '{LEASE}'
                where installation = %s and stream = %s and lease = %s::uuid""",
            cursor.installation,
            cursor.stream,
            cursor.lease,
        )
    )


def advance(tx: Transaction, cursor: Cursor, seen: datetime | None, next: dict[str, Any]) -> Cursor | None:
    """Moves past a page to the ``next`` one of the run; ``seen`` is the newest change on it.

    None: the lease is not ours any more, and the caller must roll its transaction back.
    """
    row = tx.row(NEXT_PAGE, {**_of(cursor), "lease": LEASE, "page": json.dumps(next), "seen": seen})
    return Cursor(**row) if row else None


def end(tx: Transaction, cursor: Cursor, seen: datetime | None, every: float) -> bool:
    """Moves past the last page of a run and gives the lease back; the next run is due in ``every`` seconds.

    False: the lease is not ours any more, and the caller must roll its transaction back.
    """
    return bool(tx.run(END, {**_of(cursor), "seen": seen, "every": every}))


def fail(tx: Transaction, cursor: Cursor, code: str, reason: str, hint: str | None, *, anew: bool = False) -> None:
    """Gives the lease back after a failure; the run goes on after a pause that doubles.

    It goes on from the same page, or with ``anew`` from its first one: no change that was not taken in is passed over.
    """
    tx.run(
        f"""update cursors set lease = null, leased_until = null, failures = failures + 1, code = %s, reason = %s,
               hint = %s, page = case when %s then null else page end, due_at = now() + make_interval(secs =>
                   least({FIRST_PAUSE} * power(2, least(failures, 10)), {LONGEST_PAUSE}))
           where installation = %s and stream = %s and lease = %s::uuid""",
        code,
        reason,
        hint,
        anew,
        cursor.installation,
        cursor.stream,
        cursor.lease,
    )


def rest(tx: Transaction, cursor: Cursor, after: float = 0.0) -> None:
    """Gives the lease back in the middle of a run, which goes on from here in ``after`` seconds, behind the others."""
    tx.run(
        """update cursors set lease = null, leased_until = null, due_at = now() + make_interval(secs => %s)
           where installation = %s and stream = %s and lease = %s::uuid""",
        after,
        cursor.installation,
        cursor.stream,
        cursor.lease,
    )


def make_due(tx: Transaction, installation: int, *, at_once: bool = False) -> int:
    """Makes the polls of an installation due now, or 5 s after they last began; how many became due earlier."""
    soon = "now()" if at_once else f"greatest(now(), coalesce(started_at, 'epoch') + interval '{HASTE}')"
    failing = "" if at_once else "and failures = 0"  # a hint does not shorten the pause after a failure
    return tx.run(
        f"update cursors set due_at = {soon} where installation = %s and due_at > {soon} {failing}", installation
    )


def rewind(tx: Transaction, installation: int, since: datetime) -> int:
    """Sets marks that are newer back to ``since``; how many streams begin there (or before) the next time.

    A run that failed halfway begins anew.  A stream that a poll holds is left alone: its run would undo it.
    """
    return tx.run(
        """update cursors set since = least(since, %s), run_since = null, page = null, seen = null, sweeps = false,
               lease = null, leased_until = null
           where installation = %s and (lease is null or leased_until < now())""",
        since,
        installation,
    )


def all_cursors(tx: Transaction) -> list[Row]:
    """Every cursor with its installation's name, for people."""
    return tx.rows(
        """select i.name as target, c.stream, c.since, c.due_at, c.polled_at, c.failures, c.code, c.reason,
               c.hint, c.lease is not null and c.leased_until > now() as running
           from cursors c join installations i on i.id = c.installation order by i.id, c.stream"""
    )


def _of(cursor: Cursor) -> dict[str, Any]:
    return {"installation": cursor.installation, "stream": cursor.stream, "token": cursor.lease}


DUE = """
select i.id from installations i left join cursors c on c.installation = i.id
where i.id = any (%(targets)s::smallint[]) and i.paused_at is null
group by i.id
having bool_or(c.due_at is null or c.due_at <= now())
    and not bool_or(c.lease is not null and c.leased_until >= now())
"""

HELD = "installation, stream, lease::text, run_since, page, clock_timestamp() as asked_at"

TAKE = f"""
update cursors set lease = gen_random_uuid(), leased_until = now() + %(lease)s::interval, started_at = now(),
    sweeps = case when run_since is null then swept_at < now() - %(every)s::interval else sweeps end,
    run_since = coalesce(run_since, case when swept_at < now() - %(every)s::interval
        then least(since - %(overlap)s::interval, now() - %(back)s::interval) else since - %(overlap)s::interval end)
where (installation, stream) = (
    select c.installation, c.stream from cursors c join installations i on i.id = c.installation
    where c.installation = %(installation)s and c.due_at <= now() and i.paused_at is null
    and not exists (select from cursors other where other.installation = i.id and other.lease is not null)
    order by c.due_at limit 1 for update of c skip locked)
returning {HELD}
"""

NEXT_PAGE = f"""
update cursors set page = %(page)s, seen = greatest(seen, %(seen)s), leased_until = now() + %(lease)s::interval
where installation = %(installation)s and stream = %(stream)s and lease = %(token)s::uuid
returning {HELD}
"""

# A clock that is ahead at the target must not carry the mark beyond what we have really seen.
END = """
update cursors set since = greatest(since, least(coalesce(greatest(seen, %(seen)s), since), now())), run_since = null,
    page = null, seen = null, swept_at = case when sweeps then now() else swept_at end, sweeps = false, lease = null,
    leased_until = null, polled_at = now(), due_at = now() + make_interval(secs => %(every)s), failures = 0,
    code = null, reason = null, hint = null
where installation = %(installation)s and stream = %(stream)s and lease = %(token)s::uuid
"""
