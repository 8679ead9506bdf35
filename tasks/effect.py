"""What a delivery's effect leaves behind, in the transaction that closes it.

That is the crossref, how far the order has come by it, and the status pushes that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from integration.canonical import digest, freeze
from integration.canonical.fulfilment import Stage, carried
from integration.canonical.order import CANCELLED
from integration.canonical.part import remaining
from integration.connectors.contract import Document, Posted
from integration.message import State, lane, line_ids
from integration.store import crossrefs, deliveries, fulfilment
from integration.store.database import Transaction
from integration.store.deliveries import Delivery, Push
from integration.store.installations import Installation
from integration.systems import unqualify
from tasks.job import Job, credit


@dataclass(frozen=True)
class Effect:
    """What was posted, for which order; ``statuses`` has what the shop would be told at each stage of the order.

    ``carries`` is what the target has taken on with an order, None for a shipment or invoice, and ``ordered`` are all
    lines of the order.  The order's stage is
    that over the configured ``targets``.
    """

    posted: Posted
    digest: str
    order_id: str
    carries: Document | None
    ordered: Collection[str]
    shop: Installation | None
    targets: Sequence[int]
    statuses: Mapping[Stage, str]
    push: Callable[[str], Push]

    def leave_behind(self, tx: Transaction, delivery: Delivery) -> int | None:
        """Writes it all down; returns the id of the first push if it is to be nudged now."""
        crossrefs.write(
            tx,
            delivery.target,
            delivery.entity,
            delivery.object_id,
            self.posted.theirs,
            number=self.posted.number,
            version=delivery.version,
            digest=self.digest,
        )
        due = [self.statuses[stage] for stage in self._stages(tx, delivery) if stage in self.statuses]
        made = [deliveries.insert_push(tx, delivery, self.push(status)) for status in due]
        return next((id for id, state in made if state is State.QUEUED), None)

    def _stages(self, tx: Transaction, delivery: Delivery) -> tuple[Stage, ...]:
        """The stages of which the shop is to be told now: an order that is posted again is told of again."""
        posted: tuple[Stage, ...] = ()
        further = True
        if self.carries is not None:
            posted = (Stage.POSTED,)
            if self.posted.rounding:
                deliveries.note_rounding(tx, delivery, self.posted.rounding, self.carries["currency"])
            further = fulfilment.carry(tx, delivery.target, self.order_id, self.carries)
            if delivery.applied_version is not None:  # what it has taken on first, nobody else had claimed
                keep = line_ids(self.carries["lines"])
                place = delivery.source, delivery.object_id, delivery.target
                fulfilment.release(tx, *place, keep=keep, ordered=self.ordered)
        else:
            fulfilment.show(tx, delivery.source, delivery.entity, delivery.object_id)
        if not (further and self.shop and self.statuses):  # a stage that nobody is told of now is told of later
            return posted
        return (*posted, *fulfilment.advance(tx, self.shop.id, self.order_id, self.targets))


def effect_of(job: Job) -> Effect | None:
    """What the post of this job leaves behind; None when it did not post."""
    if job.posted is None:
        return None
    canonical = job.document["canonical"]
    is_order = job.delivery.entity == "order"
    order_id = canonical["id"] if is_order else canonical["order_id"]
    shop = job.runtime.installations.get(job.workflow.informs)
    statuses = {}
    if shop is not None and job.posted.theirs is not None:  # else there is nobody, or nothing, to tell
        told = {stage: job.workflow.status_after(job.document["part"], stage.word) for stage in Stage}
        statuses = {stage: status for stage, status in told.items() if status}
    room = credit(job.runtime, shop.system) if shop and statuses else 0  # asked before the transaction, not within it
    return Effect(
        posted=job.posted,
        digest=digest(job.document["target"]),
        order_id=order_id,
        carries=carried(job.document["part"], job.posted.rounding, copy=not job.workflow.fulfils) if is_order else None,
        ordered=line_ids(remaining(canonical)["lines"]) if is_order and canonical["status"] not in CANCELLED else (),
        shop=shop,
        targets=job.runtime.targets,
        statuses=statuses,
        push=lambda status: _push(job, shop, order_id, status, room),
    )


def _push(job: Job, shop: Installation | None, order_id: str, status: str, room: int) -> Push:
    assert job.posted
    assert shop
    canonical = job.document["canonical"]
    if job.delivery.entity == "order":
        reference = f"{job.workflow.target}:{job.posted.number}"
    else:
        reference = f"{canonical['source']}:{canonical['number'] or canonical['id']}"
    document = {"order_id": unqualify(shop.system, order_id), "status": status, "external_ref": reference}
    return Push(
        target=shop.id,
        queue=shop.system,
        lane=lane(shop.name, "order", order_id),
        entity="order_status",
        document=job.runtime.vault.seal(freeze(document)),
        credit=room,
    )
