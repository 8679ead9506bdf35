"""The run protocol: one claim, the steps of one hop, one transaction that says how it ended.

Only intents wait for the disk, and make durable what came before them.  A Postgres that crashes may forget a claim or
an end: then the hop is run again, and finds its effect at the target.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from psycopg2.errors import UniqueViolation

from integration.canonical import digest, freeze, parse_json, thaw
from integration.canonical.entities import entity
from integration.canonical.hints import fill, with_variables_of
from integration.errors import Failure, Hold, Misconfigured, Needs, Reject, Retry, Skip, Throttled
from integration.masking import without_personal
from integration.message import State, Step, clear, lane
from integration.store import crossrefs, deliveries, installations, superseded
from integration.store.database import UNAVAILABLE, Transaction
from integration.store.deliveries import POISONED, SUSPECT, Delivery, Next, Push
from tasks.celery import INGEST, Following
from tasks.fulfilment import tracking
from tasks.identity import adopt_new_id
from tasks.leases import Lease, LeaseLost
from tasks.runtime import Runtime
from tasks.tracking import FollowUp, Job
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

HOPS = ((Step.FETCH,), (Step.TRANSFORM, Step.VALIDATE), (Step.ENRICH, Step.POST), (Step.PUSH_STATUS,))
"""The steps that share a queue, and so run under one claim."""
HOP_OF: Mapping[Step, Sequence[Step]] = {step: hop for hop in HOPS for step in hop}

NEEDED_WITHIN = 3600.0
PROBED_EVERY = 60.0
CLOSED = (State.DONE, State.SKIPPED, State.HELD, State.DEAD)


Body = Callable[[Job], Step | None]
"""Runs one step; returns the step that has to come before it, if one has."""


@dataclass(frozen=True)
class End:
    """How a hop ended: where the delivery goes, and the job whose tracking and effect are written with it.

    ``credit`` is how many nudges the queue of what follows may hold, asked before the transaction.  ``took`` is how
    long its steps took, in seconds.
    """

    delivery: Delivery
    lease: Lease
    work: DeliveryWork
    next: Next
    job: Job | None = None
    credit: int = 0
    took: float = 0.0


def run(runtime: Runtime, ids: Sequence[int], first: Step, bodies: Mapping[Step, Body]) -> list[Following]:
    """Runs one hop of deliveries: one claim for all, one transaction at the end.  What was not claimed among several is
    tried alone.  Returns those with which the chain goes on.

    Never raises for what goes wrong with a delivery: that becomes its state.  Raises `psycopg2.OperationalError` or
    `psycopg2.InterfaceError` when Postgres is away, and `MemoryError`; the leases lapse then, and the dispatcher brings
    the deliveries back.
    """
    claimed = _claim(runtime, ids, first)
    following: list[Following] = []
    if claimed:
        alone = any(delivery.leases >= SUSPECT for delivery in claimed)
        with runtime.leases.hold(claimed) as leases, runtime.beside.hold(alone=alone):
            ends = [_end(runtime, *each, bodies) for each in zip(claimed, leases, strict=True)]
            following = _finish(runtime, [end for end in ends if end])
    left = set(ids) - {delivery.id for delivery in claimed} if len(ids) > 1 else ()
    return following + [each for id in sorted(left) for each in run(runtime, [id], first, bodies)]


def _claim(runtime: Runtime, ids: Sequence[int], first: Step) -> list[Delivery]:
    """The leases of what may run now; a single one that may not waits behind its lane.

    It is asked for twice when the one before it has ended in between: nothing else would nudge it again.
    """
    with runtime.database.statement(durable=False) as tx:
        claimed = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets)
        if not claimed and len(ids) == 1 and not deliveries.requeue_behind_lane(tx, ids[0]):
            claimed = deliveries.claim(tx, ids, HOP_OF[first], runtime.targets)
    return claimed


def _end(runtime: Runtime, delivery: Delivery, lease: Lease, bodies: Mapping[Step, Body]) -> End | None:
    """Runs the steps; None when another worker has the delivery by now."""
    work, began = DeliveryWork(runtime, delivery, lease), time.monotonic()
    try:
        return replace(_outcome(runtime, delivery, work, lease, bodies), took=time.monotonic() - began)
    except LeaseLost:
        logger.warning("delivery.lease_lost", delivery=delivery.id)
        return None


def _outcome(
    runtime: Runtime, delivery: Delivery, work: DeliveryWork, lease: Lease, bodies: Mapping[Step, Body]
) -> End:
    job = None
    try:
        job = _open(runtime, delivery, work)
        next = _next_hop(job, _run_steps(job, lease, bodies))
        return End(delivery, lease, work, next, job, _credit_of_what_follows(job))
    except Failure as failure:
        return End(delivery, lease, work, _on_failure(runtime, delivery, lease, failure), job)
    except (LeaseLost, MemoryError, *UNAVAILABLE):  # whose fault it is that memory ran out will show when it runs alone
        raise
    except UniqueViolation:
        return End(delivery, lease, work, _duplicate_crossref(delivery))
    except Exception as error:  # whatever it is, it is a defect of ours, and the others go on
        return End(delivery, lease, work, _defect(delivery, error))


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


def _run_steps(job: Job, lease: Lease, bodies: Mapping[Step, Body]) -> Step | None:
    """Runs what is left of the hop, or stops at the step that has to come first, and returns that."""
    hop = HOP_OF[job.delivery.step]
    at_target = job.delivery.queue != INGEST
    with job.runtime.admitted(job.system, lease.check) if at_target else nullcontext() as lease.place:
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


def _credit_of_what_follows(job: Job) -> int:
    follows = job.posted and job.workflow.then and job.workflow.informs in job.runtime.installations
    return job.runtime.credit(job.workflow.informs) if follows else 0


def _on_failure(runtime: Runtime, delivery: Delivery, lease: Lease, failure: Failure) -> Next:
    """Where a delivery goes after a failure with a name."""
    called = runtime.settings.systems.get(delivery.queue)
    said: dict[str, Any] = {
        "reason": with_variables_of(called, _public_reason(runtime, delivery, failure)),
        "hint": fill(failure.hint, delivery.entity, runtime.kind_of(delivery.source), called),
        "code": failure.code,
    }
    match failure:
        case Throttled(after=after):
            return Next(State.WAITING, due_in=after, **said)
        case Needs(entity=of, id=id, at=at):
            if delivery.waited >= NEEDED_WITHIN:
                logger.error("delivery.still_waiting", delivery=delivery.id, entity=of, number=clear(id))
            needs = crossrefs.needed(at or delivery.target, of, clear(id))
            return Next(State.WAITING, due_in=NEEDED_WITHIN, needs=needs, **said)
        case Skip(settles=settles):
            return Next(State.SKIPPED, settles=settles, **said)
        case Hold(candidates=candidates):
            sealed = runtime.vault.seal(freeze(list(candidates))) if candidates else None
            return Next(State.HELD, candidates=sealed, **said)
        case Misconfigured():
            return Next(State.WAITING, due_in=PROBED_EVERY, pauses=delivery.queue != INGEST, **said)
        case Retry():
            return _retry(runtime, delivery, lease.place is None or lease.place.spends_attempt, said)
        case _:
            return Next(State.DEAD, **said)


def _public_reason(runtime: Runtime, delivery: Delivery, failure: Failure) -> str:
    """The reason without what is personal in the event: what a target or a mapping says may quote it."""
    if isinstance(failure, Throttled | Needs | Skip) or failure.code == "unreadable":
        return failure.reason
    event = parse_json(runtime.vault.open(delivery.body))
    return without_personal(failure.reason, event, personal=entity(delivery.entity).personal)


def _retry(runtime: Runtime, delivery: Delivery, spends: bool, said: dict[str, Any]) -> Next:
    """By the connector's schedule, with full jitter.  A probe, or a failure that the open breaker explains, is free."""
    if not spends:
        return Next(State.WAITING, due_in=1.0, **said)
    tries = delivery.attempts + 1
    schedule = runtime.connector(delivery.queue).retry
    wait = schedule[max(start for start in schedule if start <= tries)]
    if wait is None:
        said["hint"] = f"{tries} tries failed.  When the target is well again, `fleet dead replay ID`."
        return Next(State.DEAD, spends=True, **said)
    jittered = random.uniform(0.1, 1.0) * wait * runtime.settings.retry_scale  # noqa: S311 - spreads load
    return Next(State.WAITING, due_in=jittered, spends=True, **said)


def _defect(delivery: Delivery, error: Exception) -> Next:
    """The text of an unknown error may hold anything, so only its type and its places are logged."""
    logger.error("delivery.defect", delivery=delivery.id, error=type(error).__name__, places=places_of(error)[-12:])
    return Next(
        State.DEAD,
        spends=True,
        code="defect",
        reason=f"{type(error).__name__} at {place_of(error)}",
        hint="A defect of the fleet, not of the object: report it with the log of this time.  When it is fixed, "
        "`fleet dead replay ID`.",
    )


def place_of(error: Exception) -> str:
    """The file and line that raised it."""
    return (places_of(error) or ["?"])[-1]


def places_of(error: Exception) -> list[str]:
    """The files and lines through which it came, outermost first."""
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]


def _duplicate_crossref(delivery: Delivery) -> Next:
    """Their id of what was posted belongs to another object of ours already."""
    return Next(
        State.HELD,
        code="taken",
        reason=f"the target's record of this {delivery.entity} is known as another {delivery.entity} of ours",
        hint="Was the target, or this fleet's database, restored from a backup?  Compare both objects at the target, "
        "and enter by hand what is missing there.",
    )


def _finish(runtime: Runtime, ends: Sequence[End]) -> list[Following]:
    """Writes how the hops ended in one transaction; if that fails, each in one of its own."""
    if len(ends) != 1:
        try:
            return _write(runtime, ends)
        except (MemoryError, *UNAVAILABLE) as error:
            if not getattr(error, "pgcode", None):  # a deadlock, say, is no outage
                raise
        except Exception as error:  # one of them, which the others are not to suffer for
            logger.info("hop.batch_split", deliveries=len(ends), error=type(error).__name__)
        return [each for end in ends for each in _finish(runtime, [end])]
    (end,) = ends
    try:
        return _write(runtime, ends)
    except LeaseLost:
        logger.warning("delivery.lease_lost", delivery=end.delivery.id)
        return []
    except (MemoryError, *UNAVAILABLE):
        raise
    except UniqueViolation:
        end.work.forget_own_id()
        return _write(runtime, [replace(end, next=_duplicate_crossref(end.delivery), job=None)])
    except Failure as failure:  # what its tracking read has changed since
        next = _on_failure(runtime, end.delivery, end.lease, failure)
        return _write(runtime, [replace(end, next=next, job=None)])
    except Exception as error:  # the writing failed, not the call: the next run finds its effect at the target
        return _write(runtime, [replace(end, next=_defect(end.delivery, error), job=None)])


def _write(runtime: Runtime, ends: Sequence[End]) -> list[Following]:
    """Writes the states of deliveries after their hop and what follows from them; returns those that go on at once.

    Raises `LeaseLost`, with nothing written, when somebody else has one of them.
    """
    with runtime.database.transaction(durable=False) as tx:
        written = [_write_one(tx, runtime, end) for end in ends]
    for end, (state, _) in zip(ends, written, strict=True):
        end.work.written()
        _log_outcome(end, state)
    return [following for _, following in written if following is not None]


def _write_one(tx: Transaction, runtime: Runtime, end: End) -> tuple[State, Following | None]:
    delivery, next = end.delivery, end.next
    end.work.write_down(tx)  # before the lease is given up
    if end.job:
        end.job.tracking.at_end(tx, end.job)
    state = deliveries.move(tx, delivery, next)
    if state is None:
        raise LeaseLost
    if state in (State.HELD, State.DEAD):
        state = superseded.keep_one(tx, delivery, state)
    following = None
    if end.job and end.job.posted and state is State.DONE:
        delivery, following = _record(tx, runtime, end.job, end.credit)
    if next.settles:
        crossrefs.settle(tx, delivery)
    if next.needs and crossrefs.exists(tx, next.needs):
        deliveries.wake_needing(tx, next.needs)
    if state in CLOSED:
        deliveries.leave_lane(tx, delivery, supersedes=next.settles or state is State.DONE)
    if end.lease.place and end.lease.place.opened_after is not None:
        deliveries.refund_attempts(tx, delivery, end.lease.place.opened_after)
    at_target = delivery.queue != INGEST and runtime.installations[delivery.queue].id == delivery.target
    if at_target and state is State.DEAD:
        installations.pause_if_dying(tx, delivery.target, delivery.id, runtime.settings.pause_after_deaths)
    if next.pauses:
        installations.pause(tx, runtime.installations[delivery.queue].id, next.reason or "", next.hint)
    return state, (delivery.id, next.queue or delivery.queue) if state is State.QUEUED else following


def _record(tx: Transaction, runtime: Runtime, job: Job, credit: int) -> tuple[Delivery, Following | None]:
    """Writes what a post has changed, and what follows; the delivery, and the first that is to be nudged now."""
    assert job.posted
    posted = job.posted
    delivery = adopt_new_id(tx, runtime, job.delivery, posted.theirs)
    crossrefs.write(
        tx,
        delivery.target,
        delivery.entity,
        delivery.object_id,
        posted.theirs,
        number=posted.number,
        source=delivery.source,
        version=delivery.version,
        digest=digest(job.document["target"]),
    )
    pushes = [_push(runtime, each, credit) for each in job.tracking.after_post(tx, job)]
    made = [(*deliveries.insert_push(tx, delivery, push), push.queue) for push in pushes]
    return delivery, next(((id, queue) for id, state, queue in made if state is State.QUEUED), None)


def _push(runtime: Runtime, follows: FollowUp, credit: int) -> Push:
    at = runtime.installations[follows.system]
    document = runtime.vault.seal(freeze(follows.document))
    return Push(at.id, follows.system, lane(at.name, *follows.object), follows.entity, document, credit)


def _log_outcome(end: End, state: State) -> None:
    """One line for each hop, at debug where it simply went well."""
    delivery, next = end.delivery, end.next
    if not next.code:
        log = logger.debug
    elif next.pauses or state is State.DEAD:
        log = logger.error
    else:
        log = logger.warning if state is State.HELD else logger.info
    log(
        "delivery.attempted",
        delivery=delivery.id,
        step=delivery.step.value,
        attempt=delivery.attempts + 1,
        state=state.value,
        code=next.code,
        reason=next.reason,
        ms=round(end.took * 1000),
    )
