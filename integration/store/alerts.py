"""Alerts as they are remembered, and the notices of them that are still to be sent.

An alert is raised when its condition is first seen and ends when it was not seen for a minute, so that what comes and
goes is one alert.  That it is reported, and its notice, are written in one transaction: a notice is sent at
least once, however often the process dies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from integration.alerts import KINDS, Alert, Condition, Notice
from integration.store.database import Row, Transaction

LOCK = 7_116_003  # any number that is not used elsewhere
CALM = "1 minute"
GATHERED = "10 seconds"
ATTENDED = "30 seconds"
REMINDED = "24 hours"
MOST_AT_ONCE = 20
FIRST_WAIT = 30.0
LONGEST_WAIT = 900.0


@dataclass(frozen=True)
class Waiting:
    """A notice that a channel has not taken yet."""

    id: int
    tries: int
    notice: Notice


@contextmanager
def exclusive(tx: Transaction) -> Iterator[bool]:
    """Whether this process alone may watch, for the length of the block.

    ``tx`` is one that commits by itself: the lock belongs to its connection, and goes with it.
    """
    ours = bool(tx.value("select pg_try_advisory_lock(%s)", LOCK))
    try:
        yield ours
    finally:
        if ours:
            tx.run("select pg_advisory_unlock(%s)", LOCK)


def heartbeat(tx: Transaction) -> None:
    """Notes that the watch runs, or will from now on."""
    tx.run("update watch set asked_at = now()")


def has_heartbeat(tx: Transaction) -> bool:
    """Whether the watch has run lately."""
    return bool(tx.value(f"select asked_at > now() - interval '{ATTENDED}' from watch"))


def observe(tx: Transaction, kinds: Collection[str], conditions: Sequence[Condition]) -> tuple[list[Row], list[Row]]:
    """Writes down what is wrong now, of these kinds; returns the alerts it raised and those it ended."""
    rows = [tx.row(SEE, asdict(condition)) for condition in conditions]
    over = tx.rows(
        f"""update alerts set ended_at = now()
            where ended_at is null and kind = any (%s::text[]) and seen_at < now() - interval '{CALM}'
            returning kind, about, since""",
        list(kinds),
    )
    return [row for row in rows if row and row["fresh"]], over


def unreported(tx: Transaction, repeat: float) -> list[Alert]:
    """The alerts that are to be reported now, oldest first.

    That is: a new one (at once, or when those that come in many are gathered; not urgent ones no sooner than
    ``repeat`` seconds after the last of their kind and subject was reported); one that rose to a higher level; one that
    grew, after ``repeat`` seconds; any, after a day; and the end of what was reported.
    """
    gathering = [kind.name for kind in KINDS.values() if kind.gathers]
    urgent = [kind.name for kind in KINDS.values() if kind.urgent]
    rows = tx.rows(UNREPORTED, {"repeat": repeat, "gathering": gathering, "urgent": urgent})
    return [Alert(**row) for row in rows]


def report(tx: Transaction, alerts: Sequence[Alert], notice: Notice, channels: Sequence[str]) -> None:
    """Notes that these alerts are reported, and leaves the notice for each channel."""
    tx.run(
        """update alerts set reported_at = now(), reported_level = greatest(reported_level, level),
               reported_count = count, reported_end = ended_at is not null where id = any (%s::bigint[])""",
        [alert.id for alert in alerts],
    )
    tx.run(
        """insert into notices (channel, title, body, over)
           select channel, %(title)s, %(body)s, %(resolved)s from unnest(%(channels)s::text[]) as channel""",
        {**asdict(notice), "channels": list(channels)},
    )


def unsent(tx: Transaction, channel: str) -> list[Waiting]:
    """What a channel is to be sent now, oldest first; with a notice that is due goes everything before and after."""
    rows = tx.rows(
        f"""select id, tries, title, body, over from notices where channel = %(channel)s and sent_at is null
            and exists (select from notices where channel = %(channel)s and sent_at is null and due_at <= now())
            order by id limit {MOST_AT_ONCE}""",
        {"channel": channel},
    )
    return [Waiting(row["id"], row["tries"], Notice(row["title"], row["body"], row["over"])) for row in rows]


def taken(tx: Transaction, notices: Sequence[Waiting]) -> None:
    """The channel took them."""
    tx.run("update notices set sent_at = now() where id = any (%s::bigint[])", [each.id for each in notices])


def refused(tx: Transaction, notices: Sequence[Waiting], reason: str) -> float:
    """The channel did not take them: again after a pause that doubles, returned in seconds."""
    after = float(min(FIRST_WAIT * 2 ** min(max(each.tries for each in notices), 10), LONGEST_WAIT))
    tx.run(
        """update notices set tries = tries + 1, reason = %s, due_at = now() + make_interval(secs => %s)
           where id = any (%s::bigint[])""",
        reason,
        after,
        [each.id for each in notices],
    )
    return after


def all_alerts(tx: Transaction, *, over: bool, limit: int) -> list[Row]:
    """The open alerts, and the resolved ones if they are asked for; newest first."""
    return tx.rows(
        """select id, kind, about, level, count, since, seen_at, ended_at, reported_at, says, fix from alerts
           where ended_at is null or %s order by ended_at desc nulls first, id desc limit %s""",
        over,
        limit,
    )


def stuck(tx: Transaction) -> list[Row]:
    """Rows ``{channel, notices, since, reason}``: the channels that did not take what they were sent."""
    return tx.rows(
        """select split_part(channel, ' ', 1) as channel, count(*) as notices, min(made_at) as since,
               (array_agg(reason order by id))[1] as reason
           from notices where sent_at is null and tries > 0 group by channel order by channel"""
    )


def forget(tx: Transaction) -> None:
    """Forgets what ended three months ago, and notices after a week, sent or not."""
    tx.run("delete from alerts where ended_at < now() - interval '90 days'")
    tx.run("delete from notices where made_at < now() - interval '7 days'")


SEE = """
insert into alerts (kind, about, level, count, since, says, fix)
values (%(kind)s, %(about)s, %(level)s, %(count)s, coalesce(%(since)s, now()), %(says)s, %(fix)s)
on conflict (kind, about) where ended_at is null do update set
    level = excluded.level, count = excluded.count, since = least(alerts.since, excluded.since), says = excluded.says,
    fix = excluded.fix, seen_at = now(), reported_count = least(alerts.reported_count, excluded.count)
returning kind, about, count, says, xmax = 0 as fresh
"""

UNREPORTED = f"""
select id, kind, about, count, says, fix, since, ended_at from alerts a
where ended_at is null and case
    when reported_at is null then
        (kind <> all (%(gathering)s::text[]) or raised_at <= now() - interval '{GATHERED}')
        and (kind = any (%(urgent)s::text[]) or not exists (
            select from alerts before where before.kind = a.kind and before.about = a.about
            and before.reported_at > now() - make_interval(secs => %(repeat)s)))
    when level > reported_level then true
    when count > reported_count then reported_at < now() - make_interval(secs => %(repeat)s)
    else reported_at < now() - interval '{REMINDED}' end
or ended_at is not null and reported_at is not null and not reported_end
order by id
"""
