"""The inbox: where an event becomes a message that is never lost again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from integration.message import Event, State, Step
from integration.store import counters
from integration.store.counters import shard
from integration.store.database import Row, Transaction


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


def accept(
    tx: Transaction,
    source: int,
    event: Event,
    body: bytes,
    body_hash: bytes,
    routes: Sequence[Route],
    email_key: str | None = None,
    newest: int | None = None,
) -> Arrival | None:
    """Stores the message, its deliveries and its count in one statement; None when the event came before.

    ``body`` is already encrypted, ``body_hash`` is the SHA-256 of the plain bytes.  Deliveries at the head of their
    lane come back in ``due``; the others wait behind what is open there.  Raises `Outdated` where ``newest`` is not the
    newest version of the definitions: whoever publishes one has every later event routed by it.
    """
    assert routes, "a message without a workflow gets one skipped delivery"
    row = tx.row(
        ACCEPT,
        {
            "source": source,
            "external_id": event.id,
            "type": event.type,
            "object_id": event.object_id,
            "version": event.version,
            "number": event.number,
            "email_key": email_key,
            "body": body,
            "body_hash": body_hash,
            "routes": json.dumps([asdict(route) for route in routes]),
            "shard": shard(),
            "newest": newest,
        },
    )
    assert row
    if row["newest"] != newest:
        raise Outdated
    return Arrival("accepted", row["message"], tuple(row["due"])) if row["message"] else None


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
), message as (
    insert into messages (source, external_id, type, object_id, version, number, email_key, body, body_hash)
    select %(source)s, %(external_id)s, %(type)s, %(object_id)s, %(version)s, %(number)s, %(email_key)s, %(body)s,
        %(body_hash)s
    from current where newest is not distinct from %(newest)s::int
    and not exists (select from seen where source = %(source)s and external_id = %(external_id)s)
    on conflict (source, external_id) do nothing
    returning id
), route as (
    select * from jsonb_to_recordset(%(routes)s::jsonb) as route (
        entity text, lane text, queue text, workflow text, pin text, target smallint,
        step text, state text, reason text, mapping_version int)
), behind as (
    select lane, coalesce(others, false) as others from (select distinct lane from route) as lanes
    left join lateral (  -- not an exists: of that Postgres may read the whole table
        select true as others from deliveries d where d.lane = lanes.lane and d.open limit 1) as ahead on true
), routed as (
    insert into deliveries (message, workflow, pin, target, queue, entity, lane, version, step, reason,
        mapping_version, state, due_at, finished_at)
    select message.id, workflow, pin, target, queue, entity, route.lane, %(version)s, step, reason,
        mapping_version,
        case when state = 'ready' and others then 'waiting' else state end,
        case when state = 'ready' and others then 'infinity' else now() end,
        case when state = 'ready' then null else now() end
    from message, route join behind using (lane)
    returning id, step, queue, target, state
), counted as (
    insert into counters (name, source, day, shard, value)
    select name, %(source)s, current_date, %(shard)s, value from message
    cross join (values ('accepted', 1), ('deliveries', (select count(*) from route))) as made (name, value)
    on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
)
select current.newest, message.id as message, (
    select coalesce(json_agg(json_build_object('id', r.id, 'step', r.step, 'queue', r.queue, 'target', i.system)), '[]')
    from routed r join installations i on i.id = r.target where r.state = 'ready') as due
from current left join message on true
"""
