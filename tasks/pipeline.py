"""The road as Celery sees it: a delivery's remaining hops as a chain, published in batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from celery import chain

from integration.message import Step
from tasks import steps
from tasks.celery import INGEST, TOGETHER, publishing
from tasks.runner import HOP_OF, HOPS

TASKS = {
    Step.FETCH: steps.fetch,
    Step.TRANSFORM: steps.transform,
    Step.VALIDATE: steps.validate,
    Step.ENRICH: steps.enrich,
    Step.POST: steps.post,
    Step.PUSH_STATUS: steps.push_status,
}


def road(ids: int | list[int], step: Step, queue: str, target: str) -> Any:
    """The chain of a delivery from a step on: one task for each hop that is left.

    The first is given the id, each later one what the one before it returns, and the queue on which that goes on.  A
    hop whose follower is not to run yet cuts the chain; one that is given several ids gives those that go on together
    a chain of their own.
    """
    label = f"({ids}, '{target}')"
    later = [TASKS[hop[0]].s().set(argsrepr=label) for hop in HOPS[HOPS.index(HOP_OF[step]) + 1 :]]
    first = TASKS[step].si(ids).set(queue=queue, argsrepr=label)
    return chain(first, *later) if later else first


def nudge(due: Iterable[dict[str, Any]]) -> None:
    """Publishes a nudge for each ``{id, step, queue, target}``, or one for several, in few round trips.

    Raises `kombu.exceptions.OperationalError` when Redis is away; nothing is lost then, the dispatcher nudges later.
    """
    if roads := list(_roads(due)):
        with publishing() as producer:
            for each in roads:
                each.apply_async(producer=producer)


def _roads(due: Iterable[dict[str, Any]]) -> Iterator[Any]:
    together: dict[tuple[Step, str, str], list[int]] = defaultdict(list)
    for row in due:
        step = Step(row["step"])
        together[step, INGEST if step is Step.TRANSFORM else row["queue"], row["target"]].append(row["id"])
    for (step, queue, target), ids in together.items():
        for start in range(0, len(ids), TOGETHER):
            some = ids[start : start + TOGETHER]
            yield road(some if len(some) > 1 else some[0], step, queue, target)
