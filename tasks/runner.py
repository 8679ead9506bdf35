"""The run protocol: one claim, the steps of one hop, one transaction that says how it ended; for up to 16 at once.

Deliveries of one hop run side by side, so that what they ask at the same time is asked once; one that fails falls out
and ends with the others.  Only intents wait for the disk, and make durable what came before them.  A Postgres that
crashes may forget a claim or an end: then the hop is run again, and finds its effect at the target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import structlog
from psycopg2.errors import UniqueViolation

from integration import side_by_side
from integration.canonical import freeze, thaw
from integration.errors import Failure, Reject, Skip, Throttled
from integration.message import State, Step
from integration.store import deliveries
from integration.store.database import UNAVAILABLE
from integration.store.deliveries import POISONED, SUSPECT, Delivery, Next
from tasks.celery import INGEST, TOGETHER, Following
from tasks.endings import End, finish
from tasks.fulfilment import tracking
from tasks.leases import LeaseLost
from tasks.outcomes import after_defect, with_taken_id
from tasks.runtime import Runtime
from tasks.tracking import Job
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

HOPS = ((Step.FETCH,), (Step.TRANSFORM, Step.VALIDATE), (Step.ENRICH, Step.POST), (Step.PUSH_STATUS,))
"""The steps that share a queue, and so run under one claim."""
HOP_OF: Mapping[Step, Sequence[Step]] = {step: hop for hop in HOPS for step in hop}

PROBED_FOR = 1.0
MOST_ROUNDS = 20
END_TOGETHER = 0.25
"""So many seconds what has ended waits for others of its hop that are calling."""

Body = Callable[[Job], Step | None]
"""Runs one step; returns the step that has to come before it, if one has."""


def run(runtime: Runtime, ids: Sequence[int], first: Step, bodies: Mapping[Step, Body]) -> list[Following]:
    """Runs one hop of deliveries of one queue: one claim for all, one transaction at the end.  What is due and was not
    claimed among several is tried alone.  Returns those with which the chain goes on.

    Never raises for what goes wrong with a delivery: that becomes its state.  Raises `psycopg2.OperationalError` or
    `psycopg2.InterfaceError` when Postgres is away, and `MemoryError`; the leases lapse then, and the dispatcher brings
    the deliveries back.
    """
    return [each for following in rounds(runtime, ids, first, bodies) for each in following]


def rounds(
    runtime: Runtime, ids: Sequence[int], first: Step, bodies: Mapping[Step, Body], queue: str | None = None
) -> Iterator[list[Following]]:
    """The same, with what else is due in the ``queue`` beside those of the nudge; and again, while that fills a hop."""
    for _ in range(MOST_ROUNDS if queue else 1):
        if queue:
            runtime.gather(queue)
        claimed, left = _claim(runtime, ids, first, queue)
        if claimed:
            yield _hop(runtime, claimed, bodies)
        for id in left:
            yield run(runtime, [id], first, bodies)
        if len(claimed) < TOGETHER:
            return
        ids = ()


def _claim(runtime: Runtime, ids: Sequence[int], first: Step, queue: str | None) -> tuple[list[Delivery], list[int]]:
    """The leases of what may run now, and which of the others are due; what may not waits behind its lane.

    A single one is asked for twice when the one before it has ended in between: nothing else would nudge it again.
    """
    with runtime.database.statement(durable=False) as tx:
        claimed = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets, queue=queue, most=TOGETHER)
        refused = set(ids) - {delivery.id for delivery in claimed}
        left = sorted(deliveries.requeue_behind_lane(tx, sorted(refused))) if refused else []
        if left and len(ids) == 1 and not claimed:
            claimed, left = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets), []
    return claimed, left


def _hop(runtime: Runtime, claimed: Sequence[Delivery], bodies: Mapping[Step, Body]) -> list[Following]:
    alone = any(delivery.leases >= SUSPECT for delivery in claimed)
    with runtime.leases.hold(claimed) as leases, runtime.beside.hold(alone=alone):
        works = [DeliveryWork(runtime, *each) for each in zip(claimed, leases, strict=True)]
        return sorted(each for each in _run_side_by_side(runtime, works, bodies) if each)


def _run_side_by_side(
    runtime: Runtime, works: Sequence[DeliveryWork], bodies: Mapping[Step, Body]
) -> list[Following | None]:
    """Runs the steps of each, and ends it; what goes on, None for what does not.

    At a target they share one admission.  Where that is a probe one of them goes, and the others wait for its word.
    """
    queue = works[0].delivery.queue
    if works[0].delivery.leases > POISONED:  # which is alone, and waits for no place at its target
        return finish(runtime, [End(works[0], _poison())])
    pieces = [partial(_run, runtime, work, bodies) for work in works]
    if queue == INGEST:
        return side_by_side.run(pieces)
    refused: Failure = Throttled("a probe is under way at the target", after=PROBED_FOR)
    following: list[Following | None] = []
    try:
        with runtime.admitted(queue, len(works)) as place:
            for work in works:
                work.lease.place = place
            following = side_by_side.run(pieces[: 1 if place.probe else None])
    except Failure as failure:
        refused = failure
    return following + finish(runtime, [End(work, refused) for work in works[len(following) :]])


def _run(runtime: Runtime, work: DeliveryWork, bodies: Mapping[Step, Body]) -> Following | None:
    delivery, job, began = work.delivery, None, time.monotonic()
    try:
        job = _open(runtime, work)
        with runtime.calling(work.lease):
            went: Next | Failure = _next_hop(job, _run_steps(job, bodies))
    except Failure as failure:
        went = failure
    except LeaseLost:
        logger.warning("delivery.lease_lost", delivery=delivery.id)
        return None
    except (MemoryError, *UNAVAILABLE):  # whose fault it is that memory ran out will show when it runs alone
        raise
    except UniqueViolation:
        went, job = with_taken_id(delivery), None
    except Exception as error:  # whatever it is, it is a defect of ours, and the others go on
        went, job = after_defect(delivery, error), None
    end = End(work, went, job, _credit_of_what_follows(job), time.monotonic() - began)
    return side_by_side.together(finish, end, partial(finish, runtime), patience=END_TOGETHER)


def check_newest(delivery: Delivery) -> None:
    """Raises `Skip` when the target has a newer version of the object."""
    if delivery.applied_version is not None and delivery.version < delivery.applied_version:
        raise Skip(f"superseded: version {delivery.applied_version} was applied already")


def _open(runtime: Runtime, work: DeliveryWork) -> Job:
    delivery = work.delivery
    check_newest(delivery)
    assert delivery.pin
    document = thaw(runtime.vault.open(delivery.document)) if delivery.document else {}
    workflow = runtime.workflow(delivery.pin)
    return Job(runtime, delivery, workflow, work, document, tracking(delivery.entity), taken=delivery.taken)


def _poison() -> Reject:
    return Reject(
        f"{POISONED} workers in a row died over it",
        hint="Look at the workers' logs of these times; when the cause is fixed, `fleet dead replay ID`.",
        code="poison",
    )


def _run_steps(job: Job, bodies: Mapping[Step, Body]) -> Step | None:
    """Runs what is left of the hop, or stops at the step that has to come first, and returns that."""
    hop = HOP_OF[job.delivery.step]
    for step in hop[hop.index(job.delivery.step) :]:
        if (first := bodies[step](job)) is not None:
            return first
    return None


def _next_hop(job: Job, first: Step | None) -> Next:
    """Where a delivery goes whose hop went well, or which has to be fetched ``first``."""
    if first is not None:
        return Next(State.READY, step=first, queue=job.workflow.source)
    if job.delivery.step in (Step.ENRICH, Step.POST, Step.PUSH_STATUS):
        return Next(State.DONE, effects=tuple(job.work.effects))
    fetched = job.delivery.step is Step.FETCH
    step, queue = (Step.TRANSFORM, INGEST) if fetched else (Step.ENRICH, job.workflow.target)
    document = job.runtime.vault.seal(freeze(job.document))
    return Next(State.QUEUED, step=step, queue=queue, document=document, credit=job.runtime.credit(queue))


def _credit_of_what_follows(job: Job | None) -> int:
    """How many nudges the queue of what follows may hold: asked here, before the transaction that writes it."""
    follows = job and job.posted and job.workflow.then and job.workflow.informs in job.runtime.installations
    return job.runtime.credit(job.workflow.informs) if job and follows else 0
