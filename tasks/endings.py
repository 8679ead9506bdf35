"""How a hop's deliveries end: their states, and what follows from them, in one transaction for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog
from psycopg2.errors import UniqueViolation

from integration import side_by_side
from integration.canonical import digest, freeze
from integration.errors import Failure
from integration.message import State, lane
from integration.operations.corrections import TRANSLATED
from integration.store import crossrefs, decisions, ends, installations, superseded
from integration.store.crossrefs import Written
from integration.store.database import UNAVAILABLE, Transaction
from integration.store.deliveries import Delivery, Next, Push
from tasks.celery import INGEST, Following
from tasks.identity import adopt_new_id
from tasks.leases import LeaseLost
from tasks.outcomes import after_defect, after_failure, with_taken_id
from tasks.runtime import Runtime
from tasks.tracking import FollowUp, Job
from tasks.work import DeliveryWork

logger = structlog.get_logger(__name__)

CLOSED = (State.DONE, State.SKIPPED, State.HELD, State.DEAD)


@dataclass(frozen=True)
class End:
    """How a hop ended for one delivery: where it goes, or the failure that says so, and the job that is written, too.

    ``credit`` is how many nudges the queue of what follows may hold.  ``took`` is how long its steps took, in seconds.
    """

    work: DeliveryWork
    went: Next | Failure
    job: Job | None = None
    credit: int = 0
    took: float = 0.0


Decided = tuple[End, Next]


def finish(runtime: Runtime, ended: Sequence[End]) -> list[Following | None]:
    """Writes how hops ended in one transaction; if that fails, each in one of its own.  Returns which go on at once.

    Raises `psycopg2.OperationalError` or `psycopg2.InterfaceError` when Postgres is away, and `MemoryError`.
    """
    decided = [(end, _decide(runtime, end)) for end in ended]
    if len(decided) > 1:
        try:
            return _write(runtime, decided)
        except (MemoryError, *UNAVAILABLE) as error:
            if not getattr(error, "pgcode", None):  # a deadlock, say, is no outage
                raise
        except Exception as error:  # one of them, which the others are not to suffer for
            logger.info("hop.batch_split", deliveries=len(decided), error=type(error).__name__)
    return [_finish_alone(runtime, *each) for each in decided]


def _decide(runtime: Runtime, end: End) -> Next:
    """Where a delivery goes; of several that failed at once it is known by now whether it was the target."""
    went = after_failure(runtime, end.work, end.went, end.job) if isinstance(end.went, Failure) else end.went
    return replace(went, taken=end.job.taken) if end.job else went


def _finish_alone(runtime: Runtime, end: End, next: Next) -> Following | None:
    delivery = end.work.delivery
    try:
        return _write(runtime, [(end, next)])[0]
    except LeaseLost:
        logger.warning("delivery.lease_lost", delivery=delivery.id)
        return None
    except (MemoryError, *UNAVAILABLE):
        raise
    except UniqueViolation:
        end.work.forget_own_id()
        next = with_taken_id(delivery)
    except Failure as failure:  # what its tracking read has changed since
        next = after_failure(runtime, end.work, failure, end.job)
    except Exception as error:  # the writing failed, not the call: the next run finds its effect at the target
        next = after_defect(delivery, error)
    return _write(runtime, [(replace(end, job=None), next)])[0]


def _write(runtime: Runtime, decided: Sequence[Decided]) -> list[Following | None]:
    """Writes the states of deliveries after their hop and what follows from them; returns which go on at once.

    Side by side, in the order of their objects: so their statements are shared, and two batches do not cross each
    other.  Raises `LeaseLost`, with nothing written, when somebody else has one of them.
    """
    order = sorted(range(len(decided)), key=lambda place: _place_of(decided[place][0].work.delivery))
    with runtime.database.transaction(durable=False) as tx:
        pieces = [partial(_write_one, tx, runtime, *decided[place]) for place in order]
        written = dict(zip(order, side_by_side.run(pieces), strict=True))
        _refund(tx, decided)
    for place, (end, next) in enumerate(decided):
        end.work.written()
        _log_outcome(end, next, written[place][0])
    return [written[place][1] for place in range(len(decided))]


def _place_of(delivery: Delivery) -> tuple[str, str, int]:
    return delivery.entity, delivery.object_id, delivery.id


def _write_one(tx: Transaction, runtime: Runtime, end: End, next: Next) -> tuple[State, Following | None]:
    delivery = end.work.delivery
    end.work.write_down(tx)  # before the lease is given up
    if end.job:
        end.job.tracking.at_end(tx, end.job)
    state = tx.together(ends.move, (delivery, next))
    if state is None:
        raise LeaseLost
    if state in (State.HELD, State.DEAD):
        state = superseded.keep_one(tx, delivery, state)
    if next.echo:
        superseded.wait_for_newer(tx, delivery)
    if end.work.decided.lapsed:
        decisions.lapse(tx, end.work.decided.lapsed, delivery.version)
    following = None
    if end.job and end.job.posted and state is State.DONE:
        delivery, following = _record(tx, runtime, end.job, end.credit)
    if next.settles:
        crossrefs.settle(tx, delivery)
    if next.needs and crossrefs.exists(tx, next.needs):
        ends.wake_needing(tx, next.needs)
    if state in CLOSED:
        tx.together(ends.leave_lane, (delivery, next.settles or state is State.DONE))
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
    crossref = Written(
        delivery.target,
        delivery.entity,
        delivery.object_id,
        posted.theirs,
        number=posted.number,
        source=delivery.source,
        version=delivery.version,
        digest=job.document.get(TRANSLATED) or digest(job.document["target"]),
        taken=job.taken,
    )
    tx.together(crossrefs.write, crossref)
    pushes = [_push(runtime, each, credit) for each in job.tracking.after_post(tx, job)]
    made = [(*tx.together(ends.insert_push, (delivery, push)), push.queue) for push in pushes]
    return delivery, next(((id, queue) for id, state, queue in made if state is State.QUEUED), None)


def _push(runtime: Runtime, follows: FollowUp, credit: int) -> Push:
    at = runtime.installations[follows.system]
    document = runtime.vault.seal(freeze(follows.document))
    return Push(at.id, follows.system, lane(at.name, *follows.object), follows.entity, document, credit)


def _refund(tx: Transaction, decided: Sequence[Decided]) -> None:
    """Where failures of this hop opened the breaker it was the target: those that led to it cost nobody an attempt."""
    first = decided[0][0].work
    opened_after = first.lease.place.take_opened_after() if first.lease.place else None
    if opened_after is not None:
        but = [end.work.delivery.id for end, _ in decided]
        ends.refund_attempts(tx, first.delivery.queue, but, opened_after)


def _log_outcome(end: End, next: Next, state: State) -> None:
    """One line for each hop, at debug where it simply went well."""
    delivery = end.work.delivery
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
