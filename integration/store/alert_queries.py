"""What may be wrong now, as the rows of the road show it.  Read-only; asked every few seconds.

``targets`` are the configured installations: of others only deliveries that wait for a person are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from integration.alerts import FLEET
from integration.refusals import OFTEN, REFUSALS
from integration.signature import Flaw
from integration.store.database import Row, Transaction

UNATTENDED = "1 minute"
"""Longer than a dispatcher waits before it takes the watch over, and than beat takes to start."""
NEEDED_FOR = "1 hour"
UNREAD_FOR = "10 minutes"
"""A poll may fail; for so long a stream must not have been read to its end."""
FAILED_POLLS = 3
RECENT = "1 hour"
"""So long ago a webhook counts that could not be taken."""
LATELY = "10 minutes"
REFUSED_SINCE_ACCEPTED = 3
WELL_KNOWN = 20
"""From so many messages on it is known how often a source is usually heard."""
QUIET = "1 hour"
"""No silence that is shorter means anything."""
REPEATED, REPEATS = 100, 10
"""A source floods the inbox with so many messages in ten minutes, or more, and so many for each object of them."""
SURGE = 1000
"""A source floods the inbox with so many messages in an hour, if that is also more than on any day before."""


def overdue_watch(tx: Transaction) -> datetime | None:
    """Time of the last watch heartbeat if it is overdue; None while a Redis alert is open."""
    since: datetime | None = tx.value(
        f"""select asked_at from watch where asked_at < now() - interval '{UNATTENDED}'
            and not exists (select from alerts where kind = 'redis' and ended_at is null)"""
    )
    return since


def paused(tx: Transaction, targets: Sequence[int], by: str) -> list[Row]:
    """Rows ``{about, since, who, reason, hint, count}``: what "fleet", "operator" or "deaths" paused; what waits."""
    return tx.rows(
        """select i.name as about, i.paused_at as since, i.paused_user as who, i.pause_reason as reason,
               i.pause_hint as hint, (select count(*) from deliveries d where d.target = i.id and d.open) as count
           from installations i where i.paused_by = %s and i.id = any (%s::smallint[]) order by i.id""",
        by,
        list(targets),
    )


def shelved(tx: Transaction, state: str) -> list[Row]:
    """Rows ``{about, fingerprint, count, since, first, reason, hint}`` of what is held or dead, the most first.

    ``first`` are the lowest ids, ``reason`` and ``hint`` those of the very first.
    """
    return tx.rows(
        """select coalesce(i.name, '-') as about, d.fingerprint, count(*), min(d.finished_at) as since,
               (array_agg(d.id order by d.id))[1:5] as first, (array_agg(d.reason order by d.id))[1] as reason,
               (array_agg(d.hint order by d.id))[1] as hint
           from deliveries d left join installations i on i.id = d.target
           where d.state = %s group by 1, 2 order by count(*) desc, min(d.id)""",
        state,
    )


def needing(tx: Transaction, targets: Sequence[int]) -> list[Row]:
    """Rows ``{about, count, since, first, reasons}``: deliveries that have waited too long for another object."""
    return tx.rows(
        f"""select i.name as about, count(*), min(d.created_at) as since, (array_agg(d.id order by d.id))[1:5] as first,
               (array_agg(d.reason order by d.id))[1:5] as reasons
           from deliveries d join installations i on i.id = d.target
           where d.state = 'waiting' and d.needs is not null and d.created_at < now() - interval '{NEEDED_FOR}'
           and d.target = any (%s::smallint[]) group by i.name""",
        list(targets),
    )


def overdue(tx: Transaction, targets: Sequence[int], seconds: float) -> list[Row]:
    """Rows ``{about, count, since}``: queues whose oldest due delivery has waited longer than so many seconds.

    What was nudged and never taken is among them: its workers may be dead.  What is due at a paused target waits for
    that, not in its queue.
    """
    return tx.rows(
        """select d.queue as about, count(*), min(d.due_at) as since from (
               select queue, target, due_at from deliveries where state in ('ready', 'waiting') and due_at <= now()
               union all select queue, target, due_at from deliveries where state = 'queued') d
           where d.target = any (%(targets)s::smallint[])
           and not exists (select from installations i
               where i.system = d.queue and i.paused_at is not null and i.id = any (%(targets)s::smallint[]))
           group by d.queue having min(d.due_at) < now() - make_interval(secs => %(seconds)s)""",
        {"targets": list(targets), "seconds": seconds},
    )


def failing_polls(tx: Transaction, targets: Sequence[int]) -> list[Row]:
    """Rows ``{about, system, stream, count, since, reason, hint}``: streams that could not be read for some time.

    Wrong credentials and missing rights are not waited for.  ``since`` is when it was last read to its end.
    """
    return tx.rows(
        f"""select i.name as about, i.system, c.stream, c.failures as count, coalesce(c.polled_at, i.since) as since,
               c.reason, c.hint
           from cursors c join installations i on i.id = c.installation
           where i.paused_at is null and i.id = any (%s::smallint[]) and (c.failures > 0 and c.code = 'misconfigured'
               or c.failures >= {FAILED_POLLS}
               and coalesce(c.polled_at, i.since) < now() - interval '{UNREAD_FOR}')
           order by i.id, c.stream""",
        list(targets),
    )


def silent(tx: Transaction, targets: Sequence[int]) -> list[Row]:
    """Rows ``{about, since, usual}``: sources of webhooks that have been silent for longer than they ever are.

    That is four times as long as 95 of 100 gaps between their last messages (``usual``, seconds), at least an hour.
    A source that is silent at night or at weekends is not reported: it must have sent something at this time of day a
    week ago, or yesterday if it has not been known for a week.
    """
    return tx.rows(SILENT, list(targets))


def flooding(tx: Transaction, targets: Sequence[int]) -> list[Row]:
    """Rows ``{about, count, objects, usual, since}``: sources that bring far more messages than they should.

    Either the same few ``objects`` come again and again (``usual`` is None), or an hour brings ``count`` messages, more
    than the ``usual`` of the busiest day before (``objects`` is None).  An idle source brings none.
    """
    return tx.rows(FLOODING, list(targets), list(targets))


def ended(tx: Transaction, targets: Sequence[int]) -> list[Row]:
    """Rows ``{about, ended, failed, since}``: how many deliveries of the last day ended, and how many of them badly."""
    return tx.rows(
        """select i.name as about, count(*) as ended, count(*) filter (where d.state in ('held', 'dead')) as failed,
               min(d.finished_at) filter (where d.state in ('held', 'dead')) as since
           from deliveries d join installations i on i.id = d.target
           where d.finished_at > now() - interval '24 hours' and d.target = any (%s::smallint[]) group by i.name""",
        list(targets),
    )


def refused(tx: Transaction) -> list[Row]:
    """Rows ``{about, reason, count, since, newest}`` of the last hour, of sources whose webhooks are refused too often.

    Either as many within ten minutes as `Refusal.often` says; or three since a webhook of this source was last
    accepted, its repeats included.  Unsigned requests and those that name no source count only for the first rule, as
    scanners cause them.  An alert ends ten minutes after the last refusal, or after an hour if none is accepted.
    """
    counted = {reason: each.often for reason, each in REFUSALS.items() if each.often}
    of_shops = [reason for reason, often in counted.items() if often <= OFTEN and reason != Flaw.UNSIGNED]
    return tx.rows(REFUSED, {"reasons": [*counted], "often": [*counted.values()], "of_shops": of_shops})


def rejected(tx: Transaction) -> list[Row]:
    """Rows ``{about, count, since, reasons}``: webhooks that were signed correctly and could not be read."""
    return tx.rows(
        f"""select i.name as about, count(*), min(r.received_at) as since,
               (array_agg(distinct r.reason))[1:5] as reasons
           from rejected r join installations i on i.id = r.source
           where r.received_at > now() - interval '{RECENT}' group by i.name"""
    )


def conflicting(tx: Transaction) -> list[Row]:
    """Rows ``{about, count, since, first}``: events that came again with another body; ``first`` are message ids."""
    return tx.rows(
        f"""select i.name as about, count(*), min(c.last_at) as since,
               (array_agg(distinct m.id))[1:5] as first
           from conflicts c join messages m on m.id = c.message join installations i on i.id = m.source
           where c.last_at > now() - interval '{RECENT}' group by i.name"""
    )


REFUSED = f"""
with recent as (
    select r.source, r.reason, r.minute, r.count, counted.often
    from refusals r join unnest(%(reasons)s::text[], %(often)s::int[]) as counted (reason, often) using (reason)
    where r.minute > now() - interval '{RECENT}'
), alarming as (
    select source from recent cross join lateral (
        select coalesce(max(received_at), '-infinity') as at from messages where source = recent.source) accepted
    group by source
    having sum(count::numeric / often) filter (where minute > now() - interval '{LATELY}') >= 1
        or source is not null and sum(count) filter (
            where minute > accepted.at and reason = any (%(of_shops)s::text[])) >= {REFUSED_SINCE_ACCEPTED}
)
select coalesce(i.name, '{FLEET}') as about, r.reason, sum(r.count)::bigint as count, min(r.minute) as since,
    max(r.minute) as newest
from recent r join alarming a on a.source is not distinct from r.source left join installations i on i.id = r.source
group by 1, 2 order by 1, newest desc, count desc, 2
"""

SILENT = f"""
with heard as (
    select m.source, m.received_at as at, m.received_at - lag(m.received_at) over (
        partition by m.source order by m.received_at) as gap
    from installations i cross join lateral (
        select source, received_at from messages where source = i.id order by received_at desc limit 200) m
    where i.id = any (%s::smallint[]) and not exists (select from cursors where installation = i.id)
), habit as (
    select source, max(at) as last, percentile_cont(0.95) within group (order by gap) as usual
    from heard group by source having count(*) >= {WELL_KNOWN}
), quiet as (
    select source, last, usual, now() - greatest(4 * usual, interval '{QUIET}') as start from habit
), compared as (
    select *, case when first <= start - interval '7 days' then interval '7 days'
        when first <= start - interval '1 day' then interval '1 day' end as back
    from quiet cross join lateral (
        select received_at as first from messages where source = quiet.source order by received_at limit 1) oldest
    where last < start
)
select i.name as about, c.last as since, extract(epoch from c.usual)::float as usual
from compared c join installations i on i.id = c.source
where c.back is null or exists (
    select from messages m where m.source = c.source and m.received_at between c.start - c.back and now() - c.back)
order by i.id
"""

FLOODING = f"""
with repeating as (
    select i.id, i.name as about, m.count, m.objects, null::bigint as usual, m.since
    from installations i cross join lateral (
        select count(*) as count, count(distinct (type, object_id)) as objects, min(received_at) as since from (
            select type, object_id, received_at from messages
            where source = i.id and received_at > now() - interval '{LATELY}'
            order by received_at desc limit 10000) as newest) as m
    where i.id = any (%s::smallint[]) and m.count >= {REPEATED} and m.count >= {REPEATS} * m.objects
), busiest as (
    select source, max(value) as usual from (
        select source, day, sum(value)::bigint as value from counters
        where name = 'accepted' and day < current_date and source = any (%s::smallint[]) group by source, day) as days
    group by source
)
select about, count, objects, usual, since from repeating
union all
select i.name, m.count, null, b.usual, m.since
from busiest b join installations i on i.id = b.source cross join lateral (
    select count(*) as count, min(received_at) as since from messages
    where source = i.id and received_at > now() - interval '{RECENT}') as m
where m.count > greatest(b.usual, {SURGE}) and not exists (select from repeating r where r.id = i.id)
"""
