"""The five steps of the road, each a Celery task.

``transform ▸ validate`` run on the queue ``ingest``, ``enrich ▸ post`` on the target's, ``push_status`` on Clarity's.
A task carries a delivery's id and nothing else, runs its step and those that follow on the same queue, and hands the id
on to the next hop of its chain.
"""

from __future__ import annotations

from typing import Any

from integration.canonical import check_order, digest, parse_json
from integration.errors import Skip
from integration.message import Step
from tasks.celery import app
from tasks.process import process
from tasks.step import Job, run


@app.task(name="transform", bind=True)
def transform(task: Any, id: int) -> int | None:
    """From the event as it arrived to the canonical document, and from there to the target's."""
    return _hop(task, id, Step.TRANSFORM)


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


def _hop(task: Any, id: int, step: Step) -> int | None:
    following = run(process(), id, step, BODIES)
    if following is None:
        task.request.chain = None  # what comes later is nudged when it is due
    return following


def _transform(job: Job) -> None:
    event = parse_json(job.process.vault.open(job.delivery.body))
    canonical, target = job.workflow.translate(event)
    job.document = {"canonical": canonical, "target": target}


def _validate(job: Job) -> None:
    check_order(job.document["canonical"])
    if job.delivery.applied_digest == digest(job.document["target"]):
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
    return job.process.connector(job.kind)


BODIES = {
    Step.TRANSFORM: _transform,
    Step.VALIDATE: _validate,
    Step.ENRICH: _enrich,
    Step.POST: _post,
    Step.PUSH_STATUS: _push_status,
}
