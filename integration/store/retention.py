"""Retention: what is long finished is removed, in small batches that block nothing; what it removes, it counts.

Only a message all of whose deliveries are done or skipped goes, with its body, deliveries and attempts, and only from a
sealed day.  What is held, dead or open stays, whatever its age, and so do crossrefs, progress and definitions.  Of a
message that is gone its id and the hash of its body remain `seen`, so that a late copy is still a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.store.database import Transaction

BATCH = 500
SEEN_FOR = "400 days"
BUSY_AFTER = "2 seconds"
STUCK_AFTER = "1 hour"


def busy(tx: Transaction) -> bool:
    """Whether the road is behind: an event waits that came in lately.  What waits for longer is not waiting for us."""
    return bool(
        tx.value(
            f"""select exists (
                    select from deliveries where queue = 'ingest' and state in ('ready', 'waiting')
                    and due_at between now() - interval '{STUCK_AFTER}' and now() - interval '{BUSY_AFTER}')"""
        )
    )


def note(tx: Transaction, days: float, after: int = 0) -> list[int]:
    """The next messages with ids beyond ``after`` that ended ``days`` ago, which are `seen` from now on.

    To be committed before they are removed: an event is found either here or there.
    """
    return [row["id"] for row in tx.rows(NOTE, {"days": days, "after": after, "batch": BATCH})]


def remove(tx: Transaction, ids: Sequence[int], days: float) -> int:
    """Removes those of these messages that are still finished and unlocked; returns how many."""
    tx.run("select pg_advisory_xact_lock(hashtext('retention'))")  # two at once would wait for each other's counters
    free = [row["id"] for row in tx.rows(FREE, list(ids))]
    gone = [row["id"] for row in tx.rows(FINISHED, {"ids": free, "days": days})]
    tx.run("delete from attempts where delivery in (select id from deliveries where message = any (%s))", gone)
    tx.run(REMOVE_DELIVERIES, gone)
    tx.run(REMOVE_MESSAGES, gone)
    return len(gone)


def forget_seen(tx: Transaction) -> int:
    """Forgets what was removed so long ago that no copy can come any more."""
    return tx.run(f"delete from seen where seen_at < now() - interval '{SEEN_FOR}'")


# A subquery with a result is asked message by message, and only until the batch is full.
LONG_FINISHED = """(
    select bool_and(d.state in ('done', 'skipped') and d.finished_at is not null
        and d.finished_at < now() - interval '1 day' * %(days)s)
    from deliveries d where d.message = m.id)"""

NOTE = f"""
with old as (
    select m.id, m.source, m.external_id, m.body_hash from messages m
    where m.id > %(after)s and m.received_at < now() - interval '1 day' * %(days)s
    and m.received_at < (select max(day) + 1 from sealed_days) and {LONG_FINISHED}
    order by m.id limit %(batch)s
), noted as (
    insert into seen (source, external_id, body_hash, message) select source, external_id, body_hash, id from old
    on conflict do nothing
)
select id from old order by id"""

FREE = "select id from messages where id = any (%s::bigint[]) order by id for update skip locked"

FINISHED = f"select m.id from messages m where m.id = any (%(ids)s::bigint[]) and {LONG_FINISHED}"

COUNT = """
insert into counters (name, source, day, shard, value)
select '{name}', source, day, 0, count(*) from gone group by source, day
on conflict (name, source, day, shard) do update set value = counters.value + excluded.value"""

REMOVE_DELIVERIES = f"""
with gone as (
    delete from deliveries d using messages m where m.id = d.message and m.id = any (%s::bigint[])
    returning m.source, (d.created_at at time zone 'UTC')::date as day
){COUNT.format(name="deliveries_removed")}"""

REMOVE_MESSAGES = f"""
with gone as (
    delete from messages where id = any (%s::bigint[])
    returning source, (received_at at time zone 'UTC')::date as day
){COUNT.format(name="removed")}"""
