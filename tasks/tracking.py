"""What the steps work on, and the hooks by which an entity adds what it alone needs.

The steps call the hooks of every entity without a condition; the default does nothing.  Which entity has others is
written in `tasks.fulfilment.TRACKING`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from integration.connectors.contract import Change, Document, Posted
from integration.message import Step
from integration.rules.workflow import Workflow
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from tasks.runtime import Runtime
from tasks.work import DeliveryWork


@dataclass(frozen=True)
class FollowUp:
    """A delivery that follows from an effect: ``document`` for ``system``, in the lane of ``object``, entity and id."""

    system: str
    entity: str
    object: tuple[str, str]
    document: Document


class Tracking:
    """The hooks of one delivery on its way through a hop.  What one hook finds out, a later one may use.

    ``conversion`` is how the object was converted when its target took it, where `before_transform` has found one.
    """

    conversion: Document | None = None

    def before_transform(self, job: Job, event: Document) -> Document:  # noqa: ARG002
        """The event with what the mapping needs beside it; raises a `Failure` where that is not known."""
        return event

    def before_validate(self, job: Job) -> None:
        """Raises a `Failure` where the target is not to have the object at all, whatever is wrong with it."""

    def after_validate(self, job: Job) -> bool:  # noqa: ARG002
        """Whether the object is news for others than the target; it is posted then even if the target shows it."""
        return False

    def before_post(self, job: Job, document: Document) -> Document:  # noqa: ARG002
        """The document as it is to be posted now: with what is known only at this moment."""
        return document

    def at_end(self, tx: Transaction, job: Job) -> None:
        """Writes what the hooks before found out, in the transaction that ends the hop, however it ends.

        Raises `Throttled`, with nothing written, where what they read has changed since.
        """

    def after_post(self, tx: Transaction, job: Job) -> Sequence[FollowUp]:  # noqa: ARG002
        """Writes what a post has changed, in the transaction that closes the delivery; what follows from it."""
        return ()

    @staticmethod
    def wanted(tx: Transaction, installation: int, found: Sequence[Change]) -> Sequence[Change]:  # noqa: ARG004
        """Those changes that a poll has found there and that are of interest."""
        return found

    @staticmethod
    def open_keys(tx: Transaction, installation: int) -> list[str]:  # noqa: ARG004
        """Their ids of the objects of which more is to be expected there, the least recently polled first."""
        return []

    @staticmethod
    def as_posted(tx: Transaction, installation: int, theirs: Sequence[str]) -> dict[str, Document]:  # noqa: ARG004
        """What is kept of these objects as they were posted there, by their ids, for a poll to compare."""
        return {}

    @staticmethod
    def polled(tx: Transaction, installation: int, keys: Sequence[str]) -> None:
        """Puts these behind the others of `open_keys`."""


@dataclass
class Job:
    """A claimed delivery on its way through a hop; the steps fill in ``document``, ``taken`` and ``posted``."""

    runtime: Runtime
    delivery: Delivery
    workflow: Workflow
    work: DeliveryWork
    document: Document = field(default_factory=dict)
    tracking: Tracking = field(default_factory=Tracking)
    posted: Posted | None = None
    taken: str | None = None

    @property
    def part(self) -> Document:
        """What the target carries of the canonical document; it is kept beside that only where it is not all of it."""
        found: Document = self.document["part"] if "part" in self.document else self.document["canonical"]
        return found

    @property
    def system(self) -> str:
        """The name of the system that this step calls."""
        match self.delivery.step:
            case Step.FETCH:
                return self.workflow.source
            case Step.PUSH_STATUS:
                return self.workflow.informs
        return self.workflow.target
