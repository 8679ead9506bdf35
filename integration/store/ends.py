"""How hops end: where deliveries go from there, which ones follow from them, and whom that lets go on.

What several hops write at the same time is one statement; each function takes them all, and answers in their order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from integration.message import State
from integration.store.counters import shard
from integration.store.database import Transaction, columns
from integration.store.deliveries import SMALL, SMALL_SHARE, Delivery, Next, Push


def move(tx: Transaction, moves: Sequence[tuple[Delivery, Next]]) -> list[State | None]:
    """Writes where deliveries go and gives their leases up.  Returns the states that they really have now.

    None where the lease was taken over and nothing was written: the caller must roll its transaction back.
    """
    moved = {row["id"]: State(row["state"]) for row in tx.rows(MOVE, columns([_move(*each) for each in moves]))}
    return [moved.get(delivery.id) for delivery, _ in moves]


def _move(delivery: Delivery, next: Next) -> dict[str, object]:
    return {
        "id": delivery.id,
        "lease": delivery.lease,
        "priority": delivery.priority,
        "state": next.state.value,
        "step": (next.step or delivery.step).value,
        "queue": next.queue or delivery.queue,
        "due_in": next.due_in,
        "spends": int(next.spends),
        "document": next.document,
        "code": next.code,
        "reason": next.reason,
        "hint": next.hint,
        "candidates": next.candidates,
        "needs": next.needs,
        "effects": json.dumps(next.effects),
        "credit": next.credit,
        "fingerprint": _fingerprint(delivery, next) if next.state in (State.HELD, State.DEAD) else None,
        "taken": next.taken,
        "about": next.about,
        "difference": next.difference,
    }


def note_rounding(tx: Transaction, delivery: Delivery, amount: Decimal, currency: str) -> None:
    """Writes down what a rounding line carries of the total that this delivery has posted."""
    sql = "update deliveries set rounding = %s, rounding_currency = %s where id = %s"
    tx.run(sql, amount, currency, delivery.id)


def refund_attempts(tx: Transaction, queue: str, but: Sequence[int], seconds: float) -> int:
    """Gives back the attempts of what failed at this target in these last seconds, ``but`` for these.

    A second is added for those who failed at the same time and wrote it down a moment before.
    """
    return tx.run(
        """update deliveries set attempts = attempts - 1
           where queue = %s and id <> all (%s::bigint[]) and open and attempts > 0 and code <> 'throttled'
           and due_at < 'infinity' and moved_at >= now() - make_interval(secs => %s + 1)""",
        queue,
        list(but),
        seconds,
    )


def leave_lane(tx: Transaction, left: Sequence[tuple[Delivery, bool]]) -> list[None]:
    """Makes the next delivery of each lane due.

    With True beside a delivery what is held or dead there and older is closed: a newer state has taken effect.
    """
    asked = [
        {"id": each.id, "lane": each.lane, "version": each.version, "supersedes": supersedes}
        for each, supersedes in left
    ]
    tx.run(LEAVE_LANE, columns(asked))
    return [None] * len(left)


def wake_needing(tx: Transaction, needs: str) -> None:
    """Makes due what waited for this crossref."""
    tx.run(WAKE_NEEDING, {"needed": [needs]})


def insert_push(tx: Transaction, pushes: Sequence[tuple[Delivery, Push]]) -> list[tuple[int, State]]:
    """Inserts the status pushes that follow from effects of deliveries, as deliveries of their own."""
    asked = [
        {
            "message": origin.message,
            "origin": origin.id,
            "workflow": origin.workflow,
            "pin": origin.pin,
            "priority": origin.priority,
            **asdict(push),
        }
        for origin, push in pushes
    ]
    rows = tx.rows(PUSH, {**columns(asked), "shard": shard()})
    return [(int(row["id"]), State(row["state"])) for row in sorted(rows, key=lambda row: int(row["id"]))]


def _fingerprint(delivery: Delivery, next: Next) -> str:
    """The same for failures of the same kind: figures and quoted parts differ from order to order."""
    shape = re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "#", next.reason or "")
    return hashlib.sha256(f"{delivery.workflow}|{delivery.step}|{next.code}|{shape}".encode()).hexdigest()[:12]


# Of what wants to be nudged at once, as many as the queue has room for: replay and back-fill have a share of it.
ROOM = f"""
numbered as (
    select asked.*, row_number() over (partition by queue order by n) as place,
        count(*) filter (where priority >= {SMALL}) over (partition by queue order by n) as small_place
    from asked where wants_nudge
), room as (
    select wanted.queue, wanted.credit, count(q.id) as queued,
        count(q.id) filter (where q.priority >= {SMALL}) as small_queued
    from (select queue, max(credit) as credit from numbered group by queue) as wanted
    left join deliveries q on q.queue = wanted.queue and q.state = 'queued'
    group by wanted.queue, wanted.credit
), nudged as (
    select numbered.n from numbered join room using (queue)
    where room.queued + place <= room.credit
    and (priority < {SMALL} or room.small_queued + small_place <= ceil(room.credit / {SMALL_SHARE}.0))
)"""

MOVE = f"""
with given as (
    select * from unnest(%(id)s::bigint[], %(lease)s::text[], %(priority)s::int[], %(state)s::text[], %(step)s::text[],
        %(queue)s::text[], %(due_in)s::float8[], %(spends)s::int[], %(document)s::bytea[], %(code)s::text[],
        %(reason)s::text[], %(hint)s::text[], %(candidates)s::bytea[], %(needs)s::text[], %(effects)s::text[],
        %(credit)s::bigint[], %(fingerprint)s::text[], %(taken)s::text[], %(about)s::text[], %(difference)s::numeric[])
        with ordinality as given (
            id, lease, priority, state, step, queue, due_in, spends, document, code, reason, hint, candidates, needs,
            effects, credit, fingerprint, taken, about, difference, n)
), asked as (
    select n, queue, priority, credit, state = 'queued' as wants_nudge from given
), {ROOM}
update deliveries d set
    state = case when given.state = 'queued' and not exists (select from nudged where nudged.n = given.n)
        then 'ready' else given.state end,
    step = given.step, queue = given.queue, due_at = now() + make_interval(secs => given.due_in), moved_at = now(),
    lease = null, leased_until = null,
    leases = case when given.code = 'throttled' then greatest(d.leases - 1, 0) else 0 end,
    attempts = d.attempts + given.spends,
    priority = case when given.spends = 1 and d.priority = 0 then 1 else d.priority end,
    document = coalesce(given.document, d.document), code = given.code, reason = given.reason, hint = given.hint,
    candidates = given.candidates, needs = given.needs,
    effects = array(select jsonb_array_elements_text(given.effects::jsonb)), fingerprint = given.fingerprint,
    taken = coalesce(given.taken, d.taken), about = given.about, difference = given.difference,
    finished_at = case when given.state in ('done', 'skipped', 'held', 'dead') then now() end
from given
where d.id = given.id and d.lease = given.lease::uuid and d.state = 'running'
returning d.id, d.state
"""

LEAVE_LANE = """
with gone as (
    select * from unnest(%(id)s::bigint[], %(lane)s::text[], %(version)s::bigint[], %(supersedes)s::bool[]) as gone (
        id, lane, version, supersedes)
), superseded as (
    update deliveries d set state = 'skipped', finished_at = now(), reason = 'superseded by ' || gone.id
    from gone where gone.supersedes and d.lane = gone.lane and d.state in ('held', 'dead')
    and (d.version, d.id) < (gone.version, gone.id)
)
update deliveries d set state = 'ready', due_at = now()
from gone cross join lateral (
    select id from deliveries where lane = gone.lane and open order by version, id limit 1) as head
where d.id = head.id and d.state = 'waiting' and d.due_at = 'infinity'
"""

WAKE_NEEDING = """
update deliveries set state = 'ready', due_at = now(), needs = null
where needs = any (%(needed)s::text[]) and state = 'waiting'
"""

PUSH = f"""
with given as (
    select * from unnest(%(message)s::bigint[], %(origin)s::bigint[], %(workflow)s::text[], %(pin)s::text[],
        %(priority)s::int[], %(target)s::int[], %(queue)s::text[], %(lane)s::text[], %(entity)s::text[],
        %(document)s::bytea[], %(credit)s::bigint[]) with ordinality as given (
            message, origin, workflow, pin, priority, target, queue, lane, entity, document, credit, n)
), counted as (
    insert into counters (name, source, day, shard, value)
    select 'deliveries', m.source, current_date, %(shard)s, count(*)
    from given join messages m on m.id = given.message group by m.source order by m.source
    on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
), placed as (
    select given.*, row_number() over (partition by lane order by n) > 1
        or exists (select from deliveries o where o.lane = given.lane and o.open) as busy
    from given
), asked as (
    select n, queue, priority, credit, not busy as wants_nudge from placed
), {ROOM}
insert into deliveries (message, origin, workflow, pin, target, queue, entity, lane, version, step, priority, document,
    mapping_version, state, due_at, moved_at)
select message, origin, workflow, pin, target, queue, entity, lane, 0, 'push_status', priority, document,
    (select mapping_version from deliveries o where o.id = placed.origin),
    case when busy then 'waiting' when exists (select from nudged where nudged.n = placed.n) then 'queued'
        else 'ready' end,
    case when busy then 'infinity' else now() end, now()
from placed order by n returning id, state
"""
