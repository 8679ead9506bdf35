"""What nobody has decided yet: who fulfils a line, who bills an order, which order something belongs to.

It waits as long as that may still be decided without a person, then it is held.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.connectors.contract import Document
from integration.errors import Hold, Throttled
from integration.store import deliveries, installations
from tasks.tracking import Job

KNOWN_WITHIN = 3600.0
LETS_GO = 5.0
"""Seconds until a target is asked again whether it has let a line go."""
DECIDES = 5.0
"""Seconds until it is asked again who fulfils an order."""
MOVES, SPLIT = "line_moves", "split_payment"


def moves(job: Job, lines: Sequence[str]) -> Hold:
    name = job.runtime.installations[job.workflow.target].name
    return Hold(
        f"line {lines[0]!r} of the order is fulfilled by {name}, and the rules give it to another system now",
        hint="Nothing is moved by itself.  `fleet held approve ID` takes the line out there, then the other system has "
        "it; or correct the order in Clarity, or lines in mappings/workflows, so that the line stays.",
        code=MOVES,
        compared=tuple(lines),
    )


def names(job: Job, targets: Sequence[int]) -> str:
    with job.runtime.database.statement() as tx:
        return " and ".join(installations.name(tx, target) for target in targets)


def shared(names: str, payment: Document) -> Hold:
    return Hold(
        f"the order that was paid is fulfilled by {names}, and nothing says which part of the payment is whose",
        hint="Enter it by hand in each of them, and `fleet held resolve` this; or `fleet held approve ID` posts all of "
        "it in the first.",
        code=SPLIT,
        compared=(payment["id"], payment["amount"]),
    )


def elsewhere(job: Job, line: str, other: int) -> Throttled | Hold:
    """As long as the other target has something to do or to decide, it may still let the line go."""
    delivery = job.delivery
    with job.runtime.database.statement() as tx:
        name = installations.name(tx, other)
        undecided = deliveries.undecided(tx, other, delivery.entity, delivery.object_id)
    if undecided and delivery.waited < KNOWN_WITHIN:
        return Throttled(f"line {line!r} of the order is fulfilled by {name}, until that lets it go", after=LETS_GO)
    return Hold(
        f"line {line!r} of the order is fulfilled by {name}, and would be fulfilled twice",
        hint=f"See what {name} has of it.  When it is taken out there, replay this; or correct the order in Clarity, "
        "or lines in mappings/workflows, so that the line stays.",
        code="fulfilled_elsewhere",
    )


def unknown(waited: float) -> Throttled | Hold:
    """The order may be one that is just being posted; after an hour it is none that we know."""
    if waited < KNOWN_WITHIN:
        return Throttled("its order is not known yet", after=10.0)
    return Hold(
        "it is not known which order of Clarity this belongs to",
        hint="See in the ERP to which order it belongs, and enter it in Clarity by hand.",
        code="unknown_order",
    )


def unposted(waited: float) -> Throttled | Hold:
    """The order of a return may be one that is just coming; after an hour it is none that goes to this target."""
    if waited < KNOWN_WITHIN:
        return Throttled("its order is not on its way here yet", after=10.0)
    return Hold(
        "the order that it is of is not there, and is not on its way",
        hint="Send the order again in Clarity, then replay this; or enter the return there by hand, and close this "
        "with `fleet held resolve`.",
        code="unknown_order",
    )
