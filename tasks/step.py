"""The run protocol: one claim, the steps of one hop, one transaction that says how it ended."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import structlog
from psycopg2.errors import UniqueViolation

from integration.canonical import freeze, parse_json, thaw
from integration.errors import Failure, Hold, Misconfigured, Needs, Reject, Retry, Skip, Throttled
from integration.masking import without_personal
from integration.message import State, Step, clear
from integration.store import crossrefs, deliveries, installations
from integration.store.database import AWAY
from integration.store.deliveries import POISONED, SUSPECT, Delivery, Next
from tasks.celery import INGEST
from tasks.effect import Effect, effect_of
from tasks.job import Job, credit
from tasks.leases import Lease, LeaseLost
from tasks.process import Process
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

HOPS = ((Step.FETCH,), (Step.TRANSFORM, Step.VALIDATE), (Step.ENRICH, Step.POST), (Step.PUSH_STATUS,))
"""The steps that share a queue, and so run under one claim."""
HOP_OF: Mapping[Step, Sequence[Step]] = {step: hop for hop in HOPS for step in hop}

NEEDED_WITHIN = 3600.0
PROBED_EVERY = 60.0
CLOSED = (State.DONE, State.SKIPPED, State.HELD, State.DEAD)


Body = Callable[[Job], None]


class FetchFirst(Exception):
    """The event does not hold its object, or not for sure: it has to be read from its source."""


def run(process: Process, id: int, first: Step, bodies: Mapping[Step, Body]) -> int | None:
    """Runs one hop of a delivery.  Returns the id with which the chain goes on; None ends the chain here.

    Never raises for what goes wrong with the delivery: that becomes its state.  Raises `psycopg2.OperationalError` or
    `psycopg2.InterfaceError` when Postgres is away; the lease lapses then, and the dispatcher brings the delivery back.
    """
    with process.database.statement() as tx:
        delivery = deliveries.claim(tx, id, HOP_OF[first], process.targets)
        if delivery is None:
            deliveries.stand_back(tx, id)
            return None
    with process.leases.hold(delivery) as lease, process.company.of(alone=delivery.leases >= SUSPECT):
        try:
            return _finish(process, delivery, lease, *_outcome(process, delivery, lease, bodies))
        except LeaseLost:
            logger.warning("lease lost", delivery=id)
        except AWAY:
            raise
        except UniqueViolation:
            return _finish(process, delivery, lease, _taken(delivery), None)
        except Exception as error:  # in the books, not in the work: what was done is found by the next look
            return _finish(process, delivery, lease, _defect(delivery, error), None)
    return None


def _outcome(
    process: Process, delivery: Delivery, lease: Lease, bodies: Mapping[Step, Body]
) -> tuple[Next, Effect | None]:
    """Runs the steps, and says where the delivery goes and what follows if it took effect."""
    try:
        job = _open(process, delivery, DeliveryWork(process, delivery, lease))
        _run_steps(job, lease, bodies)
        return _onward(job)
    except FetchFirst:
        return Next(State.READY, step=Step.FETCH, queue=job.workflow.source), None
    except Failure as failure:
        return _after(process, delivery, lease, failure), None
    except (LeaseLost, *AWAY):
        raise
    except Exception as error:  # whatever it is, it is a defect of ours, and the others go on
        return _defect(delivery, error), None


def _open(process: Process, delivery: Delivery, work: DeliveryWork) -> Job:
    if delivery.leases > POISONED:
        raise Reject(
            f"{POISONED} workers in a row died over it",
            hint="Look at the workers' logs of these times; when the cause is mended, `fleet dead replay ID`.",
            code="poison",
        )
    if delivery.applied_version is not None and delivery.version < delivery.applied_version:
        raise Skip(f"superseded: version {delivery.applied_version} was applied already")
    assert delivery.pin
    document = thaw(process.vault.open(delivery.document)) if delivery.document else {}
    return Job(process, delivery, process.workflow(delivery.pin), work, document)


def _run_steps(job: Job, lease: Lease, bodies: Mapping[Step, Body]) -> None:
    hop = HOP_OF[job.delivery.step]
    at_target = job.delivery.queue != INGEST
    with job.process.admitted(job.kind, lease.check) if at_target else nullcontext() as lease.place:
        for step in hop[hop.index(job.delivery.step) :]:
            bodies[step](job)


def _onward(job: Job) -> tuple[Next, Effect | None]:
    """Where a delivery goes whose hop went well."""
    if job.delivery.step in (Step.ENRICH, Step.POST):
        return Next(State.DONE, effects=tuple(job.work.effects)), effect_of(job)
    if job.delivery.step is Step.PUSH_STATUS:
        return Next(State.DONE, effects=tuple(job.work.effects)), None
    fetched = job.delivery.step is Step.FETCH
    step, queue = (Step.TRANSFORM, INGEST) if fetched else (Step.ENRICH, job.workflow.target)
    document = job.process.vault.seal(freeze(job.document))
    return Next(State.QUEUED, step=step, queue=queue, document=document, credit=credit(job.process, queue)), None


def _after(process: Process, delivery: Delivery, lease: Lease, failure: Failure) -> Next:
    """Where a delivery goes after a failure with a name."""
    said: dict[str, Any] = {"reason": _told(process, delivery, failure), "hint": failure.hint, "code": failure.code}
    match failure:
        case Throttled(after=after):
            return Next(State.WAITING, due_in=after, **said)
        case Needs(entity=entity, id=id, at=at):
            if delivery.waited >= NEEDED_WITHIN:
                logger.error("still waiting", delivery=delivery.id, entity=entity, number=clear(id))
            needs = crossrefs.needed(at or delivery.target, entity, clear(id))
            return Next(State.WAITING, due_in=NEEDED_WITHIN, needs=needs, **said)
        case Skip(settles=settles):
            return Next(State.SKIPPED, settles=settles, **said)
        case Hold(candidates=candidates):
            sealed = process.vault.seal(freeze(list(candidates))) if candidates else None
            return Next(State.HELD, candidates=sealed, **said)
        case Misconfigured():
            return Next(State.WAITING, due_in=PROBED_EVERY, pauses=delivery.queue != INGEST, **said)
        case Retry():
            return _again(process, delivery, lease.place is None or lease.place.spends_attempt, said)
        case _:
            return Next(State.DEAD, **said)


def _told(process: Process, delivery: Delivery, failure: Failure) -> str:
    """The reason without what is personal in the event: what a target or a mapping says may quote it."""
    if isinstance(failure, Throttled | Needs | Skip) or failure.code == "unreadable":
        return failure.reason
    return without_personal(failure.reason, parse_json(process.vault.open(delivery.body)))


def _again(process: Process, delivery: Delivery, spends: bool, said: dict[str, Any]) -> Next:
    """By the connector's schedule, with full jitter.  A probe, or a failure that the open breaker explains, is free."""
    if not spends:
        return Next(State.WAITING, due_in=1.0, **said)
    tries = delivery.attempts + 1
    schedule = process.connector(delivery.queue).retry
    wait = schedule[max(start for start in schedule if start <= tries)]
    if wait is None:
        said["hint"] = f"{tries} tries failed.  When the target is well again, `fleet dead replay ID`."
        return Next(State.DEAD, spends=True, **said)
    jittered = random.uniform(0.1, 1.0) * wait * process.settings.retry_scale  # noqa: S311 - spreads load
    return Next(State.WAITING, due_in=jittered, spends=True, **said)


def _defect(delivery: Delivery, error: Exception) -> Next:
    """The text of an unknown error may hold anything, so only its type and its places are told."""
    logger.error("defect", delivery=delivery.id, error=type(error).__name__, places=places_of(error)[-12:])
    return Next(
        State.DEAD,
        spends=True,
        code="defect",
        reason=f"{type(error).__name__} at {place_of(error)}",
        hint="A defect here, not in the order: report it with the log of this time.  When it is mended, "
        "`fleet dead replay ID`.",
    )


def place_of(error: Exception) -> str:
    """The file and line that raised it."""
    return (places_of(error) or ["?"])[-1]


def places_of(error: Exception) -> list[str]:
    """The files and lines through which it came, outermost first."""
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]


def _taken(delivery: Delivery) -> Next:
    """Their id of what was posted belongs to another object of ours already."""
    return Next(
        State.HELD,
        code="taken",
        reason=f"what stands at the target for this {delivery.entity} is known as another {delivery.entity} of ours",
        hint="Was the target, or this fleet's database, restored from a backup?  Compare both objects at the target, "
        "and enter by hand what is missing there.",
    )


def _finish(process: Process, delivery: Delivery, lease: Lease, next: Next, effect: Effect | None) -> int | None:
    """Writes how the hop ended, and everything that follows from it, in one transaction.

    Raises `LeaseLost`, with nothing written, when somebody else has the delivery.
    """
    following: int | None = None
    with process.database.transaction() as tx:
        state = deliveries.move(tx, delivery, next)
        if state is None:
            raise LeaseLost
        if state is State.DONE:
            deliveries.supersede(tx, delivery)
        if effect:
            following = effect.leave_behind(tx, delivery)
        if next.settles:
            crossrefs.settle(tx, delivery)
            deliveries.supersede(tx, delivery)
        if next.needs and crossrefs.exists(tx, next.needs):
            deliveries.wake_needing(tx, next.needs)
        if state in CLOSED:
            deliveries.wake_lane(tx, delivery.lane)
        if lease.place and lease.place.opened_after is not None:
            deliveries.give_back(tx, delivery, lease.place.opened_after)
        if next.pauses:
            installations.pause(tx, process.installations[delivery.queue].id, next.reason or "", next.hint)
    _tell(delivery, state, next)
    return delivery.id if state is State.QUEUED else following


def _tell(delivery: Delivery, state: State, next: Next) -> None:
    """One line for whatever did not simply go well."""
    if not next.code:
        return
    log = logger.error if next.pauses or state is State.DEAD else logger.warning if state is State.HELD else logger.info
    log(
        "delivery",
        delivery=delivery.id,
        step=delivery.step.value,
        state=state.value,
        code=next.code,
        reason=next.reason,
    )
