"""The road as Celery sees it: a delivery's remaining hops as a chain, published in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from celery import chain

from integration.message import Step
from tasks import steps
from tasks.celery import INGEST, app
from tasks.step import HOP_OF, HOPS

SHOP = "clarity"
"""Where events are fetched from, and statuses are pushed to."""
TASKS = {
    Step.FETCH: steps.fetch,
    Step.TRANSFORM: steps.transform,
    Step.VALIDATE: steps.validate,
    Step.ENRICH: steps.enrich,
    Step.POST: steps.post,
    Step.PUSH_STATUS: steps.push_status,
}
BATCH = 100


def road(id: int, step: Step, target: str) -> Any:
    """The chain of a delivery from a step on: one task for each hop that is left.

    The first is given the id, each later one what the one before it returns.  A hop whose follower is not to run yet
    cuts the chain.
    """
    queues = {**dict.fromkeys(HOP_OF[Step.TRANSFORM], INGEST), **dict.fromkeys(HOP_OF[Step.POST], target)}
    label = f"({id}, '{target}')"
    later = [
        TASKS[hop[0]].s().set(queue=queues.get(hop[0], SHOP), argsrepr=label)
        for hop in HOPS[HOPS.index(HOP_OF[step]) + 1 :]
    ]
    first = TASKS[step].si(id).set(queue=queues.get(step, SHOP), argsrepr=label)
    return chain(first, *later) if later else first


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
