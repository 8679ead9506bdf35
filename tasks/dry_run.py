"""A dry run: the documents of a delivery, what its target shows now, and how a replay would end; nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from integration.canonical import parse_json, thaw
from integration.connectors.contract import Document, Request
from integration.errors import Failure, Misconfigured, Retry, Throttled
from integration.message import Step
from integration.rules.workflow import Workflow
from integration.store import deliveries, repair
from integration.store.deliveries import Delivery, Next
from tasks.celery import INGEST
from tasks.fulfilment import tracking
from tasks.leases import Lease
from tasks.outcomes import after_failure
from tasks.runner import check_newest
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tasks.tracking import Job
from tasks.work import DeliveryWork

PATIENCE = 20.0
"""So many seconds a dry run waits for its place at a target; one that is paused says at once that it takes longer."""

AWAY = (Throttled, Misconfigured)
"""A target that is left in peace now, or does not let us in, will not answer about the next delivery either."""


@dataclass(frozen=True)
class DryRun:
    """What a replay would do.

    ``event`` is the event as it is translated, ``canonical`` what the target is to carry of it, ``sends`` the document
    for the target, each None where it does not come to that.  ``shows`` is what the target has of it by the same names,
    or, where the target was not to be asked (``asked``), the document it last got; None for nothing.  ``first`` is the
    first call that would change something.  ``stops`` is how it would end without one.  ``unasked`` is why the target
    could not be asked; then ``shows`` says nothing.
    """

    delivery: Delivery
    workflow: Workflow
    asked: bool
    event: Document | None
    canonical: Document | None = None
    sends: Document | None = None
    shows: Document | None = None
    first: tuple[str, Request] | None = None
    stops: Next | None = None
    unasked: Failure | None = None

    @property
    def away(self) -> bool:
        """Whether the target cannot be asked about others either."""
        return isinstance(self.unasked, AWAY)


class FirstEffect(Exception):
    """Here something would have changed."""

    def __init__(self, effect: str, request: Request) -> None:
        super().__init__(effect)
        self.effect = effect
        self.request = request


class Looking(DeliveryWork):
    """A delivery under way that may look, and nothing else."""

    def reserve(self, entity: str, id: str) -> None: ...

    def remember(self, entity: str, id: str, theirs: str) -> None: ...

    def adopt(self, entity: str, id: str, theirs: str) -> bool:
        return not self.taken(entity, id, [theirs])

    def relink(self, entity: str, id: str, was: str, theirs: str) -> None: ...

    def found(self, effect: str, evidence: str) -> None: ...

    def perform(self, effect: str, request: Request, *_: Callable[[Request], Any] | None) -> Any:
        raise FirstEffect(effect, request)


def dry_run(
    runtime: Runtime, id: int, step: Step | None, current: Mapping[str, Workflow], *, ask: bool = True
) -> DryRun | None:
    """Goes through a delivery as a replay from ``step`` would; None for one that no workflow took.

    ``current`` are the workflows by whose definitions it is translated; one that is not among them keeps its own.
    Without ``ask`` nothing is asked of the target, but for an event that has to be read from its source.
    """
    with runtime.database.statement() as tx:
        delivery = deliveries.look(tx, id)
        version = repair.version(tx, id) if delivery else 0
    if delivery is None or delivery.pin is None:
        return None
    stored = thaw(runtime.vault.open(delivery.document)) if delivery.document else {}
    start = _start(delivery, step)
    workflow = current.get(delivery.workflow) if start is Step.TRANSFORM else None
    workflow = workflow or runtime.workflow(delivery.pin)
    # A replay begins with no attempt spent, and is not skipped as unchanged.
    delivery = replace(delivery, version=version, step=start, attempts=0, replay_of=delivery.replay_of or delivery.id)
    work = Looking(runtime, delivery, Lease(delivery))
    job = Job(runtime, delivery, workflow, work, stored, tracking(delivery.entity))
    corrected = stored["event"] if delivery.edited == "event" else None
    found = DryRun(delivery, workflow, asked=ask, event=corrected or parse_json(runtime.vault.open(delivery.body)))
    try:
        check_newest(delivery)
    except Failure as superseded:  # its documents are shown all the same
        found = replace(found, stops=_ends(job, superseded))
    if start is Step.TRANSFORM:
        job.document = {"event": corrected} if corrected else {}
        found = _take_on(job, found)
    elif start is not Step.PUSH_STATUS and "target" not in job.document:
        raise Failure(f"delivery {id} was never translated", hint="Repeat it without --from-step.")
    job.delivery = replace(job.delivery, step=Step.PUSH_STATUS if start is Step.PUSH_STATUS else Step.POST)
    return _at_target(job, _with_documents(found, job))


def _start(delivery: Delivery, step: Step | None) -> Step:
    if delivery.step is Step.PUSH_STATUS:
        return Step.PUSH_STATUS
    return step or (Step.ENRICH if delivery.edited == "target" else Step.TRANSFORM)


def _take_on(job: Job, found: DryRun) -> DryRun:
    """Runs the steps before the target; what is made before one of them fails stays in the job's document."""
    try:
        if BODIES[Step.TRANSFORM](job) is Step.FETCH:
            _fetch(job)
            found = replace(found, event=job.document["event"])
            BODIES[Step.TRANSFORM](job)
        BODIES[Step.VALIDATE](job)
    except Failure as failure:
        away = failure if job.delivery.step is Step.FETCH and isinstance(failure, AWAY) else None
        return replace(found, stops=found.stops or _ends(job, failure), unasked=away)
    return found


def _fetch(job: Job) -> None:
    before = job.delivery
    job.delivery = replace(before, step=Step.FETCH)
    with _place(job.runtime, job.system):
        BODIES[Step.FETCH](job)
    job.delivery = before


def _with_documents(found: DryRun, job: Job) -> DryRun:
    if job.delivery.step is Step.PUSH_STATUS:
        return replace(found, sends=job.document)
    canonical = job.part if "canonical" in job.document else None
    return replace(found, canonical=canonical, sends=job.document.get("target"))


def _at_target(job: Job, found: DryRun) -> DryRun:
    """Looks at what the target has, and runs the step up to its first effect, if nothing stops it before."""
    if found.sends is None:
        return found
    if not found.asked:
        return replace(found, shows=_last_sent(job))
    try:
        with _place(job.runtime, job.system):
            found = _seen(job, found)
            return found if found.stops else _first_effect(job, found)
    except Failure as failure:
        return replace(found, unasked=failure, stops=found.stops or _ends(job, failure))


def _seen(job: Job, found: DryRun) -> DryRun:
    try:
        connector = job.runtime.connector(job.system)
        return replace(found, shows=connector.shown(job.delivery.entity, found.sends or {}, job.work))
    except (*AWAY, Retry):
        raise
    except Failure as failure:
        return replace(found, unasked=failure)


def _first_effect(job: Job, found: DryRun) -> DryRun:
    try:
        BODIES[job.delivery.step](job)
    except FirstEffect as first:
        return replace(found, first=(first.effect, first.request))
    except AWAY:
        raise
    except Failure as failure:
        return replace(found, stops=_ends(job, failure))
    return found


def _last_sent(job: Job) -> Document | None:
    with job.runtime.database.statement() as tx:
        sealed = deliveries.last_sent(tx, job.delivery)
    if sealed is None:
        return None
    document: Document = thaw(job.runtime.vault.open(sealed))
    return document if job.delivery.step is Step.PUSH_STATUS else document.get("target")


def _ends(job: Job, failure: Failure) -> Next:
    """How a worker would end it, with the reason as it would be stored."""
    called = INGEST if job.delivery.step is Step.TRANSFORM else job.system
    # It waits anew, whatever its age: that it has waited too long would be logged.
    job.work.delivery = replace(job.delivery, queue=called, waited=0.0)
    return after_failure(job.runtime, job.work, failure)


@contextmanager
def _place(runtime: Runtime, system: str) -> Iterator[None]:
    """A place at a target, for which it waits; `Throttled` when that takes longer than `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(runtime.admitted(system))
                break
            except Throttled as busy:
                if time.monotonic() + busy.after > until:
                    raise
                time.sleep(busy.after)
        yield
