"""The inbox: where an event becomes a message that is never lost again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from integration.message import Event, State, Step
from integration.store import counters
from integration.store.counters import shard
from integration.store.database import Row, Transaction, columns


@dataclass(frozen=True)
class Route:
    """One delivery to be made of a message: where it goes, in which lane, by which pinned workflow."""

    entity: str
    lane: str
    queue: str | None = None
    workflow: str | None = None
    pin: str | None = None
    target: int | None = None
    step: str = Step.TRANSFORM.value
    state: str = State.READY.value
    reason: str | None = None
    mapping_version: int | None = None
    priority: int = 0


class Outdated(Exception):
    """Other definitions are in force by now than those that an event was routed by; nothing was stored."""


@dataclass(frozen=True)
class Arrival:
    """How an arrival was treated: ``verdict`` is "accepted", "duplicate" or "conflict".

    ``due`` are its deliveries that may run at once, each ``{id, step, queue, target}``.
    """

    verdict: str
    message: int
    due: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Arriving:
    """An event to be stored, with the deliveries to be made of it.

    ``source`` is an installation; ``body`` is already encrypted, ``body_hash`` is the SHA-256 of the plain bytes.
    """

    source: int
    event: Event
    body: bytes
    body_hash: bytes
    routes: Sequence[Route] = ()
    email_key: str | None = None

    @property
    def key(self) -> tuple[int, str]:
        """By which it is known to have come before."""
        return self.source, self.event.id


def accept(tx: Transaction, arriving: Sequence[Arriving], newest: int | None = None) -> list[Arrival | None]:
    """Stores messages, their deliveries and their count in one statement; None for an event that came before.

    Deliveries at the head of their lane come back in ``due``; the others wait behind what is open there, or comes
    before them here.  Raises `Outdated` where ``newest`` is not the newest version of the definitions: once one is
    published, every later event is routed by it.
    """
    assert all(each.routes for each in arriving), "a message without a workflow gets one skipped delivery"
    first = {each.key: each for each in reversed(arriving)}
    rows = [_row(each) for _, each in sorted(first.items())]  # two processes that store the same never deadlock
    routes = [
        {**vars(route), **_key(each), "place": n} for each in first.values() for n, route in enumerate(each.routes)
    ]
    stored = tx.rows(ACCEPT, {**columns(rows), "routes": json.dumps(routes), "shard": shard(), "newest": newest})
    if stored[0]["newest"] != newest:
        raise Outdated
    arrivals = {
        (row["source"], row["external_id"]): Arrival("accepted", row["message"], tuple(row["due"]))
        for row in stored
        if row["message"]
    }
    return [arrivals.get(each.key) if each is first[each.key] else None for each in arriving]


def _key(arriving: Arriving) -> Row:
    return {"source": arriving.source, "external_id": arriving.event.id}


def _row(arriving: Arriving) -> Row:
    event = arriving.event
    return {
        **_key(arriving),
        "type": event.type,
        "object_id": event.object_id,
        "version": event.version,
        "number": event.number,
        "email_key": arriving.email_key,
        "value": event.value,
        "currency": event.currency,
        "part_of": event.part_of,
        "body": arriving.body,
        "body_hash": arriving.body_hash,
    }


def newest(tx: Transaction, source: int, objects: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The external id of the newest event of each of these objects, ``(event type, object id)``, by object.

    The type is part of the identity: a system counts its transfers and its invoices each from 1.
    """
    rows = tx.rows(
        """select distinct on (type, object_id) type, object_id, external_id from messages
           where source = %s and object_id = any (%s::text[]) and type = any (%s::text[])
           order by type, object_id, version desc, id desc""",
        source,
        [object_id for _, object_id in objects],
        list({type for type, _ in objects}),
    )
    return {(row["type"], row["object_id"]): row["external_id"] for row in rows}


def again(tx: Transaction, source: int, external_id: str, body_hash: bytes) -> Arrival:
    """Counts another arrival of a known event: a duplicate, or a conflict if its body is another."""
    known = tx.row(KNOWN, {"source": source, "external_id": external_id})
    assert known, "the insert met a message that is not there"
    same = known["body_hash"] == body_hash
    counters.count(tx, "copies" if same else "conflicts", source)
    if same:
        tx.run("update messages set copies = copies + 1 where id = %s", known["id"])
        return Arrival("duplicate", known["id"])
    tx.run(
        """insert into conflicts (message, body_hash) select id, %s from messages where id = %s for key share
           on conflict (message, body_hash) do update set count = conflicts.count + 1, last_at = now()""",
        body_hash,
        known["id"],
    )
    return Arrival("conflict", known["id"])


def reject(tx: Transaction, source: int, external_id: str, reason: str, body: bytes) -> None:
    """Keeps what was signed but cannot be read, for seven days."""
    tx.run(
        "insert into rejected (source, external_id, reason, body) values (%s, %s, %s, %s)",
        source,
        external_id,
        reason,
        body,
    )


def forget_rejected(tx: Transaction) -> int:
    return tx.run("delete from rejected where received_at < now() - interval '7 days'")


# A message is noted in `seen` in a transaction before the one that removes it.
KNOWN = """
select id, body_hash from messages where source = %(source)s and external_id = %(external_id)s
union all select message, body_hash from seen where source = %(source)s and external_id = %(external_id)s limit 1"""

ACCEPT = """
with current as (
    select max(version) as newest from publications
), event as (
    select * from unnest(%(source)s::smallint[], %(external_id)s::text[], %(type)s::text[], %(object_id)s::text[],
        %(version)s::bigint[], %(number)s::text[], %(email_key)s::text[], %(value)s::numeric[], %(currency)s::text[],
        %(part_of)s::text[], %(body)s::bytea[], %(body_hash)s::bytea[])
        as event (source, external_id, type, object_id, version, number, email_key, value, currency, part_of, body,
            body_hash)
), message as (
    insert into messages (source, external_id, type, object_id, version, number, email_key, value, currency, part_of,
        body, body_hash)
    select e.* from event e, current where newest is not distinct from %(newest)s::int
    and not exists (select from seen s where s.source = e.source and s.external_id = e.external_id)
    on conflict (source, external_id) do nothing
    returning id, source, external_id, version
), route as (
    select * from jsonb_to_recordset(%(routes)s::jsonb) as route (
        source smallint, external_id text, place int, entity text, lane text, queue text, workflow text, pin text,
        target smallint, step text, state text, reason text, mapping_version int,
        priority int)
), behind as (
    select lane, coalesce(others, false) as others from (select distinct lane from route) as lanes
    left join lateral (  -- not an exists: of that Postgres may read the whole table
        select true as others from deliveries d where d.lane = lanes.lane and d.open limit 1) as ahead on true
), placed as (
    select message.id as message, message.version, route.*, case when state = 'ready' then
        others or row_number() over (partition by lane, state order by message.version, message.id, place) > 1
        end as waits
    from message join route using (source, external_id) join behind using (lane)
), routed as (
    insert into deliveries (message, workflow, pin, target, queue, entity, lane, version, step, reason,
        mapping_version, priority, state, due_at, finished_at)
    select message, workflow, pin, target, queue, entity, lane, version, step, reason, mapping_version, priority,
        case when waits then 'waiting' else state end, case when waits then 'infinity' else now() end,
        case when state = 'ready' then null else now() end
    from placed order by message, place
    returning id, message, step, queue, target, state
), counted as (
    insert into counters (name, source, day, shard, value)
    select name, source, current_date, %(shard)s, value from (
        select 'accepted' as name, source, count(*) as value from message group by source
        union all select 'deliveries', source, count(*) from placed group by source) as made
    on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
)
select newest, source, external_id, message.id as message, (
    select coalesce(json_agg(json_build_object('id', r.id, 'step', r.step, 'queue', r.queue, 'target', i.system)), '[]')
    from routed r join installations i on i.id = r.target where r.message = message.id and r.state = 'ready') as due
from current left join message on true
"""
