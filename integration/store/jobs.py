"""Jobs: one act on many deliveries, frozen when it is previewed and carried out in slices.

A job is ``previewed`` until somebody starts it; then it is ``running`` or ``paused``, and at last ``done`` or
``cancelled``.  Its items say what was done about each delivery; what state that has now is read from the delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.store.conditions import LAST, Selected, on_deliveries
from integration.store.database import Row, Transaction, columns
from integration.store.deliveries import SMALL
from integration.store.views import TABLES

UNDER_WAY = f"""
d.open and d.priority >= {SMALL} and (d.due_at <= now() + interval '5 seconds' or d.code = 'throttled')"""
"""Sent again, and on its way: what is due later waits for a retry or another object, unless its target is busy."""
NEVER_STARTED = "1 day"
UNATTENDED = "1 minute"
EXAMPLES = 3
ENDED = ("done", "cancelled")


@dataclass(frozen=True)
class Result:
    """What an act did about one item: ``result`` is applied, skipped or failed, ``remark`` says why it is not applied.

    ``again`` is the delivery that goes on, ``decision`` the one that was made.
    """

    delivery: int
    result: str
    remark: str | None = None
    again: int | None = None
    decision: int | None = None


def freeze(
    tx: Transaction,
    act: str,
    chosen: Selected,
    limit: int,
    who: str,
    *,
    options: Mapping[str, Any],
    selection: str,
) -> int:
    """A new job, previewed, about the ``limit`` newest deliveries that are meant now; its id."""
    id = _insert(tx, act, who, options=options, selection=selection, undoes=None)
    where, values = on_deliveries(chosen)
    tx.run(
        f"""insert into job_items (job, delivery, {FROZEN})
            select %(job)s, d.id, {FROZEN_NOW} from {TABLES} where {where} order by d.id desc limit %(limit)s""",
        {**values, "job": id, "limit": limit},
    )
    return id


def freeze_undo(tx: Transaction, undone: int, who: str) -> int:
    """A new job, previewed, that takes back what another has applied and no job has taken back yet; its id."""
    id = _insert(tx, "undo", who, options={}, selection=f"what job {undone} has applied", undoes=undone)
    tx.run(
        f"""insert into job_items (job, delivery, {FROZEN})
            select %(job)s, d.id, {FROZEN_NOW} from job_items i join deliveries d on d.id = i.delivery
            where i.job = %(undone)s and i.result = 'applied' and not exists (
                select from jobs j join job_items back on back.job = j.id
                where j.undoes = i.job and back.delivery = i.delivery and back.result = 'applied')""",
        {"job": id, "undone": undone},
    )
    return id


def _insert(
    tx: Transaction, act: str, who: str, *, options: Mapping[str, Any], selection: str, undoes: int | None
) -> int:
    return int(
        tx.value(
            "insert into jobs (act, who, options, selection, undoes) values (%s, %s, %s, %s, %s) returning id",
            act,
            who,
            json.dumps(options),
            selection,
            undoes,
        )
    )


def discard(tx: Transaction, id: int) -> None:
    """Removes a job that was never started."""
    tx.run("delete from jobs where id = %s and state = 'previewed'", id)


def preview(tx: Transaction, id: int) -> list[Row]:
    """Its items by target and code, the most frequent first: ``{count, target, state, code, examples}``."""
    return tx.rows(
        f"""select count(*) as count, coalesce(t.name, '-') as target, i.state, i.code,
                (array_agg(coalesce(m.number, i.delivery::text) order by i.delivery))[1:{EXAMPLES}] as examples
            from job_items i join deliveries d on d.id = i.delivery join messages m on m.id = d.message
            left join installations t on t.id = i.target
            where i.job = %s group by t.name, i.state, i.code order by count(*) desc, 2, 3, 4""",
        id,
    )


def workflows(tx: Transaction, id: int) -> set[str]:
    """The workflows of its deliveries."""
    rows = tx.rows(
        "select distinct d.workflow from job_items i join deliveries d on d.id = i.delivery where i.job = %s", id
    )
    return {row["workflow"] for row in rows if row["workflow"]}


def deliveries_of(tx: Transaction, id: int) -> list[int]:
    """The deliveries that its items are about, oldest first."""
    return [row["delivery"] for row in tx.rows("select delivery from job_items where job = %s order by delivery", id)]


def become(tx: Transaction, id: int, state: str, *, among: Sequence[str]) -> bool:
    """Gives a job another state at once; False if it is in none of those ``among`` which it may be."""
    return bool(
        tx.run(
            """update jobs set state = %(state)s, due_at = now(), moved_at = now(),
                   started_at = coalesce(started_at, now()),
                   ended_at = case when %(state)s = any (%(ended)s::text[]) then now() end
               where id = %(id)s and state = any (%(among)s::text[])""",
            {"id": id, "state": state, "among": list(among), "ended": list(ENDED)},
        )
    )


def show(tx: Transaction, id: int) -> Row | None:
    """One job as `listed` has it."""
    return tx.row(f"{LISTED} where j.id = %s", id)


def listed(tx: Transaction, *, states: Sequence[str] = (), limit: int, before: int = LAST) -> list[Row]:
    """The newest jobs, those ``before`` an id; of all ``states`` unless some are given.

    Rows are ``{id, act, state, who, selection, options, undoes, created_at, started_at, ended_at, items, waiting,
    applied, skipped, failed}``; these five count items, and ``options`` are without what is sealed.
    """
    return tx.rows(
        f"""{LISTED} where j.id < %(before)s and (%(any)s or j.state = any (%(states)s::text[]))
            order by j.id desc limit %(limit)s""",
        {"before": before, "any": not states, "states": list(states), "limit": limit},
    )


def items(tx: Transaction, id: int, *, result: str | None = None, limit: int, after: int = 0) -> list[Row]:
    """What was done about each delivery, those behind an id: ``{delivery, number, target, result, remark, again,
    decision, at, state, code, reason}``.

    The last three are those of ``again`` now, or of the delivery; code and reason are of what stops it.
    Of a job that is cancelled, what was not done is ``cancelled``.
    """
    return tx.rows(
        f"""select * from (
                select i.delivery, m.number, t.name as target, {RESULT} as result, i.remark, i.again, i.decision, i.at,
                    d.state, {STOPPED_BY.format("code")}, {STOPPED_BY.format("reason")}
                from job_items i join jobs j on j.id = i.job
                left join deliveries d on d.id = coalesce(i.again, i.delivery)
                left join messages m on m.id = d.message left join installations t on t.id = i.target
                where i.job = %(id)s and i.delivery > %(after)s) as item
            where %(result)s::text is null or result = %(result)s order by delivery limit %(limit)s""",
        {"id": id, "result": result, "limit": limit, "after": after},
    )


def ends(tx: Transaction, id: int) -> list[Row]:
    """The states of what it has applied: ``{state, code, count}``, the most frequent first."""
    return tx.rows(
        f"""select coalesce(d.state, 'removed') as state, {STOPPED_BY.format("code")}, count(*) as count
           from job_items i left join deliveries d on d.id = coalesce(i.again, i.delivery)
           where i.job = %s and i.result = 'applied' group by 1, 2 order by count(*) desc, 1, 2""",
        id,
    )


def due(tx: Transaction) -> list[int]:
    """The running jobs of which a slice may be tried now, the one that has waited longest first."""
    return [
        row["id"] for row in tx.rows("select id from jobs where state = 'running' and due_at <= now() order by due_at")
    ]


def lock(tx: Transaction, id: int) -> Row | None:
    """The job for one slice, ``{id, act, options, who, undoes, undone}``; None where it does not run, or somebody else
    is at it.  ``undone`` is the act of the job that it undoes."""
    return tx.row(
        """select j.id, j.act, j.options, j.undoes, j.who, (select act from jobs where id = j.undoes) as undone
           from jobs j where j.id = %s and j.state = 'running' for update of j skip locked""",
        id,
    )


def under_way(tx: Transaction) -> dict[int, int]:
    """How many deliveries that were sent again are on their way, by target, whoever sent them."""
    rows = tx.rows(f"select d.target, count(*) from deliveries d where {UNDER_WAY} group by d.target")
    return {row["target"]: row["count"] for row in rows}


def waiting(tx: Transaction, id: int) -> list[Row]:
    """How many items wait, by target: ``{id, target, count, paused}``; ``paused`` is why nothing is sent there."""
    return tx.rows(
        """select i.target as id, coalesce(t.name, '-') as target, count(*) as count,
               max(coalesce(t.pause_reason, 'paused')) filter (where t.paused_at is not null) as paused
           from job_items i left join installations t on t.id = i.target
           where i.job = %s and i.result is null group by i.target, t.name order by count(*) desc""",
        id,
    )


def staying(tx: Transaction, longer: str) -> list[Row]:
    """The running jobs of which nothing was done for ``longer`` (an interval): ``{id, act, who, since}``."""
    return tx.rows(
        """select id, act, who, moved_at as since from jobs
           where state = 'running' and moved_at < now() - %s::interval order by id""",
        longer,
    )


def sent(tx: Transaction, id: int) -> list[Row]:
    """How many deliveries that it sent again are on their way, by target, as `waiting` has what waits."""
    return tx.rows(
        f"""select d.target as id, t.name as target, count(*) as count,
                max(coalesce(t.pause_reason, 'paused')) filter (where t.paused_at is not null) as paused
            from job_items i join deliveries d on d.id = i.again join installations t on t.id = d.target
            where i.job = %s and {UNDER_WAY} group by d.target, t.name order by count(*) desc""",
        id,
    )


def take(tx: Transaction, id: int, room: Mapping[int, int]) -> list[Row]:
    """The next items, oldest delivery first, as many for each target as it has ``room``; their deliveries are locked.

    An item is what was frozen; ``now`` is the delivery as it is, ``{id, state, version, round, step, finished_at, code,
    reason, workflow, object_id}``, or None for one that is gone.
    """
    items = tx.rows(TAKE, {"id": id, "targets": list(room), "room": list(room.values())})
    found = {row["id"]: row for row in tx.rows(NOW, [item["delivery"] for item in items])} if items else {}
    return [{**item, "now": found.get(item["delivery"])} for item in items]


def applied(tx: Transaction, id: int, deliveries: Sequence[int]) -> dict[int, Row]:
    """What a job has applied to these deliveries: ``{delivery, decision, step, at}`` by delivery."""
    rows = tx.rows(
        """select delivery, decision, step, at from job_items
           where job = %s and delivery = any (%s::bigint[]) and result = 'applied'""",
        id,
        list(deliveries),
    )
    return {row["delivery"]: row for row in rows}


def taken_effect(tx: Transaction, id: int, deliveries: Sequence[int]) -> set[int]:
    """Those of these deliveries with which something was tried at their target since the job has sent them."""
    rows = tx.rows(
        """select i.delivery from job_items i where i.job = %s and i.delivery = any (%s::bigint[])
           and exists (select from attempts a where a.delivery = i.again and a.started_at > i.at)""",
        id,
        list(deliveries),
    )
    return {row["delivery"] for row in rows}


def write(tx: Transaction, id: int, results: Sequence[Result]) -> None:
    """Writes down what was done about items."""
    if results:
        tx.run(WRITE, {"id": id, **columns([each.__dict__ for each in results])})
        tx.run("update jobs set moved_at = now() where id = %s", id)


def rest(tx: Transaction, id: int, seconds: float) -> None:
    """Lets a job wait before its next slice.  One that no fleet has looked at for a while begins to stay only now."""
    tx.run(
        f"""update jobs set due_at = now() + make_interval(secs => %s),
                moved_at = case when due_at < now() - interval '{UNATTENDED}' then now() else moved_at end
            where id = %s""",
        seconds,
        id,
    )


def has_open(tx: Transaction, id: int) -> bool:
    """Whether a delivery that it sent again is on its way."""
    return bool(
        tx.value(
            f"""select exists (
                    select from deliveries d join job_items i on i.again = d.id and i.job = %s
                    where {UNDER_WAY})""",
            id,
        )
    )


def forget(tx: Transaction, days: float) -> int:
    """Removes jobs that ended ``days`` ago, and those that were previewed and never started; how many."""
    return tx.run(
        f"""delete from jobs where ended_at < now() - interval '1 day' * %s
            or state = 'previewed' and created_at < now() - interval '{NEVER_STARTED}'""",
        days,
    )


FROZEN = "target, state, version, round, step, finished_at, code, reason, hint"
FROZEN_NOW = """
coalesce(d.target, 0), d.state, d.version, d.round, d.step, d.finished_at, d.code, d.reason, d.hint"""

STOPPED_BY = "case when d.state in ('waiting', 'held', 'dead') then d.{0} end as {0}"
"""Elsewhere it is what stopped the delivery once."""
RESULT = """
coalesce(i.result, case when j.state = 'cancelled' then 'cancelled' else 'waiting' end)"""

LISTED = """
select j.id, j.act, j.state, j.who, j.selection, j.options - 'sealed' as options, j.undoes, j.created_at,
    j.started_at, j.ended_at,
    counted.items, counted.items - counted.applied - counted.skipped - counted.failed as waiting,
    counted.applied, counted.skipped, counted.failed
from jobs j cross join lateral (
    select count(*) as items, count(*) filter (where result = 'applied') as applied,
        count(*) filter (where result = 'skipped') as skipped, count(*) filter (where result = 'failed') as failed
    from job_items where job = j.id) as counted"""

TAKE = """
select i.delivery, i.target, i.state, i.version, i.round, i.step, i.finished_at, i.code, i.reason
from unnest(%(targets)s::smallint[], %(room)s::bigint[]) as t (target, room)
cross join lateral (
    select * from job_items i where i.job = %(id)s and i.result is null and i.target = t.target
    order by i.delivery limit t.room) as i
order by i.delivery"""

NOW = """
select d.id, d.state, d.version, d.round, d.step, d.finished_at, d.code, d.reason, d.workflow, m.object_id
from deliveries d join messages m on m.id = d.message where d.id = any (%s::bigint[]) order by d.id for update of d"""

WRITE = """
update job_items i set result = given.result, remark = given.remark, again = given.again,
    decision = given.decision, at = now()
from unnest(%(delivery)s::bigint[], %(result)s::text[], %(remark)s::text[], %(again)s::bigint[],
    %(decision)s::bigint[]) as given (delivery, result, remark, again, decision)
where i.job = %(id)s and i.delivery = given.delivery"""
