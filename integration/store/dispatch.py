"""What is due, and what went astray: the questions the dispatcher asks ten times a second.

Every nudge may be lost or doubled without harm, because the truth about what is due stays here.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.store.database import Row, Transaction

LOST_AFTER = "60 seconds"
FRESH = "1 second"
"""What was accepted less than this ago is on its way by the receiver's own nudge."""


def take_due(tx: Transaction, queue: str, window: int, targets: Sequence[int]) -> list[Row]:
    """Marks due deliveries of a queue as queued, as many as its window still admits; live ones come first.

    Only what is for one of ``targets``, the configured installations, is taken.  Rows are
    ``{id, step, queue, target}``.  Any number of dispatchers may ask at once.
    """
    return tx.rows(
        """with room as (
               select greatest(%(window)s - count(*), 0) as free from deliveries
               where queue = %(queue)s and state = 'queued'
           ), due as (
               select d.id from deliveries d
               where queue = %(queue)s and state in ('ready', 'waiting') and due_at <= now()
               and target = any (%(targets)s::smallint[])
               and (attempts > 0 or step <> 'transform' or created_at < now() - %(fresh)s::interval)
               and not exists (
                   select from installations i where i.id = d.target and i.paused_at is not null and d.queue = i.kind)
               order by priority, due_at limit (select free from room) for update skip locked
           )
           update deliveries d set state = 'queued', moved_at = now(), needs = null
           from due, installations i where d.id = due.id and i.id = d.target
           returning d.id, d.step, d.queue, i.kind as target""",
        {"queue": queue, "window": window, "fresh": FRESH, "targets": list(targets)},
    )


def redrive(tx: Transaction) -> int:
    """Returns expired leases and lost nudges to the ready; how many."""
    expired = tx.run(
        """update deliveries set state = 'ready', due_at = now(), lease = null where id in (
               select id from deliveries where state = 'running' and leased_until < now() for update skip locked)"""
    )
    lost = tx.run(
        """update deliveries set state = 'ready', due_at = now() where id in (
               select id from deliveries where state = 'queued' and moved_at < now() - %s::interval
               for update skip locked)""",
        LOST_AFTER,
    )
    return expired + lost


def requeue_all(tx: Transaction) -> int:
    """Redis has lost everything: every nudge is void, everything queued is ready again."""
    return tx.run("update deliveries set state = 'ready', due_at = now() where state = 'queued'")


def wake_missed(tx: Transaction) -> int:
    """Makes the heads due that nobody woke: an insert and the end of its lane's head can miss each other."""
    return tx.run(
        """update deliveries set state = 'ready', due_at = now() where id in (
               select distinct on (d.lane) d.id from deliveries d
               where d.state = 'waiting' and d.due_at = 'infinity' and d.needs is null
               and not exists (select from deliveries other where other.lane = d.lane
                   and other.open and (other.state = 'running' or (other.version, other.id) < (d.version, d.id)))
               order by d.lane, d.version, d.id)"""
    )
