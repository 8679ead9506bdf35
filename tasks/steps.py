"""The five steps of the road, each a Celery task, and ``fetch``, which comes first where an event is thin.

``transform ▸ validate`` run on the queue ``ingest``, ``enrich ▸ post`` on the target's, ``push_status`` on Clarity's.
A task carries ids of deliveries and nothing else, runs its step and those that follow on the same queue, and hands a
single id on to the next hop of its chain; what goes on of several gets a chain of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from integration.canonical import digest, parse_json
from integration.canonical.entities import entity, noun
from integration.connectors.contract import Document
from integration.errors import Hold, Needs, Reject, Retry, Skip
from integration.message import Step, clear
from integration.rules import echo
from integration.store import crossrefs
from integration.store.deliveries import REPLAYED
from tasks.celery import Following, app, spread
from tasks.identity import is_elsewhere
from tasks.runner import Body, rounds
from tasks.runtime import current
from tasks.tracking import Job

logger = structlog.get_logger(__name__)

Ids = int | list[int]
UNCHANGED = "unchanged: nothing that the mapping reads has changed"
APPEARS_BY = 4
"""Tries after which an object that its source announced, and does not show, is taken to be not there."""


@app.task(name="fetch", bind=True)
def fetch(task: Any, ids: Ids) -> int | None:
    """Reads from its source what an event does not hold."""
    return _hop(task, ids, Step.FETCH)


@app.task(name="transform", bind=True)
def transform(task: Any, ids: Ids) -> int | None:
    """From the event as it arrived to the canonical document, and from there to the target's."""
    return _hop(task, ids, Step.TRANSFORM)


@app.task(name="validate", bind=True)
def validate(task: Any, ids: Ids) -> int | None:
    """Refuses or holds what cannot be right, and skips what the target shows already."""
    return _hop(task, ids, Step.VALIDATE)


@app.task(name="enrich", bind=True)
def enrich(task: Any, ids: Ids) -> int | None:
    """Fills in what only the target knows: ids of partners, products, taxes."""
    return _hop(task, ids, Step.ENRICH)


@app.task(name="post", bind=True)
def post(task: Any, ids: Ids) -> int | None:
    """Makes the target show the document."""
    return _hop(task, ids, Step.POST)


@app.task(name="push_status", bind=True)
def push_status(task: Any, ids: Ids) -> int | None:
    """Updates the status of an order in Clarity."""
    return _hop(task, ids, Step.PUSH_STATUS)


def _hop(task: Any, ids: Ids, step: Step) -> int | None:
    """The id with which the chain goes on.  What does not go on now is nudged when it is due."""
    rest, task.request.chain = task.request.chain, None
    place: Mapping[str, Any] = task.request.delivery_info or {}
    given = [ids] if isinstance(ids, int) else ids
    goes_on: list[Following] = []
    try:
        for following in rounds(current(), given, step, BODIES, place.get("routing_key")):
            spread(rest, goes_on)
            goes_on = following
    except MemoryError:  # which Celery would pass on, and never count the task as ended
        logger.error("hop.out_of_memory", deliveries=ids)
    if rest and [id for id, _ in goes_on] == [ids]:
        task.request.chain = rest
        rest[-1]["options"]["queue"] = goes_on[0][1]
        return goes_on[0][0]
    spread(rest, goes_on)
    return None


def _fetch(job: Job) -> None:
    source, event = job.runtime.connector(job.system), _event(job)
    try:
        whole = source.fetch(job.delivery.entity, str(event["data"].get("id") or ""))
    except Hold as absent:
        if job.delivery.attempts < APPEARS_BY:
            raise Retry(absent.reason, code="not_there_yet") from absent
        raise
    job.document = {"event": {**event, "data": whole}}


def _transform(job: Job) -> Step | None:
    if is_elsewhere(job.runtime, job.delivery):
        raise Skip(f"the {noun(job.delivery.entity)} is not one of {job.workflow.target}", settles=True)
    event = job.document.get("event") or _event(job)
    if "event" not in job.document and not _holds_all(job, event):
        return Step.FETCH
    if isinstance(event, dict) and "data" in event:
        event = {**event, "data": job.work.decided.corrected(event["data"])}
    event = job.tracking.before_transform(job, event)
    try:
        made = job.workflow.translate(event, job.runtime.installations, job.tracking.conversion)
    except (Hold, Reject) as failure:
        job.taken = echo.failed(job.workflow, event, failure)
        _skip_echo(job)
        if not _is_replay(job) and echo.says_the_same(job.delivery.applied_taken, job.taken):
            raise Skip(UNCHANGED, settles=True) from failure  # it was applied by other definitions
        raise
    job.taken = echo.taken(job.workflow, event, made)
    _skip_echo(job)
    corrected = {"event": job.document["event"]} if job.delivery.edited == "event" else {}
    part = {} if made.part == made.canonical else {"part": made.part}
    job.document = {"canonical": made.canonical, **part, "target": made.target, **corrected}
    return None


def _skip_echo(job: Job) -> None:
    """Raises `Skip` for an event in which nothing that the mapping reads differs from what was taken last.

    That is what waits for a person, who decides about this event instead; else what the target has got.
    """
    delivery = job.delivery
    if _is_replay(job):
        return
    if delivery.waiting_taken == job.taken:
        raise Skip(UNCHANGED, echo=True)
    if delivery.applied_taken == job.taken:
        raise Skip(UNCHANGED, settles=True)


def _is_replay(job: Job) -> bool:
    return job.delivery.priority == REPLAYED or job.delivery.replay_of is not None


def _event(job: Job) -> Document:
    event: Document = parse_json(job.runtime.vault.open(job.delivery.body))
    return event


def _holds_all(job: Job, event: Document) -> bool:
    """Whether the event holds its object in full, and none before it is missing."""
    given, applied = event.get("data"), job.delivery.applied_version
    whole = entity(job.delivery.entity).whole
    from_home = job.runtime.kind_of(job.delivery.source) == entity(job.delivery.entity).home
    if whole is None or not from_home or not isinstance(given, dict):
        return True  # what a poll has read is whole
    gap = applied is not None and job.delivery.version > applied + 1
    return whole(given) and not (event.get("truncated") or given.get("truncated") or gap)


def _validate(job: Job) -> None:
    canonical = job.document["canonical"]
    job.tracking.before_validate(job)
    of = entity(job.delivery.entity)
    if of.sums:
        job.work.decided.keep_about(of.sums, canonical)
    if of.check:
        of.check(canonical, job.work.decided.approves)
    _require(job)
    progress_changed = job.tracking.after_validate(job)
    applied = job.delivery.applied_digest
    shown = applied is not None and applied == digest(job.document["target"])
    if shown and job.delivery.replay_of is None and not progress_changed:
        raise Skip("unchanged: the target shows this already", settles=True)


def _require(job: Job) -> None:
    """Raises `Needs` for the first object that the target has to have before this one, and has not."""
    for of, id in job.workflow.needed(job.document["canonical"]):
        with job.runtime.database.statement() as tx:
            if not crossrefs.exists(tx, crossrefs.needed(job.delivery.target, of, clear(id))):
                raise Needs(of, id)


def _enrich(job: Job) -> None:
    _check_key(job)
    job.document["enriched"] = _connector(job).enrich(job.delivery.entity, job.document["target"], job.work)


def _check_key(job: Job) -> None:
    """Raises `Hold` for a document that would be written over another object: the target finds records by the key."""
    key = job.document["target"].get("key")
    if key is not None and clear(str(key)) != job.delivery.object_id:
        raise Hold(
            f"the document is about another {noun(job.delivery.entity)} than its event",
            hint="Revoke the decision that has corrected its id (`fleet decisions ls --object ID`); or let the row of "
            "key in the mapping copy the id. {again}",
            code="another_object",
        )


def _post(job: Job) -> None:
    if "enriched" not in job.document:
        _enrich(job)
    document = job.tracking.before_post(job, job.document["enriched"])
    job.posted = _connector(job).post(job.delivery.entity, document, job.work)


def _push_status(job: Job) -> None:
    _connector(job).post(job.delivery.entity, job.document, job.work)


def _connector(job: Job) -> Any:
    return job.runtime.connector(job.system)


BODIES: Mapping[Step, Body] = {
    Step.FETCH: _fetch,
    Step.TRANSFORM: _transform,
    Step.VALIDATE: _validate,
    Step.ENRICH: _enrich,
    Step.POST: _post,
    Step.PUSH_STATUS: _push_status,
}
