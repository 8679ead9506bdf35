"""The ledger: proof, from independent counts, that everything accepted is accounted for.

One statement, one snapshot.  Accepted messages are counted by the insert itself (`counters`) and must equal what is
present plus what retention removed; every message has a delivery; every done delivery has exactly one success for each
of its effects; nothing queued or running is overdue; and finished days never change.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.store.database import Row, Transaction


@dataclass(frozen=True)
class Imbalance:
    """A broken promise: what is wrong, how many times, and which ids to look at first."""

    rule: str
    count: int
    sample: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """The balance per source, and every imbalance found."""

    sources: tuple[Row, ...]
    imbalances: tuple[Imbalance, ...]

    @property
    def balanced(self) -> bool:
        return not self.imbalances


def balance(tx: Transaction) -> Ledger:
    """Adds everything up.  Each row: source, accepted, removed, present, done, skipped, held, dead, open."""
    tx.run("set transaction isolation level repeatable read")
    sources = tuple(tx.rows(SOURCES))
    imbalances = [
        Imbalance(
            f"{row['source']}: accepted {row['accepted']}, but {row['present']} present and {row['removed']} removed",
            1,
        )
        for row in sources
        if row["accepted"] != row["present"] + row["removed"]
    ]
    imbalances += [
        Imbalance(f"{row['source']}: {row['counted']} deliveries made, but {row['deliveries']} present", 1)
        for row in tx.rows(DELIVERIES)
        if row["counted"] != row["deliveries"]
    ]
    imbalances += [
        Imbalance(rule, row["count"], tuple(row["sample"]))
        for rule, sql in RULES.items()
        if (row := tx.row(f"select count(*), (array_agg(id order by id))[1:5] as sample from ({sql}) as broken"))
        and row["count"]
    ]
    return Ledger(sources, tuple(imbalances))


def seal(tx: Transaction) -> int:
    """Seals every past day whose messages are all closed; returns how many."""
    return tx.run(SEAL)


MESSAGES = """
select m.id, m.source, (m.received_at at time zone 'UTC')::date as day, case
    when bool_or(d.open) then 'open'
    when bool_or(d.state = 'dead') then 'dead'
    when bool_or(d.state = 'held') then 'held'
    when bool_or(d.state = 'done') then 'done'
    when bool_or(d.state = 'skipped') then 'skipped'
    else 'lost' end as state
from messages m left join deliveries d on d.message = m.id group by m.id"""

SOURCES = f"""
with state as ({MESSAGES}),
counted as (
    select source,
        sum(value) filter (where name = 'accepted') as accepted, sum(value) filter (where name = 'removed') as removed,
        sum(value) filter (where name = 'copies') as copies, sum(value) filter (where name = 'conflicts') as conflicts
    from counters group by source
)
select i.name as source, coalesce(c.accepted, 0)::bigint as accepted, coalesce(c.removed, 0)::bigint as removed,
    coalesce(c.copies, 0)::bigint as copies, coalesce(c.conflicts, 0)::bigint as conflicts, count(s.id) as present,
    count(*) filter (where s.state = 'done') as done, count(*) filter (where s.state = 'skipped') as skipped,
    count(*) filter (where s.state = 'held') as held, count(*) filter (where s.state = 'dead') as dead,
    count(*) filter (where s.state = 'open') as open
from installations i left join counted c on c.source = i.id left join state s on s.source = i.id
group by i.id, i.name, c.accepted, c.removed, c.copies, c.conflicts
having count(s.id) > 0 or max(c.accepted) > 0 order by i.id"""

DELIVERIES = """
select i.name as source, coalesce(made.value, 0)::bigint as counted, count(d.id) as deliveries
from installations i join messages m on m.source = i.id join deliveries d on d.message = m.id
left join (select source, sum(value) as value from counters where name = 'deliveries' group by source) made
    on made.source = i.id
group by i.name, made.value"""

RULES = {
    "messages without any delivery": """
        select m.id from messages m where not exists (select from deliveries where message = m.id)""",
    "done deliveries without exactly one success for each effect": """
        select d.id from deliveries d cross join unnest(d.effects) as listed (effect) where d.state = 'done' and 1 <> (
            select count(*) from attempts a where a.delivery = d.id and a.effect = listed.effect and a.round = d.round
            and a.outcome in ('ok', 'found'))""",
    "effects of done deliveries that the delivery does not list": """
        select a.delivery as id from attempts a join deliveries d on d.id = a.delivery
        where d.state = 'done' and a.round = d.round and a.outcome in ('ok', 'found')
        and not a.effect = any (d.effects)""",
    "queued deliveries overdue": """
        select id from deliveries where state = 'queued' and moved_at < now() - interval '3 minutes'""",
    "running deliveries overdue": """
        select id from deliveries where state = 'running' and leased_until < now() - interval '1 minute'""",
    "deliveries stuck behind nothing": """
        select d.id from deliveries d where d.state = 'waiting' and d.due_at = 'infinity'
        and d.created_at < now() - interval '1 minute' and not exists (
            select from deliveries o where o.lane = d.lane and o.open
            and (o.version, o.id) < (d.version, d.id))
        and not exists (
            select from deliveries o where o.lane = d.lane and o.finished_at > now() - interval '1 minute')""",
    "sealed days that changed": f"""
        select extract(epoch from s.day)::bigint as id from sealed_days s left join (
            select source, day, count(*) filter (where state = 'done') as done,
                count(*) filter (where state = 'skipped') as skipped, count(*) as present
            from ({MESSAGES}) as m group by source, day
        ) as now on now.source = s.source and now.day = s.day
        where s.accepted <> coalesce(now.present, 0) + coalesce((
            select sum(value) from counters c
            where c.name = 'removed' and c.source = s.source and c.day = s.day), 0)""",
}

SEAL = f"""
insert into sealed_days (day, source, accepted, done, skipped)
select day, source, count(*), count(*) filter (where state = 'done'), count(*) filter (where state = 'skipped')
from ({MESSAGES}) as m where day < (now() at time zone 'UTC')::date group by day, source
having bool_and(state in ('done', 'skipped')) on conflict do nothing"""
