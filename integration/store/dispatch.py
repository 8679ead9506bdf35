"""Queries for due deliveries, expired leases and lost nudges, which the dispatcher asks ten times a second at most.

Every nudge may be lost or doubled without harm, because the truth about what is due stays here.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.canonical.entities import ENTITIES
from integration.store.database import Row, Transaction
from integration.store.deliveries import SMALL, SMALL_SHARE

LOST_AFTER = "20 seconds"
"""As long as a lease: what a dead worker has begun and what it has taken come back together.  A queue holds no more
nudges than are followed in some seconds, and one too many does nothing."""
BACK_AFTER = "3 seconds"
"""So long after Postgres has started every worker has found out."""
JOBS, MOVES = "jobs", "moves"
"""No queues: what `queues_due` calls the next slice of a job, and what keeps a dispatcher awake."""
FRESH = "1 second"
"""What was accepted less than this ago is on its way by the receiver's own nudge."""


def queues_due(
    tx: Transaction, queues: Sequence[str], targets: Sequence[int], within: float | None = None
) -> list[str]:
    """Those of the queues for which something is due, at targets that are not paused; and `JOBS` if a job is.

    Asked ``within`` so many seconds also `MOVES`, if a delivery is under way or due within them.
    """
    values = {"queues": list(queues), "fresh": FRESH, "targets": list(targets)}
    rows = tx.rows(QUEUES_DUE, values) if within is None else tx.rows(QUEUES_DUE_SOON, values | {"within": within})
    return [row["queue"] for row in rows]


def take_due(tx: Transaction, queue: str, window: int, targets: Sequence[int]) -> list[Row]:
    """Marks due deliveries of a queue as queued, as many as its window still admits; live ones come first.

    Replay and back-fill get a fifth of the window and no more, so that what is live finds room whenever it comes.  Only
    what is for one of ``targets``, the configured installations, is taken.  Rows are ``{id, step, queue, target}``.
    Any number of dispatchers may ask at once.
    """
    return tx.rows(TAKE, {"queue": queue, "window": window, "fresh": FRESH, "targets": list(targets)})


def redrive(tx: Transaction) -> int:
    """Returns expired leases and lost nudges to the ready; how many.  They have been due since they were.

    Workers lose the nudges that they take while Postgres is away, so those from before its start count as lost.
    """
    return int(tx.value(REDRIVE, {"lost": LOST_AFTER, "back": BACK_AFTER}))


def requeue_all(tx: Transaction) -> int:
    """Redis has lost everything: every nudge is void, everything queued is ready again."""
    return tx.run("update deliveries set state = 'ready' where state = 'queued'")


def wake_missed(tx: Transaction) -> int:
    """Makes due what was not woken: two transactions that end at once can miss each other.

    That is the head of a lane behind which something was put, and what waits for a crossref that is there.
    """
    return int(tx.value(WAKE_MISSED, {"entities": [each.name for each in ENTITIES.values() if not each.unique_there]}))


REDRIVE = """
with expired as (
    update deliveries set state = 'ready', lease = null where id in (
        select id from deliveries where state = 'running' and leased_until < now() for update skip locked)
    returning 1
), lost as (
    update deliveries set state = 'ready' where id in (
        select id from deliveries where state = 'queued' and (moved_at < now() - %(lost)s::interval
            or moved_at < pg_postmaster_start_time() and pg_postmaster_start_time() < now() - %(back)s::interval)
        for update skip locked)
    returning 1
)
select (select count(*) from expired) + (select count(*) from lost)
"""

WAKE_MISSED = """
with needing as (
    update deliveries d set state = 'ready', due_at = now(), needs = null from crossrefs x
    where d.state = 'waiting' and d.needs is not null
    and x.installation = split_part(d.needs, '/', 1)::smallint and x.entity = split_part(d.needs, '/', 2)
    and x.our_id = substr(d.needs, length(split_part(d.needs, '/', 1) || split_part(d.needs, '/', 2)) + 3)
    and x.their_id is not null and (x.version is not null or x.entity = any (%(entities)s::text[]))
    returning 1
), heads as (
    update deliveries set state = 'ready', due_at = now() where id in (
        select distinct on (d.lane) d.id from deliveries d
        where d.state = 'waiting' and d.due_at = 'infinity' and d.needs is null
        and not exists (select from deliveries other where other.lane = d.lane
            and other.open and (other.state = 'running' or (other.version, other.id) < (d.version, d.id)))
        order by d.lane, d.version, d.id)
    returning 1
)
select (select count(*) from needing) + (select count(*) from heads)
"""

DUE = """
    state in ('ready', 'waiting') and due_at <= now() and target = any (%(targets)s::smallint[])
    and (attempts > 0 or priority > 0 or step <> 'transform' or created_at < now() - %(fresh)s::interval)"""

PAUSED = """(
    select true from installations i
    where i.system = {queue} and i.paused_at is not null and i.id = any (%(targets)s::smallint[]) limit 1)"""

QUEUES_DUE = f"""
select q.queue from unnest(%(queues)s::text[]) as q (queue)
cross join lateral (select from deliveries d where d.queue = q.queue and {DUE} limit 1) as due
where {PAUSED.format(queue="q.queue")} is null
union all select '{JOBS}' from (select from jobs where state = 'running' and due_at <= now() limit 1) as job
"""

QUEUES_DUE_SOON = f"""{QUEUES_DUE}
union all select '{MOVES}' where
    exists (select from deliveries where state = 'running' and target = any (%(targets)s::smallint[]))
    or exists (
        select from unnest(%(queues)s::text[]) as q (queue)
        cross join lateral (
            select 1 from deliveries d where d.queue = q.queue and d.state = 'queued'
            and d.target = any (%(targets)s::smallint[])
            union all
            select 1 from deliveries d where d.queue = q.queue and d.state in ('ready', 'waiting')
            and d.due_at <= now() + make_interval(secs => %(within)s) and d.target = any (%(targets)s::smallint[])
            limit 1) as soon
        where {PAUSED.format(queue="q.queue")} is null)
"""

# The ids are updated as an array: joined, a tenth of all that is due is expected, and the whole table is read for it.
TAKE = f"""
with room as (
    select case when {PAUSED.format(queue="%(queue)s")} then 0
            else greatest(%(window)s::bigint - count(*), 0) end as free,
        ceil(%(window)s::bigint / {SMALL_SHARE}.0) - count(*) filter (where priority >= {SMALL}) as share
    from deliveries where queue = %(queue)s and state = 'queued'
), live as (
    select d.id from deliveries d where queue = %(queue)s and {DUE} and priority < {SMALL}
    order by priority, due_at limit (select free from room) for update skip locked
), others as (
    select d.id from deliveries d where queue = %(queue)s and {DUE} and priority >= {SMALL}
    order by priority, due_at
    limit (select greatest(least(share, free - (select count(*) from live)), 0) from room) for update skip locked
)
update deliveries d set state = 'queued', moved_at = now(), needs = null from installations i
where d.id = any (array(select id from live union all select id from others)) and i.id = d.target
returning d.id, d.step, d.queue, i.system as target
"""
