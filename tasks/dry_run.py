"""A dry run: what a delivery would send now and what its target shows, with nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from integration.canonical import thaw
from integration.canonical.hints import fill
from integration.connectors.contract import Document, Request
from integration.errors import Failure
from integration.message import Step
from integration.store import deliveries
from integration.store.deliveries import Delivery
from integration.workflow import Workflow
from tasks.fulfilment import tracking
from tasks.leases import Lease
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tasks.tracking import Job
from tasks.work import DeliveryWork


@dataclass(frozen=True)
class DryRun:
    """What a replay would do.

    ``sends`` is the document for the target, None if there would be none; ``shows`` what the target has of it, by the
    same names, None for nothing.  ``first`` is the first call that would change something.  ``stops`` is why it would
    end without one.
    """

    delivery: Delivery
    sends: Document | None = None
    shows: Document | None = None
    first: tuple[str, Request] | None = None
    stops: Failure | None = None


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


def dry_run(runtime: Runtime, id: int, step: Step | None, current: Mapping[str, Workflow]) -> DryRun | None:
    """Goes through a delivery as a replay from ``step`` would; None for one that no workflow took.

    ``current`` are the workflows by whose definitions it is translated; one that is not among them keeps its own.
    """
    with runtime.database.statement() as tx:
        delivery = deliveries.look(tx, id)
    if delivery is None or delivery.pin is None:
        return None
    stored = thaw(runtime.vault.open(delivery.document)) if delivery.document else {}
    start = _start(delivery, step)
    workflow = current.get(delivery.workflow) if start is Step.TRANSFORM else None
    workflow = workflow or runtime.workflow(delivery.pin)
    delivery = replace(delivery, replay_of=delivery.replay_of or delivery.id)
    job = Job(
        runtime, delivery, workflow, Looking(runtime, delivery, Lease(delivery)), stored, tracking(delivery.entity)
    )
    try:
        if start is Step.TRANSFORM:
            job.document = {"event": stored["event"]} if delivery.edited == "event" else {}
            _translate(job)
            BODIES[Step.VALIDATE](job)
    except Failure as failure:
        _complete(failure, job)
        return DryRun(delivery, job.document.get("target"), _shown(job), stops=failure)
    if start is not Step.PUSH_STATUS and "target" not in job.document:
        raise Failure(f"delivery {id} was never translated", hint="Repeat it without --from-step.")
    return _post(job, Step.PUSH_STATUS if start is Step.PUSH_STATUS else Step.POST)


def _start(delivery: Delivery, step: Step | None) -> Step:
    if delivery.step is Step.PUSH_STATUS:
        return Step.PUSH_STATUS
    return step or (Step.ENRICH if delivery.edited == "target" else Step.TRANSFORM)


def _translate(job: Job) -> None:
    if BODIES[Step.TRANSFORM](job) is Step.FETCH:
        job.delivery = replace(job.delivery, step=Step.FETCH)
        with job.runtime.admitted(job.system):
            BODIES[Step.FETCH](job)
        BODIES[Step.TRANSFORM](job)


def _complete(failure: Failure, job: Job) -> None:
    """Says what to do in the words of this object and of the system that was called."""
    of = job.runtime.kind_of(job.delivery.source)
    failure.hint = fill(failure.hint, job.delivery.entity, of, job.runtime.settings.systems.get(job.system))


def _post(job: Job, step: Step) -> DryRun:
    job.delivery = replace(job.delivery, step=step)
    sends = job.document if step is Step.PUSH_STATUS else job.document["target"]
    shows = _shown(job)
    try:
        with job.runtime.admitted(job.system):
            BODIES[step](job)
    except FirstEffect as found:
        return DryRun(job.delivery, sends, shows, first=(found.effect, found.request))
    except Failure as failure:
        _complete(failure, job)
        return DryRun(job.delivery, sends, shows, stops=failure)
    return DryRun(job.delivery, sends, shows)


def _shown(job: Job) -> Document | None:
    """What the target has of it; None where it cannot be asked, or does not answer."""
    is_push = job.delivery.step is Step.PUSH_STATUS
    sends = job.document if is_push else job.document.get("target")
    system = job.workflow.informs if is_push else job.workflow.target
    connector = job.runtime.connector(system)
    if sends is None:
        return None
    with suppress(Failure), job.runtime.admitted(system):
        return connector.shown(job.delivery.entity, sends, job.work)
    return None
