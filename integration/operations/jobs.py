"""Jobs: what a person does with many deliveries at once, and how the fleet carries it out.

A job is previewed, which freezes its items; it runs once it is started, in slices.  A slice is one transaction that
acts and writes the result of each item, so whoever goes on after a crash does none of them twice.  What it sends is
paced: no more is under way at a target than the target's limit lets through in some seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg2
import structlog

from integration.errors import Failure, place_of, places_of
from integration.operations.acts import ACTS, FAILED, SENDS, UNDOES, Means
from integration.operations.objects import Page, page_of
from integration.operations.selection import Selection
from integration.rules.in_force import InForce
from integration.store import alerts, audit
from integration.store import jobs as stored
from integration.store.conditions import LAST
from integration.store.database import UNAVAILABLE, Database, Row, Transaction
from integration.store.jobs import Result

logger = structlog.get_logger(__name__)

UNDER_WAY = ("running", "paused")
"""The states of a job that was started and has not ended."""
SLICE = 100
"""So many items of a target at most share a transaction."""
PACE, AT_REST = 1.0, 5.0
"""Seconds until the next slice: while what was sent is under way, and while nothing may be sent."""


@dataclass(frozen=True)
class Preview:
    """What a job would do: its number, how many items it has, and these by target and code with three examples."""

    id: int
    count: int
    rows: list[Row]


@dataclass(frozen=True)
class Shown:
    """A job; what it ``waits_for``, ``{id, target, count, paused}``; and the states of what it has applied ``now``,
    ``{state, code, count}``."""

    job: Row
    waits_for: list[Row]
    now: list[Row]


def preview(tx: Transaction, act: str, chosen: Selection, limit: int, who: str, **options: Any) -> Preview:
    """Freezes the newest deliveries that are meant now as the items of a new job, which waits to be started."""
    id = stored.freeze(tx, act, chosen, limit, who, options=options, selection=_for_the_record(chosen))
    return _previewed(tx, id)


def preview_undo(tx: Transaction, id: int, who: str) -> Preview:
    """Freezes what a job has applied as the items of another that takes it back.

    Raises `Failure` where the job has not ended, cannot be undone, or has nothing left to undo.
    """
    job = the_job(tx, id)
    if job["act"] not in UNDOES:
        raise Failure(f"job {id} cannot be undone: it is {_an(job['act'])}", hint=NO_UNDO.get(job["act"]))
    if job["state"] not in stored.ENDED:
        raise Failure(
            f"job {id} is {job['state']}", hint=f"`fleet jobs cancel {id}` ends it where it is; then undo it."
        )
    found = _previewed(tx, stored.freeze_undo(tx, id, who))
    if not found.count:
        raise Failure(f"nothing that job {id} has applied is left to be undone")
    return found


def check_in_force(tx: Transaction, id: int, known: InForce) -> None:
    """Raises `Failure` when a delivery of the job is of a workflow that is not in force any more."""
    published = [each for each in (known.whole, known.canary) if each]
    if gone := stored.workflows(tx, id) - {name for each in published for name in each.pins}:
        raise Failure(
            f"not among the workflows in force: {', '.join(sorted(gone))}", hint="Use --pinned, or resolve them."
        )


def start(tx: Transaction, id: int, who: str) -> None:
    """Lets a job that was previewed run."""
    job = the_job(tx, id)
    _become(tx, job, "running", who, "start", among=["previewed"], act=job["act"], items=job["items"])


def discard(tx: Transaction, id: int) -> None:
    """Removes a job that was previewed, and that nobody wants."""
    stored.discard(tx, id)


def pause(tx: Transaction, id: int, who: str) -> None:
    """Stops a job before its next slice, until it is resumed.  What was sent goes on."""
    _become(tx, the_job(tx, id), "paused", who, "pause", among=["running"])


def resume(tx: Transaction, id: int, who: str) -> None:
    """Lets a job that was paused go on."""
    _become(tx, the_job(tx, id), "running", who, "resume", among=["paused"])


def cancel(tx: Transaction, id: int, who: str) -> None:
    """Ends a job before its next slice.  What it has applied stays; `preview_undo` takes back what can be."""
    _become(tx, the_job(tx, id), "cancelled", who, "cancel", among=UNDER_WAY)


def listed(tx: Transaction, states: Sequence[str], limit: int, before: int = LAST) -> Page:
    """The jobs, newest first, as `store.jobs.listed` has them."""
    return page_of(stored.listed(tx, states=states, limit=limit + 1, before=before), limit)


def items(tx: Transaction, id: int, *, result: str | None, limit: int, after: int = 0) -> Page:
    """What a job has done about each delivery, as `store.jobs.items` has it."""
    return page_of(stored.items(tx, id, result=result, limit=limit + 1, after=after), limit, "delivery")


def show(tx: Transaction, id: int) -> Shown:
    """A job and how far it is; `Failure` where there is none."""
    job = the_job(tx, id)
    open_job = job["state"] not in stored.ENDED
    return Shown(job, stored.waiting(tx, id) if open_job else [], stored.ends(tx, id))


def the_job(tx: Transaction, id: int) -> Row:
    job = stored.show(tx, id)
    if job is None:
        raise Failure(f"there is no job {id}", hint="`fleet jobs ls` lists those there are.")
    return job


def attended(tx: Transaction) -> bool:
    """Whether a fleet runs that carries jobs out."""
    return alerts.has_heartbeat(tx)


def advance(database: Database, id: int, means: Means) -> bool:
    """Carries out one slice of a job, and ends it after the last; whether another may follow at once.

    False where the job does not run, or another process is at it.
    """
    with database.transaction() as tx:
        job = stored.lock(tx, id)
        if job is None:
            return False
        waiting = stored.waiting(tx, id)
        items = stored.take(tx, id, _room(tx, job, waiting, means))
        stored.write(tx, id, _acted(tx, job, items, means))
        if items:
            return True
        if waiting:
            stored.rest(tx, id, AT_REST if all(each["paused"] for each in waiting) else PACE)
        elif stored.has_open(tx, id):
            stored.rest(tx, id, PACE)
        elif stored.become(tx, id, "done", among=["running"]):
            logger.info("job.done", job=id)
    return False


def put_off(tx: Transaction, id: int) -> None:
    """Lets a job wait whose slice has failed as a whole."""
    stored.rest(tx, id, AT_REST)


def _acted(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:
    """The result of each item.  Where the act fails for one of several, each is tried alone."""
    if not items:
        return []
    tx.run("savepoint before_act")
    try:
        return ACTS[job["act"]](tx, job, items, means)
    except UNAVAILABLE:
        raise
    except Exception as error:  # whatever it is, the other items and jobs go on
        tx.run("rollback to savepoint before_act")
        if len(items) == 1:
            return [_failed(job, items[0], error)]
        return [result for item in items for result in _acted(tx, job, [item], means)]


def _failed(job: Row, item: Row, error: Exception) -> Result:
    """The result of an item whose act has failed: by a failure with a name, by Postgres, or by a defect of ours."""
    id, kind = item["delivery"], type(error).__name__
    if isinstance(error, Failure | psycopg2.Error):
        logger.error("job.item_failed", job=job["id"], delivery=id, error=kind)
        return Result(id, FAILED, error.reason if isinstance(error, Failure) else kind)
    logger.error("job.defect", job=job["id"], delivery=id, error=kind, places=places_of(error))
    return Result(id, FAILED, f"defect: {kind} at {place_of(error)}; report it with the log of this time")


def _room(tx: Transaction, job: Row, waiting: Sequence[Row], means: Means) -> dict[int, int]:
    """How many items may be acted on now, by target."""
    if job["act"] not in SENDS:
        return {each["id"]: SLICE for each in waiting}
    busy = stored.under_way(tx)
    left = {each["id"]: means.room.get(each["id"], SLICE) - busy.get(each["id"], 0) for each in waiting}
    return {target: min(count, SLICE) for target, count in left.items() if count > 0}


def _previewed(tx: Transaction, id: int) -> Preview:
    rows = stored.preview(tx, id)
    return Preview(id, sum(row["count"] for row in rows), rows)


def _become(
    tx: Transaction, job: Row, state: str, who: str, action: str, *, among: Sequence[str], **detail: object
) -> None:
    if not stored.become(tx, job["id"], state, among=among):
        raise Failure(
            f"job {job['id']} is {job['state']}", hint=f"What is {' or '.join(among)} can be {PARTICIPLE[action]}."
        )
    audit.note(tx, who, action, [None], job=job["id"], **detail)


def _for_the_record(chosen: Selection) -> str:
    """The selection in words, without an address or its HMAC; many ids by their number."""
    several = f"{len(chosen.ids)} ids" if len(chosen.ids) > 1 else ""
    given = replace(chosen, ids=() if several else chosen.ids, email_key="given" if chosen.email_key else None)
    return ", ".join(filter(None, (str(given), several)))


def _an(act: str) -> str:
    return f"an {act}" if act[0] in "aeiou" else f"a {act}"


NO_UNDO: Mapping[str, str] = {
    "replay": "What was sent again is at its target, or on its way there.  `fleet jobs cancel` stops what is left.",
    "undo": "Approve, correct or resolve it again.",
}
PARTICIPLE = {"start": "started", "pause": "paused", "resume": "resumed", "cancel": "cancelled"}
