"""Where a delivery goes whose hop did not go well, by what failed."""

from __future__ import annotations

import random
from typing import Any

import structlog

from integration.canonical import digest, freeze, parse_json
from integration.canonical.entities import entity
from integration.canonical.hints import fill, with_variables_of
from integration.errors import Failure, Hold, Misconfigured, Needs, Retry, Skip, Throttled, place_of, places_of
from integration.masking import without_personal
from integration.message import State, clear
from integration.store import crossrefs
from integration.store.deliveries import Delivery, Next
from tasks.celery import INGEST
from tasks.runtime import Runtime
from tasks.tracking import Job
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

NEEDED_WITHIN = 3600.0
PROBED_EVERY = 60.0


def after_failure(runtime: Runtime, work: DeliveryWork, failure: Failure, job: Job | None = None) -> Next:
    """Where a delivery goes after a failure with a name, which its ``job`` had, if it came to have one."""
    delivery, place = work.delivery, work.lease.place
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
        case Skip(settles=settles, echo=echo):
            return Next(State.SKIPPED, settles=settles, echo=echo, **said)
        case Hold(candidates=candidates, difference=difference):
            sealed = runtime.vault.seal(freeze(list(candidates))) if candidates else None
            return Next(State.HELD, candidates=sealed, about=_about(failure, job), difference=difference, **said)
        case Misconfigured():
            return Next(State.WAITING, due_in=PROBED_EVERY, pauses=delivery.queue != INGEST, **said)
        case Retry():
            return _retry(runtime, delivery, place is None or place.spends_attempt, said)
        case _:
            return Next(State.DEAD, **said)


def _about(held: Hold, job: Job | None) -> str | None:
    """The digest of what a check has compared; None where no approval could be about it."""
    compared = list(held.compared)
    if held.difference is not None and not compared and job and "canonical" in job.document:
        sums = entity(job.delivery.entity).sums
        compared = list(sums(job.document["canonical"])[:1]) if sums else []
    return digest(compared) if compared else None


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


def after_defect(delivery: Delivery, error: Exception) -> Next:
    """The text of an unknown error may hold anything, so only its type and its places are logged."""
    logger.error("delivery.defect", delivery=delivery.id, error=type(error).__name__, places=places_of(error))
    return Next(
        State.DEAD,
        spends=True,
        code="defect",
        reason=f"{type(error).__name__} at {place_of(error)}",
        hint="A defect of the fleet, not of the object: report it with the log of this time.  When it is fixed, "
        "`fleet dead replay ID`.",
    )


def with_taken_id(delivery: Delivery) -> Next:
    """Their id of what was posted belongs to another object of ours already."""
    return Next(
        State.HELD,
        code="taken",
        reason=f"the target's record of this {delivery.entity} is known as another {delivery.entity} of ours",
        hint="Was the target, or this fleet's database, restored from a backup?  Compare both objects at the target, "
        "and enter by hand what is missing there.",
    )
