"""Repair: what a person does about deliveries that ended otherwise than they should.

Every function writes what was done into the audit, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from integration.message import State, Step, clear
from integration.rules.in_force import Published
from integration.store import audit, crossrefs, decisions
from integration.store.conditions import LAST, Selected, on_deliveries
from integration.store.crossrefs import Written
from integration.store.database import Row, Transaction
from integration.store.deliveries import Delivery
from integration.store.views import DELIVERY, TABLES

OBJECTS = "count(distinct coalesce(m.part_of, m.object_id))"
CLOSED = (State.HELD, State.DEAD, State.DONE, State.SKIPPED)


@dataclass(frozen=True)
class Restart:
    """How deliveries begin again.

    From ``step``; None: from the document a person has corrected, else from the event.  What begins with transform is
    translated by ``pins``, the definitions of each workflow in ``mapping_version``; a workflow that is not among them
    keeps its own.
    ``goes_on``: where it ended, with the document it had then.
    """

    step: Step | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    mapping_version: int | None = None
    goes_on: bool = False

    @classmethod
    def by(cls, published: Published, step: Step | None = None) -> Self:
        """From ``step``, translated by this version of the definitions."""
        return cls(step, published.pins, published.version)


def matching(tx: Transaction, chosen: Selected, limit: int, before: int = LAST) -> list[Row]:
    """The deliveries meant, newest first; those ``before`` an id."""
    where, values = on_deliveries(chosen)
    return tx.rows(
        f"{DELIVERY} where {where} and d.id < %(before)s order by d.id desc limit %(limit)s",
        {**values, "limit": limit, "before": before},
    )


def kinds(tx: Transaction, chosen: Selected) -> list[Row]:
    """The deliveries meant by the kind of their failure, the most frequent first.

    Rows are ``{fingerprint, state, count, objects, first, last, sample, target, code, reason, hint}``: reason, hint and
    the ``sample`` id are those of the newest; ``objects`` is how many the deliveries are about.
    """
    where, values = on_deliveries(chosen)
    return tx.rows(
        f"""select d.fingerprint, d.state, count(*) as count, {OBJECTS} as objects, min(d.finished_at) as first,
                max(d.finished_at) as last, max(d.id) as sample, min(i.name) as target, min(d.code) as code,
                (array_agg(d.reason order by d.id desc))[1] as reason,
                (array_agg(d.hint order by d.id desc))[1] as hint
            from {TABLES} where {where} group by d.fingerprint, d.state order by count(*) desc, max(d.id) desc""",
        values,
    )


def objects(tx: Transaction, chosen: Selected, wholes: Mapping[str, str]) -> dict[str, int]:
    """How many objects the deliveries meant are about, by entity, the most frequent first.

    ``wholes`` names the entity that another is a part of: a shipment counts as its order.
    """
    where, values = on_deliveries(chosen)
    rows = tx.rows(
        f"""select coalesce(%(wholes)s::jsonb ->> d.entity, d.entity) as entity, {OBJECTS} as count
            from {TABLES} where {where} group by 1 order by 2 desc, 1""",
        {**values, "wholes": json.dumps(dict(wholes))},
    )
    return {row["entity"]: row["count"] for row in rows}


def newer(tx: Transaction, id: int) -> int | None:
    """The delivery with the newest state of the same object at the same target, if it is newer than this one's."""
    found: int | None = tx.value(
        """select other.id from deliveries d join messages m on m.id = d.message
           join messages later on later.object_id = m.object_id
           join deliveries other on other.message = later.id and other.lane = d.lane and other.version > d.version
           where d.id = %s and other.replay_of is null
           and not (other.state = 'skipped' and other.reason like 'unchanged:%%')
           order by other.version desc, other.id desc limit 1""",
        id,
    )
    return found


def version(tx: Transaction, id: int) -> int:
    """The version that a replay of a delivery has: its own, or the one that its target shows by it, echoes included."""
    sql = f"select {SHOWN} from deliveries d join messages m on m.id = d.message {AT_TARGET} where d.id = %s"
    return int(tx.value(sql, id))


def replay(tx: Transaction, ids: Sequence[int], restart: Restart, who: str) -> dict[int, int]:
    """Lets deliveries begin again; the ids under which they do, by their own, of those that can.

    A held or dead one is opened again.  Of a done or skipped one a new delivery is made; of one with which the target
    was given what it has now, it is one of the version that the target has, whatever echoes came since.  Left out is
    what is open, what no workflow took, and, where the step needs a translated document, what has none.

    A new round begins, in which the target is looked at before anything is sent, unless the same document goes out
    again and there is no answer yet: then its frozen requests are repeated.
    """
    rows = tx.rows(
        REPLAY,
        {
            "ids": list(ids),
            "step": restart.step.value if restart.step else None,
            "goes_on": restart.goes_on,
            "pins": json.dumps(dict(restart.pins)),
            "mapping_version": restart.mapping_version,
            "who": who,
        },
    )
    return {row["replay_of"]: row["id"] for row in rows}


def edit(tx: Transaction, delivery: Delivery, document: bytes, paths: Sequence[str], who: str) -> bool:
    """Puts a corrected document for the target, encrypted, in the place of that of a held or dead delivery.

    False if it is neither, or was changed since ``delivery`` was read.  A new round begins.
    """
    found = tx.run(
        """update deliveries set document = %(document)s, edited = 'target', round = round + 1
           where id = %(id)s and round = %(round)s and state in ('held', 'dead')""",
        {"document": document, "id": delivery.id, "round": delivery.round},
    )
    if found:
        audit.note(tx, who, "edit", [delivery.id], document="target", paths=list(paths))
    return bool(found)


def choose(tx: Transaction, delivery: Delivery, candidate: Mapping[str, str], who: str, why: str | None) -> None:
    """Settles at the delivery's target which of theirs our object is, or what the candidate ``approves`` otherwise."""
    if approves := candidate.get("approves"):
        decisions.approve(tx, [delivery.id], who, why=why, choice=approves)
        return
    crossrefs.write(tx, [Written(delivery.target, candidate["entity"], clear(candidate["key"]), candidate["id"])])
    audit.note(tx, who, "choose", [delivery.id], entity=candidate["entity"], theirs=candidate["id"])


def resolve(tx: Transaction, ids: Sequence[int], reason: str, who: str) -> list[int]:
    """Closes held and dead deliveries as settled by a person, with the reason; the ids of those that were."""
    rows = tx.rows(
        """update deliveries set state = 'skipped', finished_at = now(), moved_at = now(),
               reason = 'resolved by ' || %s || ': ' || %s, hint = null
           where id = any (%s::bigint[]) and state in ('held', 'dead') returning id""",
        who,
        reason,
        list(ids),
    )
    found = [row["id"] for row in rows]
    audit.note(tx, who, "resolve", found, reason=reason)
    return found


def reopen(tx: Transaction, ids: Sequence[int], job: int, who: str) -> list[Row]:
    """Gives deliveries that a job has resolved back as they were held or dead, unless something came after that.

    Rows are ``{id, reopened, again, newer}``: whether it was, the delivery that was made of it since, and the newer
    one of its lane.
    """
    rows = tx.rows(REOPEN, {"ids": list(ids), "job": job})
    audit.note(tx, who, "reopen", [row["id"] for row in rows if row["reopened"]])
    return rows


REOPEN = """
with settled as (
    select d.id, i.state, i.finished_at, i.reason, i.hint, d.state = 'skipped' and d.finished_at = i.at as left_so, (
        select max(o.id) from deliveries o where o.message = d.message and o.replay_of = d.id) as again, (
        select max(o.id) from messages later join deliveries o on o.message = later.id
        where later.object_id = m.object_id and o.lane = d.lane and o.id <> d.id
        and (o.version > d.version or o.state in ('held', 'dead'))) as newer
    from deliveries d join messages m on m.id = d.message join job_items i on i.delivery = d.id
    where d.id = any (%(ids)s::bigint[]) and i.job = %(job)s
), opened as (
    update deliveries d set state = s.state, finished_at = s.finished_at, moved_at = now(), reason = s.reason,
        hint = s.hint
    from settled s where s.id = d.id and s.left_so and s.again is null and s.newer is null returning d.id
)
select s.id, o.id is not null as reopened, s.again, s.newer from settled s left join opened o using (id) order by id"""

# What follows on "unchanged:" are the reasons of `tasks.steps` for which an event needs nothing.
SHOWN = """
case when d.state = 'done' and d.taken = x.taken and coalesce(x.source, m.source) = m.source and x.version > d.version
    and not exists (
        select from messages later join deliveries o on o.message = later.id
        where later.object_id = m.object_id and o.lane = d.lane and o.version = x.version and o.replay_of is null
        and not (o.state = 'skipped' and o.reason like 'unchanged:%%'))
then x.version else d.version end"""
AT_TARGET = "left join crossrefs x on x.installation = d.target and x.entity = d.entity and x.our_id = m.object_id"

REPLAY = f"""
with chosen as (
    select d.*, m.source, i.system, {SHOWN} as shown, case
        when d.step = 'push_status' then 'push_status'
        when %(goes_on)s then d.step
        else coalesce(%(step)s, case when d.edited = 'target' then 'enrich' else 'transform' end) end as start,
        d.document is not null and d.step in ('enrich', 'post') as translated
    from deliveries d join messages m on m.id = d.message join installations i on i.id = d.target
    {AT_TARGET}
    where d.id = any (%(ids)s::bigint[]) and d.state in ('held', 'dead', 'done', 'skipped') and d.pin is not null
    for update of d
), begun as (
    select id, message, source, origin, workflow, target, entity, lane, shown as version, state, code, fingerprint,
        taken, start, case when start = 'transform' then 'ingest' else system end as queue,
        case when start = 'transform' and not %(goes_on)s
            then coalesce(%(pins)s::jsonb ->> workflow, pin) else pin end as pin,
        case when start = 'transform' and not %(goes_on)s and %(pins)s::jsonb ->> workflow is not null
            then %(mapping_version)s::int else mapping_version end as mapping_version,
        case when start <> 'transform' or edited = 'event' then document end as document,
        case when start <> 'transform' or edited = 'event' then edited end as edited,
        round + case when start = 'transform' or exists (
            select from attempts a where a.delivery = chosen.id and a.round = chosen.round
            and a.outcome in ('ok', 'found', 'failed')) then 1 else 0 end as round
    from chosen where translated or start in ('transform', 'push_status')
), opened as (
    update deliveries d set state = 'ready', due_at = now(), moved_at = now(), finished_at = null, attempts = 0,
        leases = 0, priority = 2, step = b.start, queue = b.queue, pin = b.pin,
        mapping_version = b.mapping_version, document = b.document,
        edited = b.edited, round = b.round, effects = '{{}}', needs = null, candidates = null,
        code = null, reason = null, hint = null, fingerprint = null
    from begun b where d.id = b.id and b.state in ('held', 'dead')
    returning d.id, d.id as replay_of
), made as (
    insert into deliveries (message, origin, replay_of, workflow, pin, target, queue, entity, lane, version, priority,
        state, step, document, edited, taken, mapping_version)
    select message, origin, id, workflow, pin, target, queue, entity, lane, version, 2, 'ready', start, document,
        edited, taken, mapping_version
    from begun where state in ('done', 'skipped')
    returning id, replay_of
), counted as (
    insert into counters (name, source, day, shard, value)
    select 'deliveries', b.source, current_date, 0, count(*) from made join begun b on b.id = made.replay_of
    group by b.source
    on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
), replayed as (
    select * from opened union all select * from made
), noted as (
    insert into audit (who, action, delivery, detail)
    select %(who)s, 'replay', r.id, jsonb_strip_nulls(jsonb_build_object('was', b.state, 'step', b.start,
        'code', b.code, 'fingerprint', b.fingerprint, 'replay_of', nullif(r.replay_of, r.id)))
    from replayed r join begun b on b.id = r.replay_of
)
select id, replay_of from replayed order by id
"""
