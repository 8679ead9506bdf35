"""The five steps of the road, each a Celery task, and ``fetch``, which comes first where an event is thin.

``transform ▸ validate`` run on the queue ``ingest``, ``enrich ▸ post`` on the target's, ``push_status`` on Clarity's.
A task carries the id of a delivery and nothing else, runs its step and those that follow on the same queue, and hands
the id on to the next hop of its chain.  On ``ingest``, where nobody else is waited for, one nudge may be for several.
"""

from __future__ import annotations

from typing import Any

import structlog

from integration.canonical import CHECKS, digest, parse_json
from integration.connectors.contract import Document, Readable
from integration.errors import Hold, Retry, Skip
from integration.message import Step
from tasks.celery import app, spread
from tasks.job import Job
from tasks.order import record, take_on, with_order
from tasks.runner import FetchFirst, run
from tasks.runtime import current

logger = structlog.get_logger(__name__)

APPEARS_BY = 4
"""Tries after which an object that its source announced, and does not show, is taken to be not there."""


@app.task(name="fetch", bind=True)
def fetch(task: Any, id: int) -> int | None:
    """Reads from its source what an event does not hold."""
    return _hop(task, id, Step.FETCH)


@app.task(name="transform", bind=True)
def transform(task: Any, ids: int | list[int]) -> int | None:
    """From the event as it arrived to the canonical document, and from there to the target's."""
    return _hop(task, ids, Step.TRANSFORM)


@app.task(name="validate", bind=True)
def validate(task: Any, id: int) -> int | None:
    """Refuses or holds what cannot be right, and skips what the target shows already."""
    return _hop(task, id, Step.VALIDATE)


@app.task(name="enrich", bind=True)
def enrich(task: Any, id: int) -> int | None:
    """Fills in what only the target knows: ids of partners, products, taxes."""
    return _hop(task, id, Step.ENRICH)


@app.task(name="post", bind=True)
def post(task: Any, id: int) -> int | None:
    """Makes the target show the document."""
    return _hop(task, id, Step.POST)


@app.task(name="push_status", bind=True)
def push_status(task: Any, id: int) -> int | None:
    """Tells Clarity what became of its order."""
    return _hop(task, id, Step.PUSH_STATUS)


def _hop(task: Any, ids: int | list[int], step: Step) -> int | None:
    """The id with which the chain goes on.  What does not go on now is nudged when it is due."""
    try:
        following = run(current(), [ids] if isinstance(ids, int) else ids, step, BODIES)
    except MemoryError:  # which Celery would pass on, and never count the task as ended
        logger.error("out of memory", deliveries=ids)
        following = []
    if isinstance(ids, int) and following:
        return following[0]
    rest, task.request.chain = task.request.chain, None
    spread(rest, following)
    return None


def _fetch(job: Job) -> None:
    source = job.runtime.connector(job.system)
    assert isinstance(source, Readable), job.system
    event = _event(job)
    try:
        whole = source.fetch(job.delivery.entity, str(event["data"].get("id") or ""))
    except Hold as absent:
        if job.delivery.attempts < APPEARS_BY:
            raise Retry(absent.reason, code="not_there_yet") from absent
        raise
    job.document = {"event": {**event, "data": whole}}


def _transform(job: Job) -> None:
    event = job.document.get("event") or _event(job)
    if "event" not in job.document and not _holds_all(job, event):
        raise FetchFirst
    if job.delivery.entity != "order":
        event = with_order(job, event)
    made = job.workflow.translate(event, job.runtime.installations)
    corrected = {"event": job.document["event"]} if job.delivery.edited == "event" else {}
    job.document = {"canonical": made.canonical, "part": made.part, "target": made.target, **corrected}


def _event(job: Job) -> Document:
    event: Document = parse_json(job.runtime.vault.open(job.delivery.body))
    return event


def _holds_all(job: Job, event: Document) -> bool:
    """Whether the event holds its object in full, and none before it is missing."""
    given, applied = event.get("data"), job.delivery.applied_version
    if job.delivery.entity != "order" or not isinstance(given, dict):
        return True
    gap = applied is not None and job.delivery.version > applied + 1
    return "lines" in given and not (event.get("truncated") or given.get("truncated") or gap)


def _validate(job: Job) -> None:
    canonical = job.document["canonical"]
    if job.delivery.entity == "order":
        take_on(job)
    CHECKS[job.delivery.entity](canonical, job.delivery.approved)
    told_more = job.delivery.entity != "order" and record(job)
    shown = job.delivery.applied_digest == digest(job.document["target"])
    if shown and job.delivery.replay_of is None and not told_more:
        raise Skip("unchanged: the target shows this already", settles=True)


def _enrich(job: Job) -> None:
    job.document["enriched"] = _connector(job).enrich(job.delivery.entity, job.document["target"], job.work)


def _post(job: Job) -> None:
    if "enriched" not in job.document:
        _enrich(job)
    job.posted = _connector(job).post(job.delivery.entity, job.document["enriched"], job.work)


def _push_status(job: Job) -> None:
    job.posted = _connector(job).post(job.delivery.entity, job.document, job.work)


def _connector(job: Job) -> Any:
    return job.runtime.connector(job.system)


BODIES = {
    Step.FETCH: _fetch,
    Step.TRANSFORM: _transform,
    Step.VALIDATE: _validate,
    Step.ENRICH: _enrich,
    Step.POST: _post,
    Step.PUSH_STATUS: _push_status,
}
