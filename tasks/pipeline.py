"""The road as Celery sees it: a delivery's remaining hops as a chain, published in batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from celery import chain

from integration.message import Step
from integration.systems import KINDS
from tasks import steps
from tasks.celery import INGEST, publishing
from tasks.runner import HOP_OF, HOPS

TASKS = {
    Step.FETCH: steps.fetch,
    Step.TRANSFORM: steps.transform,
    Step.VALIDATE: steps.validate,
    Step.ENRICH: steps.enrich,
    Step.POST: steps.post,
    Step.PUSH_STATUS: steps.push_status,
}
TOGETHER = 32
"""So many deliveries share a nudge for `transform`."""


def road(ids: int | list[int], step: Step, target: str, shop: str) -> Any:
    """The chain of a delivery from a step on: one task for each hop that is left.

    The first is given the id, each later one what the one before it returns.  A hop whose follower is not to run yet
    cuts the chain; one that is given several ids gives each a chain of its own.  Events are fetched from the ``shop``,
    and statuses are pushed to it.
    """
    queues = {**dict.fromkeys(HOP_OF[Step.TRANSFORM], INGEST), **dict.fromkeys(HOP_OF[Step.POST], target)}
    label = f"({ids}, '{target}')"
    later = [
        TASKS[hop[0]].s().set(queue=queues.get(hop[0], shop), argsrepr=label)
        for hop in HOPS[HOPS.index(HOP_OF[step]) + 1 :]
    ]
    first = TASKS[step].si(ids).set(queue=queues.get(step, shop), argsrepr=label)
    return chain(first, *later) if later else first


def nudge(due: Iterable[dict[str, Any]]) -> None:
    """Publishes a nudge for each ``{id, step, target, source, source_kind}``, or one for several, in few round trips.

    Raises `kombu.exceptions.OperationalError` when Redis is away; nothing is lost then, the dispatcher nudges later.
    """
    if roads := list(_roads(due)):
        with publishing() as producer:
            for each in roads:
                each.apply_async(producer=producer)


def _roads(due: Iterable[dict[str, Any]]) -> Iterator[Any]:
    together: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in due:
        shop = row["source"] if KINDS[row["source_kind"]].role == "shop" else row["target"]
        if row["step"] == Step.TRANSFORM:
            together[row["target"], shop].append(row["id"])
        else:
            yield road(row["id"], Step(row["step"]), row["target"], shop)
    for (target, shop), ids in together.items():
        for start in range(0, len(ids), TOGETHER):
            some = ids[start : start + TOGETHER]
            yield road(some if len(some) > 1 else some[0], Step.TRANSFORM, target, shop)
