"""The ledger: proof, from independent counts, that everything accepted is accounted for.

All in one snapshot.  Accepted messages are counted by the insert itself (`counters`) and must equal what is present
plus what retention removed, and so must deliveries; every message has a delivery; every done delivery has exactly one
success for each of its effects; nothing queued or running is overdue; and finished days never change.

A day that is over and adds up is *sealed*.  Each minute only what came after the sealed days is added up, and of these
what is not finished, so that the cost does not grow with the years.  A row that somebody deletes from a sealed day is
found when all of it is added up again: once a day, or when asked (``full``).
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.store.database import Row, Transaction

PROVEN_FOR = "1 day"
SETTLED_AFTER = "1 hour"
"""So long after midnight no transaction that began before it is still open."""
LONGEST = "20min"
"""For one statement that adds up everything."""


@dataclass(frozen=True)
class Imbalance:
    """A broken promise: what is wrong, how many times, and which ids (or days, as 20261121) to look at first."""

    rule: str
    count: int
    sample: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """The balance per source, and every imbalance found.  ``days`` is what a full one found of each day."""

    sources: tuple[Row, ...]
    imbalances: tuple[Imbalance, ...]
    days: tuple[Row, ...] = ()

    @property
    def balanced(self) -> bool:
        return not self.imbalances


def balance(tx: Transaction, *, full: bool = False) -> Ledger:
    """Adds everything up.  Each row: source, accepted, removed, present, done, skipped, held, dead, open.

    Sealed days are taken as they were sealed, unless ``full``.  Then done and skipped are exact in their sum only:
    which is which of a message that a person dealt with since is known after the next full one.
    """
    tx.run("set transaction isolation level repeatable read")
    tx.plan_anew()  # a plan for any day is one for all of them
    start = EVERYTHING if full else _start(tx)
    if full:
        tx.run(f"set local statement_timeout = '{LONGEST}'")
    sources = tuple(tx.rows(SOURCES, start))
    days = tuple(tx.rows(DAYS, start)) if full else ()
    imbalances = [*_miscounted(sources), *_broken(tx, start), *(_changed(days) if full else _known_to_have_changed(tx))]
    return Ledger(sources, tuple(imbalances), days)


def rounding_carried(tx: Transaction) -> list[Row]:
    """Rows ``{target, currency, orders, rounding}``: what rounding lines carry now of the orders' totals, summed."""
    return tx.rows(
        """select i.name as target, p.body ->> 'currency' as currency, count(*) as orders,
               sum((p.body ->> 'rounding')::numeric) as rounding
           from progress p join installations i on i.id = p.installation
           where p.entity = 'order' and p.body ? 'rounding' group by 1, 2 order by 1, 2"""
    )


def proof_is_due(tx: Transaction) -> bool:
    """Whether the sealed days have to be added up again."""
    return bool(tx.value(f"select min(checked_at) < now() - interval '{PROVEN_FOR}' from sealed_days"))


def note(tx: Transaction, ledger: Ledger) -> None:
    """Writes down what a full balance has found of the sealed days."""
    names = ("day", "source", "done", "skipped", "sound")
    tx.run(
        """update sealed_days s set done = f.done, skipped = f.skipped, sound = f.sound, checked_at = now()
           from unnest(%(day)s::date[], %(source)s::smallint[], %(done)s::bigint[], %(skipped)s::bigint[],
               %(sound)s::boolean[]) as f (day, source, done, skipped, sound)
           where s.day = f.day and s.source = f.source""",
        {name: [row[name] for row in ledger.days] for name in names},
    )


def seal(tx: Transaction) -> int:
    """Seals the days that are over, up to the first that does not add up; returns how many rows."""
    tx.plan_anew()
    return tx.run(SEAL, _start(tx))


def _start(tx: Transaction) -> Row:
    """Where the sealed days end: the ``since`` of what is to be added up, and the ``delivery`` to begin at."""
    row = tx.row(START)
    assert row
    return row


def _miscounted(sources: tuple[Row, ...]) -> list[Imbalance]:
    messages = [
        f"{row['source']}: accepted {row['accepted']}, but {row['present']} present and {row['removed']} removed"
        for row in sources
        if row["accepted"] != row["present"] + row["removed"]
    ]
    deliveries = [
        f"{row['source']}: {row['made']} deliveries made, but {row['deliveries']} present"
        for row in sources
        if row["made"] != row["deliveries"]
    ]
    return [Imbalance(rule, 1) for rule in messages + deliveries]


def _broken(tx: Transaction, start: Row) -> list[Imbalance]:
    """What breaks one of the `RULES`."""
    counted = {
        rule: tx.rows(
            f"select count(*), (array_agg(id order by id))[1:5] as sample from ({sql}) as broken",
            *([start] if "%(" in sql else []),
        )[0]
        for rule, sql in RULES.items()
    }
    return [Imbalance(rule, row["count"], tuple(row["sample"])) for rule, row in counted.items() if row["count"]]


def _changed(days: tuple[Row, ...]) -> list[Imbalance]:
    changed = sorted({int(f"{row['day']:%Y%m%d}") for row in days if row["sealed"] and not row["sound"]})
    return [Imbalance(CHANGED, len(changed), tuple(changed[:5]))] if changed else []


def _known_to_have_changed(tx: Transaction) -> list[Imbalance]:
    return _changed(tuple(tx.rows("select day, true as sealed, sound from sealed_days where not sound")))


CHANGED = "sealed days that changed"

EVERYTHING: Row = {"since": "-infinity", "delivery": 0}

# Ids are handed out before their transaction commits, so those of two days overlap a little at midnight.
START = """
select coalesce((select max(day) + 1 from sealed_days), '-infinity')::text as since, greatest(coalesce((
    select first_delivery from sealed_days where first_delivery is not null
    order by day desc, first_delivery limit 1), 0) - 10000, 0) as delivery"""

MESSAGES = """
select m.id, m.source, (m.received_at at time zone 'UTC')::date as day, case
    when bool_or(d.open) then 'open'
    when bool_or(d.state = 'dead') then 'dead'
    when bool_or(d.state = 'held') then 'held'
    when bool_or(d.state = 'done') then 'done'
    when bool_or(d.state = 'skipped') then 'skipped'
    else 'lost' end as state
from installations i join messages m on m.source = i.id and m.received_at >= %(since)s::date
left join deliveries d on d.message = m.id group by m.id"""

UNFINISHED = """
select m.id, m.source, case
    when bool_or(d.state = 'open') then 'open' when bool_or(d.state = 'dead') then 'dead' else 'held' end as state
from (select message, 'open' as state from deliveries where open
      union all select message, state from deliveries where state in ('held', 'dead')) as d
join messages m on m.id = d.message where m.received_at < %(since)s::date group by m.id"""

COUNTED = """
select source, day,
    coalesce(sum(value) filter (where name = 'accepted'), 0)::bigint as accepted,
    coalesce(sum(value) filter (where name = 'deliveries'), 0)::bigint as made,
    coalesce(sum(value) filter (where name = 'removed'), 0)::bigint as removed,
    coalesce(sum(value) filter (where name = 'deliveries_removed'), 0)::bigint as unmade
from counters where day >= %(since)s::date group by source, day"""

MADE = """
select m.source, (d.created_at at time zone 'UTC')::date as day, count(*) as count, min(d.id) as first
from deliveries d join messages m on m.id = d.message
where d.id >= %(delivery)s and d.created_at >= %(since)s::date group by 1, 2"""

# Of sealed days: what was accepted, less what was removed, less what is open, held or dead now, is finished.
SOURCES = f"""
with counted as (select source, sum(accepted)::bigint as accepted, sum(made - unmade)::bigint as made
    from ({COUNTED}) as c group by source
), made as (select source, sum(count)::bigint as count from ({MADE}) as m group by source
), totals as (
    select source, coalesce(sum(value) filter (where name = 'removed'), 0)::bigint as removed,
        coalesce(sum(value) filter (where name = 'removed' and day < %(since)s::date), 0)::bigint as removed_of_sealed,
        coalesce(sum(value) filter (where name = 'copies'), 0)::bigint as copies,
        coalesce(sum(value) filter (where name = 'conflicts'), 0)::bigint as conflicts
    from counters where name in ('removed', 'copies', 'conflicts') group by source
), unfinished as ({UNFINISHED}
), sealed as (
    select source, sum(accepted)::bigint as accepted, sum(skipped)::bigint as skipped
    from sealed_days where day < %(since)s::date group by source
), finished as (
    select s.source, s.skipped, s.accepted - coalesce(t.removed_of_sealed, 0)
        - (select count(*) from unfinished u where u.source = s.source) as count
    from sealed s left join totals t using (source)
), part as (
    select source, state, count(*) from ({MESSAGES}) as m group by source, state
    union all select source, state, count(*) from unfinished group by source, state
    union all select source, 'skipped', least(skipped, count) from finished
    union all select source, 'done', count - least(skipped, count) from finished
), present as (
    select source, sum(count)::bigint as all, coalesce(sum(count) filter (where state = 'done'), 0)::bigint as done,
        coalesce(sum(count) filter (where state = 'skipped'), 0)::bigint as skipped,
        coalesce(sum(count) filter (where state = 'held'), 0)::bigint as held,
        coalesce(sum(count) filter (where state = 'dead'), 0)::bigint as dead,
        coalesce(sum(count) filter (where state = 'open'), 0)::bigint as open
    from part group by source
)
select i.name as source, coalesce(s.accepted, 0) + coalesce(c.accepted, 0) as accepted,
    coalesce(t.removed, 0) as removed, coalesce(t.copies, 0) as copies, coalesce(t.conflicts, 0) as conflicts,
    coalesce(p.all, 0) as present, coalesce(p.done, 0) as done, coalesce(p.skipped, 0) as skipped,
    coalesce(p.held, 0) as held, coalesce(p.dead, 0) as dead, coalesce(p.open, 0) as open,
    coalesce(c.made, 0) as made, coalesce(m.count, 0) as deliveries
from installations i left join counted c on c.source = i.id left join made m on m.source = i.id
left join totals t on t.source = i.id left join sealed s on s.source = i.id left join present p on p.source = i.id
where coalesce(p.all, 0) > 0 or coalesce(s.accepted, 0) + coalesce(c.accepted, 0) > 0 order by i.id"""

DAYS = f"""
with counted as ({COUNTED}), made as ({MADE}), here as (
    select source, day, count(*) as count, count(*) filter (where state = 'done') as done,
        count(*) filter (where state = 'skipped') as skipped
    from ({MESSAGES}) as m group by source, day
)
select day, source, coalesce(c.accepted, 0) as accepted, coalesce(c.made, 0) as made, coalesce(h.done, 0) as done,
    coalesce(h.skipped, 0) as skipped, m.first, s.accepted is not null as sealed,
    coalesce(c.accepted, 0) = coalesce(h.count, 0) + coalesce(c.removed, 0)
    and coalesce(c.made, 0) = coalesce(m.count, 0) + coalesce(c.unmade, 0)
    and coalesce(s.accepted = c.accepted and s.deliveries = c.made, s.accepted is null) as sound
from counted c full join here h using (source, day) full join made m using (source, day)
full join (select * from sealed_days where day >= %(since)s::date) as s using (source, day)"""

SEAL = f"""
with days as (
    select * from ({DAYS}) as d where day < (now() at time zone 'UTC' - interval '{SETTLED_AFTER}')::date
)
insert into sealed_days (day, source, accepted, done, skipped, deliveries, first_delivery)
select day, source, accepted, done, skipped, made, first from days
where day < coalesce((select min(day) from days where not sound), 'infinity') on conflict do nothing"""

RULES = {
    "messages without any delivery": """
        select m.id from installations i join messages m on m.source = i.id and m.received_at >= %(since)s::date
        where not exists (select from deliveries where message = m.id)""",
    "done deliveries without exactly one success for each effect": """
        select d.id from deliveries d cross join unnest(d.effects) as listed (effect)
        where d.state = 'done' and d.id >= %(delivery)s and d.created_at >= %(since)s::date and 1 <> (
            select count(*) from attempts a where a.delivery = d.id and a.effect = listed.effect and a.round = d.round
            and a.outcome in ('ok', 'found'))""",
    "effects of done deliveries that the delivery does not list": """
        select a.delivery as id from attempts a join deliveries d on d.id = a.delivery
        where d.state = 'done' and d.id >= %(delivery)s and d.created_at >= %(since)s::date
        and a.round = d.round and a.outcome in ('ok', 'found') and not a.effect = any (d.effects)""",
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
}
