"""A claimed delivery on its way through a hop."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from integration.connectors.contract import Document, Posted
from integration.errors import Throttled
from integration.message import Step
from integration.store.deliveries import Delivery
from integration.workflow import Workflow
from tasks.runtime import Runtime
from tasks.work import DeliveryWork

INGEST_WINDOW = 400
"""So many nudges may wait for ingest in Redis; the backlog waits in Postgres."""


@dataclass
class Job:
    """What the steps work on; they fill in ``document`` and ``posted``.

    ``shipped_by_others`` is what was counted of the order's other shipments, by line, when this one was translated.
    """

    runtime: Runtime
    delivery: Delivery
    workflow: Workflow
    work: DeliveryWork
    document: Document = field(default_factory=dict)
    posted: Posted | None = None
    shipped_by_others: dict[str, Decimal] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """The name of the system that this step calls."""
        match self.delivery.step:
            case Step.FETCH:
                return self.workflow.source
            case Step.PUSH_STATUS:
                return self.workflow.informs
        return self.workflow.target


def credit(runtime: Runtime, queue: str) -> int:
    """How many nudges a queue may hold now; for a target's, none or a single probe while its breaker is open."""
    if queue not in runtime.throttles:
        return INGEST_WINDOW
    try:
        return runtime.throttles[queue].state().credit
    except Throttled:
        return 0
