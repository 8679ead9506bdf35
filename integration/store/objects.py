"""Objects: an order or a customer as one row, over all its messages, deliveries and parts.

An object is an entity and our id.  Its *parts* are the objects that belong to it, as a shipment does to its order.
Every question begins with an index on what is asked for, on what is not finished, or on the objects of one kind from
the newest on, so that what is long finished costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from integration.store.conditions import LAST, Selected, on_objects
from integration.store.database import Row, Transaction
from integration.store.views import COLUMNS

FEW = {"states", "ids", "code", "fingerprint", "number", "object", "email_key"}
"""What few deliveries have, and an index finds."""
FINISHED = {"done", "skipped"}
ALWAYS: Row = {"since": "-infinity", "until": "infinity"}
OVERLAP = 10_000


@dataclass(frozen=True)
class Kind:
    """The objects of an entity with those of its ``parts``."""

    entity: str
    parts: tuple[str, ...] = ()

    def values(self) -> Row:
        return {"of": self.entity, "kinds": [self.entity, *self.parts]}


def newest(tx: Transaction, kind: Kind, chosen: Selected, limit: int, before: int = LAST) -> list[Row]:
    """Objects, the last one to appear first: rows ``{key, object, received}``; those ``before`` a key.

    Key and time are those of its first event.  One is meant if one delivery of it, or of a part, has all that is given;
    ``since`` and ``until`` are about its first event.
    """
    given = chosen.given()
    where, values = on_objects(chosen)
    found = FEW & given.keys() and not FINISHED & set(given.get("states", ()))
    sql = AMONG_FEW if found else FROM_THE_NEWEST
    one = ONE_HAS.format(where) if values else "true"
    times = {"since": given.get("since", "-infinity"), "until": given.get("until", "infinity")}
    asked = {**values, **kind.values(), **times, **_ids_of(tx, times), "limit": limit, "before": before}
    return tx.rows(sql.format(where=where, one_has=one), asked)


def _ids_of(tx: Transaction, times: Row) -> Row:
    """Between which ids, ``{low, high}``, all messages of a time are: a walk over it begins and ends there.

    Ids are handed out before their transactions commit, so those of two moments overlap a little.
    """
    row = tx.row(IDS_OF, {**times, "overlap": OVERLAP, "last": LAST}) if times != ALWAYS else None
    return row or {"low": 0, "high": LAST}


def belonging(tx: Transaction, kind: Kind, objects: Sequence[str]) -> list[Row]:
    """Every delivery of these objects and of their parts, with its message, in the order in which they were made.

    ``whole`` is the object; ``document`` is sealed, and there only for a status push that is done.
    """
    return tx.rows(BELONGING, {**kind.values(), "objects": list(objects)})


def there(tx: Transaction, kind: Kind, objects: Sequence[str]) -> list[Row]:
    """What these objects are at other systems: rows ``{object, target, system, number, theirs}``."""
    return tx.rows(
        """select x.our_id as object, i.name as target, i.system, x.number, x.their_id as theirs
           from installations i join crossrefs x on x.installation = i.id and x.entity = %(of)s
           and x.our_id = any (%(objects)s::text[]) where x.their_id is not null order by i.id""",
        {**kind.values(), "objects": list(objects)},
    )


def found(
    tx: Transaction, texts: Sequence[str], tracking: str, email_key: str | None, entities: Sequence[str]
) -> list[Row]:
    """What has one of these texts as its number or id, in any system, or this key as that of its e-mail address.

    A shipment is found by a number of its carrier, too: ``tracking``, as `tracking_key` writes it.  Rows are ``{entity,
    object, part_of, matched}``, one for each object.
    """
    asked = {"texts": list(texts), "tracking": tracking, "email_key": email_key, "entities": list(entities)}
    return tx.rows(FOUND, asked)


def heads(tx: Transaction, lanes: Sequence[str]) -> dict[str, int]:
    """The delivery that goes next in each of these lanes."""
    rows = tx.rows(
        """select lane, (select d.id from deliveries d where d.lane = asked.lane and d.open
               order by d.version, d.id limit 1) as id from unnest(%s::text[]) as asked (lane)""",
        list(lanes),
    )
    return {row["lane"]: row["id"] for row in rows if row["id"]}


def waiting_for_a_person(tx: Transaction, kind: Kind) -> list[Row]:
    """Rows ``{state, currency, count, value, since}`` of what is held or dead: how many objects, and their worth.

    One of which something is held counts there; without a known value it has no currency.
    """
    return tx.rows(WAITING, kind.values())


def received(tx: Transaction, kind: Kind, since: datetime) -> Row:
    """How far those objects are whose first event came ``since``: ``{received, one, several, open, waiting, nowhere}``.

    ``one`` and ``several`` are done at so many targets, ``open`` on their way, ``waiting`` for a person.
    """
    row = tx.row(RECEIVED, {**kind.values(), "since": since})
    assert row
    return row


# Subqueries with a result are asked row by row; of an exists Postgres may read the whole table.
OF_KIND = "(select true from deliveries d where d.message = {0}.id and d.entity = %(of)s limit 1)"
IS_FIRST = f"""{OF_KIND.format("f")} and (
    select true from messages e where e.object_id = f.object_id and e.id < f.id and {OF_KIND.format("e")} limit 1)
    is null"""
MESSAGES = "split_part({0}.type, '.', 1) = %(of)s"

IDS_OF = """
select coalesce(min(first.id) - %(overlap)s, %(last)s) as low, coalesce(max(last.id) + %(overlap)s, 0) as high
from installations s
left join lateral (
    select id from messages where source = s.id and received_at >= %(since)s::timestamptz
    order by received_at limit 1) as first on true
left join lateral (
    select id from messages where source = s.id and received_at < %(until)s::timestamptz
    order by received_at desc limit 1) as last on true"""

# By the index on arrival Postgres would sort all of the time for a page of it: so that index cannot be used for it.
FROM_THE_NEWEST = f"""
select f.id as key, f.object_id as object, f.received_at as received from messages f
where {MESSAGES.format("f")} and f.id < %(before)s and f.id between %(low)s and %(high)s and {IS_FIRST}
and f.received_at + interval '0' >= %(since)s::timestamptz and f.received_at + interval '0' < %(until)s::timestamptz
and {{one_has}}
order by f.id desc limit %(limit)s"""

ONE_HAS = """(
    select true from messages m join deliveries d on d.message = m.id left join installations i on i.id = d.target
    where (m.object_id = f.object_id or m.part_of = f.object_id) and d.entity = any (%(kinds)s::text[]) and {}
    limit 1)"""

AMONG_FEW = f"""
with chosen as materialized (
    select distinct coalesce(m.part_of, m.object_id) as object
    from deliveries d join messages m on m.id = d.message left join installations i on i.id = d.target
    where d.entity = any (%(kinds)s::text[]) and {{where}}
)
select first.id as key, chosen.object, first.received_at as received from chosen cross join lateral (
    select f.id, f.received_at from messages f where f.object_id = chosen.object and {OF_KIND.format("f")}
    order by f.id limit 1) as first
where first.id < %(before)s and first.received_at >= %(since)s::timestamptz
and first.received_at < %(until)s::timestamptz
order by first.id desc limit %(limit)s"""

BELONGING = f"""
select {COLUMNS}, coalesce(m.part_of, m.object_id) as whole, i.system, d.lane, d.queue, d.needs, d.moved_at, d.pin,
    m.part_of, m.received_at, m.copies, m.external_id, m.value, m.currency, m.version, s.name as source,
    case when d.step = 'push_status' and d.state = 'done' then d.document end as document
from messages m join deliveries d on d.message = m.id join installations s on s.id = m.source
left join installations i on i.id = d.target
where (m.object_id = any (%(objects)s::text[]) and m.part_of is null or m.part_of = any (%(objects)s::text[]))
and (d.entity = any (%(kinds)s::text[]) or d.entity = 'event' and {MESSAGES.format("m")})
order by d.id"""

FOUND = """
with crossref as (
    select x.entity, x.our_id, i.name || ' id' as matched
    from installations i cross join unnest(%(entities)s::text[]) as of (entity)
    join crossrefs x on x.installation = i.id and x.entity = of.entity and x.their_id = any (%(texts)s::text[])
    union all
    select x.entity, x.our_id, i.name || ' number' from crossrefs x join installations i on i.id = x.installation
    where x.number = any (%(texts)s::text[]) and x.entity = any (%(entities)s::text[])
    union all
    select x.entity, x.our_id, 'id' from installations i cross join unnest(%(entities)s::text[]) as of (entity)
    join crossrefs x on x.installation = i.id and x.entity = of.entity and x.our_id = any (%(texts)s::text[])
), message as (
    select id, object_id, part_of, 'number' as matched from messages where number = any (%(texts)s::text[])
    union all select id, object_id, part_of, 'id' from messages where object_id = any (%(texts)s::text[])
    union all select id, object_id, part_of, 'e-mail address' from messages where email_key = %(email_key)s::text
), hit as (
    select d.entity, m.object_id as object, m.part_of, m.matched from message m join deliveries d on d.message = m.id
    where d.entity = any (%(entities)s::text[]) and d.origin is null
    union all select entity, our_id, null, matched from crossref
    union all select entity, object_id, order_id, 'tracking number' from progress
    where entity = 'shipment' and body ? 'tracking' and body -> 'tracking' ? %(tracking)s::text
)
select entity, object, max(part_of) as part_of, (array_agg(distinct matched order by matched desc))[1] as matched
from hit group by entity, object order by entity, object"""

WAITING = """
with waiting as (
    select coalesce(m.part_of, m.object_id) as object, min(d.finished_at) as since,
        case when bool_or(d.state = 'held') then 'held' else 'dead' end as state
    from deliveries d join messages m on m.id = d.message
    where d.state in ('held', 'dead') and d.entity = any (%(kinds)s::text[]) group by 1
)
select w.state, v.currency, count(*) as count, sum(v.value) as value, min(w.since) as since
from waiting w left join lateral (
    select m.value, m.currency from messages m where m.object_id = w.object and m.value is not null
    order by m.version desc, m.id desc limit 1) as v on true
group by w.state, v.currency order by w.state desc, v.currency"""

RECEIVED = f"""
with first as (
    select f.object_id from installations s join messages f on f.source = s.id and f.received_at >= %(since)s
    where {MESSAGES.format("f")} and {IS_FIRST}
), stage as (
    select f.object_id, bool_or(d.open) as open, bool_or(d.state in ('held', 'dead')) as waiting,
        count(distinct d.target) filter (where d.state = 'done') as targets
    from first f join messages m on m.object_id = f.object_id join deliveries d on d.message = m.id
    where d.entity = %(of)s group by f.object_id
)
select count(*) as received, count(*) filter (where waiting) as waiting, count(*) filter (where open and not waiting)
    as open, count(*) filter (where targets = 1 and not open and not waiting) as one,
    count(*) filter (where targets > 1 and not open and not waiting) as several,
    count(*) filter (where targets = 0 and not open and not waiting) as nowhere
from stage"""
