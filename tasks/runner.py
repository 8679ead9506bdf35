"""The run protocol: one claim, the steps of one hop, one transaction that says how it ended; for up to 16 at once.

Deliveries of one hop run side by side, so that what they ask at the same time is asked once; one that fails falls out
and ends with the others.  Only intents wait for the disk, and make durable what came before them.  A Postgres that
crashes may forget a claim or an end: then the hop is run again, and finds its effect at the target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from tasks.celery import INGEST, Following
from tasks.endings import End, finish
from tasks.fulfilment import tracking
from tasks.leases import Lease, LeaseLost
from tasks.outcomes import after_defect, after_failure, with_taken_id
from tasks.runtime import Runtime
from tasks.tracking import Job
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

HOPS = ((Step.FETCH,), (Step.TRANSFORM, Step.VALIDATE), (Step.ENRICH, Step.POST), (Step.PUSH_STATUS,))
"""The steps that share a queue, and so run under one claim."""
HOP_OF: Mapping[Step, Sequence[Step]] = {step: hop for hop in HOPS for step in hop}

PROBED, PROBED_FOR = "a probe is under way at the target", 1.0

Body = Callable[[Job], Step | None]
"""Runs one step; returns the step that has to come before it, if one has."""


def run(runtime: Runtime, ids: Sequence[int], first: Step, bodies: Mapping[Step, Body]) -> list[Following]:
    """Runs one hop of deliveries of one queue: one claim for all, one transaction at the end.  What is due and was not
    claimed among several is tried alone.  Returns those with which the chain goes on.

    Never raises for what goes wrong with a delivery: that becomes its state.  Raises `psycopg2.OperationalError` or
    `psycopg2.InterfaceError` when Postgres is away, and `MemoryError`; the leases lapse then, and the dispatcher brings
    the deliveries back.
    """
    claimed, left = _claim(runtime, ids, first)
    following = _hop(runtime, claimed, bodies) if claimed else []
    return following + [each for id in left for each in run(runtime, [id], first, bodies)]


def _claim(runtime: Runtime, ids: Sequence[int], first: Step) -> tuple[list[Delivery], list[int]]:
    """The leases of what may run now, and which of the others are due; what may not waits behind its lane.

    A single one is asked for twice when the one before it has ended in between: nothing else would nudge it again.
    """
    with runtime.database.statement(durable=False) as tx:
        claimed = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets)
        refused = set(ids) - {delivery.id for delivery in claimed}
        left = sorted(deliveries.requeue_behind_lane(tx, sorted(refused))) if refused else []
        if left and len(ids) == 1:
            claimed, left = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets), []
    return claimed, left


def _hop(runtime: Runtime, claimed: Sequence[Delivery], bodies: Mapping[Step, Body]) -> list[Following]:
    alone = any(delivery.leases >= SUSPECT for delivery in claimed)
    with runtime.leases.hold(claimed) as leases, runtime.beside.hold(alone=alone):
        ran = _run_side_by_side(runtime, list(zip(claimed, leases, strict=True)), bodies)
        return finish(runtime, [_end(runtime, each) for each in ran if each])


@dataclass(frozen=True)
class Ran:
    """How the steps of one delivery went: where it goes from here, or the failure that says so."""

    delivery: Delivery
    lease: Lease
    work: DeliveryWork
    went: Next | Failure
    job: Job | None = None
    took: float = 0.0


def _run_side_by_side(
    runtime: Runtime, leased: Sequence[tuple[Delivery, Lease]], bodies: Mapping[Step, Body]
) -> list[Ran | None]:
    """Runs the steps of each; None where another worker has the delivery by now.

    At a target they share one admission.  Where that is a probe one of them goes, and the others wait for its word.
    """
    queue = leased[0][0].queue
    pieces = [partial(_run, runtime, *each, bodies) for each in leased]
    if queue == INGEST:
        return side_by_side.run(pieces)
    try:
        with runtime.admitted(queue, len(leased)) as place:
            for _, lease in leased:
                lease.place = place
            going = 1 if place.probe else len(leased)
            ran = side_by_side.run(pieces[:going], place.lines)
    except Failure as refused:
        return [_refused(runtime, *each, refused) for each in leased]
    return ran + [_refused(runtime, *each, Throttled(PROBED, after=PROBED_FOR)) for each in leased[going:]]


def _refused(runtime: Runtime, delivery: Delivery, lease: Lease, refused: Failure) -> Ran:
    return Ran(delivery, lease, DeliveryWork(runtime, delivery, lease), refused)


def _run(runtime: Runtime, delivery: Delivery, lease: Lease, bodies: Mapping[Step, Body]) -> Ran | None:
    work, job, began = DeliveryWork(runtime, delivery, lease), None, time.monotonic()
    try:
        job = _open(runtime, delivery, work)
        with runtime.calling(lease):
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
    return Ran(delivery, lease, work, went, job, time.monotonic() - began)


def _end(runtime: Runtime, ran: Ran) -> End:
    """Where the delivery goes, decided when all of the hop have ended: then it is known whether it was the target."""
    went = ran.went
    next = after_failure(runtime, ran.delivery, ran.lease, went) if isinstance(went, Failure) else went
    return End(ran.delivery, ran.lease, ran.work, next, ran.job, _credit_of_what_follows(ran.job), ran.took)


def _open(runtime: Runtime, delivery: Delivery, work: DeliveryWork) -> Job:
    if delivery.leases > POISONED:
        raise Reject(
            f"{POISONED} workers in a row died over it",
            hint="Look at the workers' logs of these times; when the cause is fixed, `fleet dead replay ID`.",
            code="poison",
        )
    if delivery.applied_version is not None and delivery.version < delivery.applied_version:
        raise Skip(f"superseded: version {delivery.applied_version} was applied already")
    assert delivery.pin
    document = thaw(runtime.vault.open(delivery.document)) if delivery.document else {}
    return Job(runtime, delivery, runtime.workflow(delivery.pin), work, document, tracking(delivery.entity))


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
