"""The road as Celery sees it: a delivery's remaining hops as a chain, published in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from celery import chain

from integration.message import Step
from tasks import steps
from tasks.celery import INGEST, app

TASKS = {
    Step.TRANSFORM: steps.transform,
    Step.VALIDATE: steps.validate,
    Step.ENRICH: steps.enrich,
    Step.POST: steps.post,
    Step.PUSH_STATUS: steps.push_status,
}
BATCH = 100


def road(id: int, step: Step, target: str, source: str = "clarity") -> Any:
    """The chain of a delivery from a step on: one task for each hop that is left.

    The first is given the id, each later one what the one before it returns.  A hop whose follower is not to run yet
    cuts the chain.
    """
    label = f"({id}, '{target}')"
    if step is Step.PUSH_STATUS:
        return TASKS[step].si(id).set(queue=target, argsrepr=label)
    after = TASKS[Step.PUSH_STATUS].s().set(queue=source)
    if step in (Step.ENRICH, Step.POST):
        return chain(TASKS[step].si(id).set(queue=target, argsrepr=label), after)
    first = TASKS[step].si(id).set(queue=INGEST, argsrepr=label)
    return chain(first, TASKS[Step.ENRICH].s().set(queue=target, argsrepr=label), after)


def nudge(due: Iterable[dict[str, Any]]) -> None:
    """Publishes one nudge for each ``{id, step, target}`` in few round trips.

    Raises `kombu.exceptions.OperationalError` when Redis is away; nothing is lost then, the dispatcher nudges later.
    """
    roads: Sequence[Any] = [road(row["id"], Step(row["step"]), row["target"]) for row in due]
    if not roads:
        return
    with app.producer_pool.acquire(block=True) as producer, producer.batch(BATCH):
        for each in roads:
            each.apply_async(producer=producer)
