"""Tracking of orders: who fulfils which line, how far each target is, and which stages Clarity is notified of.

Here, and nowhere else in ``tasks/``, entities are named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from integration.canonical.fulfilment import Stage, carried
from integration.canonical.order import CANCELLED
from integration.canonical.payment import CAPTURED
from integration.canonical.shipment import tracking_key
from integration.canonical.split import remaining
from integration.connectors.contract import Document
from integration.errors import Hold, Needs, Skip, Throttled
from integration.message import clear, line_ids, line_keys
from integration.store import crossrefs, deliveries, demand, ends, fulfilment
from integration.store.database import Transaction
from integration.store.demand import Wanted
from integration.store.fulfilment import Claim, Claims
from integration.systems import is_home, of_role, qualify, unqualify
from tasks import undecided
from tasks.leases import LeaseLost
from tasks.stock import SoldProduct, StockLevel, wanted_at_most, wanted_of
from tasks.tracking import FollowUp, Job, Tracking


class OfOrder(Tracking):
    """A document that belongs to an order, as its ERP carries it: what both kinds below have in common."""

    def before_transform(self, job: Job, event: Document) -> Document:
        """The event with ``order`` in its data: what the ERP carries of it, and what of that is left to be shipped.

        Raises `Needs` while the order is not known there, `Hold` when it is not known which order it is.
        """
        source = job.delivery.source
        with job.runtime.database.transaction() as tx:
            order_id = event["data"]["order_id"] or crossrefs.our_id(tx, source, "order", event["data"]["their_order"])
            if order_id is None:
                raise undecided.unknown(job.delivery.waited)
            _check_home(job, order_id)
            order, accepted = fulfilment.carried(tx, source, order_id)
            self._others = fulfilment.away(tx, source, order_id, job.delivery.entity, job.delivery.object_id)
            posted = order or crossrefs.exists(tx, crossrefs.needed(source, "order", order_id))
        if order is None and posted:
            raise Hold(
                f"what the ERP carries of order {order_id} was not kept when it was posted",
                hint="Change the order in Clarity, so that it is posted again; then enter this in Clarity by hand.",
                code="unknown_order",
            )
        if order and order.get("copy"):
            name = job.runtime.installations[job.workflow.source].name
            raise Skip(f"{name} has the order as a copy for the books: this is not sent on", settles=True)
        if order is None:
            raise Needs("order", order_id, at=source)
        if accepted is not None:
            job.work.decided.accept(accepted)
        lines = [
            _line(order_id, line, self._left(Decimal(line["quantity"]), self._others.get(line["id"], Decimal(0))))
            for line in order["lines"]
        ]
        self._wait_for_others(job, order_id, event["data"].get("lines") or (), lines)
        known = {"id": order_id, "currency": order["currency"], "amount": Decimal(order["amount"]), "lines": lines}
        return {**event, "data": {**event["data"], "order": known}}

    @staticmethod
    def _left(ordered: Decimal, away: Decimal) -> Decimal:
        """How much of a line an ERP may still report, when so much of it is away."""
        return ordered - away

    def _wait_for_others(
        self, job: Job, order_id: str, reported: Sequence[Document], lines: Sequence[Document]
    ) -> None:
        """What left and what came back are read by two streams: where one alone says too much, the other comes first.

        Raises `Throttled` then; what happened first always fits.
        """
        said, left = _by_sku(reported, "quantity"), _by_sku(lines, "left")
        if job.delivery.waited < undecided.KNOWN_WITHIN and any(said[sku] > left.get(sku, 0) for sku in said):
            with job.runtime.database.statement() as tx:
                if fulfilment.is_expected(tx, job.delivery.source, order_id, job.delivery.id):
                    raise Throttled("something else of the order left or came back before", after=2.0)


class OrderPart(OfOrder):
    """A shipment or an invoice: the order comes further by it.  ``_state`` is what counts of it."""

    _counted: Document | None = None

    def __init__(self, state: Callable[[Document], Document]) -> None:
        self._state = state

    def after_validate(self, job: Job) -> bool:
        """News is what changes how far the order is."""
        delivery = job.delivery
        self._counted = self._state(job.document["canonical"])
        with job.runtime.database.statement() as tx:
            return fulfilment.recorded(tx, delivery.source, delivery.entity, delivery.object_id) != self._counted

    def at_end(self, tx: Transaction, job: Job) -> None:
        """Keeps how far the order is by it, before Clarity is notified; one of an order at a time.

        Raises `Throttled` when another shipment of the order was counted meanwhile: this one has to be counted again.
        """
        if self._counted is None:
            return
        delivery, order_id = job.delivery, job.document["canonical"]["order_id"]
        fulfilment.lock(tx, delivery.source, order_id)
        if fulfilment.away(tx, delivery.source, order_id, delivery.entity, delivery.object_id) != self._others:
            raise Throttled("another shipment of the order was counted meanwhile", after=1.0)
        if fulfilment.record(tx, delivery, order_id, self._counted) is None:
            raise LeaseLost

    def after_post(self, tx: Transaction, job: Job) -> Sequence[FollowUp]:
        canonical = job.document["canonical"]
        fulfilment.show(tx, job.delivery.source, job.delivery.entity, job.delivery.object_id)
        reference = f"{canonical['source']}:{canonical['number'] or canonical['id']}"
        return _pushes(tx, job, canonical["order_id"], (), reference, advances=True)


class CameBack(OrderPart):
    """Goods that came back: they may be shipped again, and the order does not come further by them."""

    def before_transform(self, job: Job, event: Document) -> Document:
        """Also with ``return_id``, the return of Clarity's for which the transfer was made, if there is one."""
        event = super().before_transform(job, event)
        with job.runtime.database.statement() as tx:
            part = crossrefs.our_id(tx, job.delivery.source, "return_transfer", event["data"]["their_return"])
        return {**event, "data": {**event["data"], "return_id": part.rpartition("/")[0] if part else None}}

    @staticmethod
    def _left(ordered: Decimal, away: Decimal) -> Decimal:  # noqa: ARG004
        return away

    def after_post(self, tx: Transaction, job: Job) -> Sequence[FollowUp]:
        fulfilment.show(tx, job.delivery.source, job.delivery.entity, job.delivery.object_id)
        return ()


class OrderPayment(Tracking):
    """A payment: it goes where its order is billed, and to one system only."""

    def before_validate(self, job: Job) -> None:
        """Decides whether the target is to have a captured payment: the one that fulfils all lines of its order.

        Raises `Throttled` while it is not decided who fulfils them, `Skip` where others do, and `Hold`, at one of
        them, where several do.
        """
        delivery, canonical = job.delivery, job.document["canonical"]
        if canonical["status"] != CAPTURED:
            return  # what is to be taken back is where it was posted
        order_id = canonical["order_id"]
        with job.runtime.database.statement() as tx:
            fulfilled_by = fulfilment.claims(tx, delivery.source, order_id).values()
        by = sorted({target for target in fulfilled_by if target is not None})
        in_doubt = None in fulfilled_by or not (by or self._has_order(job, order_id))
        if in_doubt and delivery.waited < undecided.KNOWN_WITHIN:
            raise Throttled(
                "it is not decided yet which system fulfils the order that was paid", after=undecided.DECIDES
            )
        if by and delivery.target not in by[:1]:
            raise Skip(f"the order is fulfilled by {undecided.names(job, by)}, and paid there", settles=True)
        if len(by) > 1:
            held = undecided.shared(undecided.names(job, by), canonical)
            if not job.work.decided.approves(held):
                raise held

    @staticmethod
    def _has_order(job: Job, order_id: str) -> bool:
        with job.runtime.database.statement() as tx:
            return crossrefs.exists(tx, crossrefs.needed(job.delivery.target, "order", order_id))


class OrderLines(Tracking):
    """An order: each of its lines is fulfilled once, whatever the rules say later."""

    _claimed_by_others: dict[str, int] | None = None
    _gives_up = False
    _wanted: Wanted | None = None

    def before_transform(self, job: Job, event: Document) -> Document:
        """Where the workflow converts, finds how that was done before: a rate that was used is used again."""
        delivery = job.delivery
        if job.workflow.fulfils:
            self._wanted = wanted_at_most(delivery, event)
        if job.workflow.conversion and delivery.applied_version is not None:
            with job.runtime.database.statement() as tx:
                self.conversion = fulfilment.conversion(tx, delivery.target, delivery.object_id)
        return event

    def before_validate(self, job: Job) -> None:
        """Decides whether the target may fulfil the lines that it is to have.

        Raises `Skip` where the target has none of the order, and never had; `Throttled` while another target that has
        one of the lines may let it go; `Hold` where only a person can decide which of the two is to have it.  An order
        without lines of which no target has anything is passed, for its check to hold: else it would go unseen.
        """
        delivery, canonical = job.delivery, job.document["canonical"]
        if not job.workflow.fulfils:
            return
        self._wanted = wanted_of(delivery, {**canonical, "lines": job.part["lines"]})
        ours, ordered = _lines(job)
        asked = delivery.source, delivery.object_id, delivery.target
        has, carries = job.runtime.database.together(fulfilment.standing, asked)
        there = line_ids((carries or {}).get("lines", ()))
        given_up = ({line for line, target in has.items() if target == delivery.target} | there) - ours
        known = bool(ours and not given_up) or delivery.theirs is not None or job.work.was_tried()
        self._gives_up = bool(given_up and not known)
        self._claimed_by_others = _by_others(has, job)
        if canonical["status"] in CANCELLED:
            return
        if not ours and not known:
            if not ordered and set(has.values()) <= {None, delivery.target}:
                return
            raise Skip(f"no line of the order is for {job.workflow.target}", settles=True)
        moved = sorted(given_up & ordered)
        if moved and known and not job.work.approved(undecided.MOVES, *moved):
            raise undecided.moves(job, moved)
        if not moved:
            job.work.decided.lapse(undecided.MOVES)
        if self._claimed_by_others:
            raise undecided.elsewhere(job, *min(self._claimed_by_others.items()))

    def at_end(self, tx: Transaction, job: Job) -> None:
        """Claims the lines, and lets go of what the target is not to have and never had."""
        if self._wanted is not None:
            tx.together(demand.note, self._wanted)
        if self._claimed_by_others is None:
            return
        ours, ordered = _lines(job)
        place = job.delivery.source, job.delivery.object_id, job.delivery.target
        claims = tx.together(fulfilment.claim, Claim(*place, ours, ordered))
        if _by_others(claims, job) != self._claimed_by_others:
            raise Throttled("another target claimed a line of the order meanwhile", after=1.0)
        if self._gives_up:
            fulfilment.release(tx, *place, keep=ours, ordered=ordered)

    def after_post(self, tx: Transaction, job: Job) -> Sequence[FollowUp]:
        """Keeps what the target carries now; an order that is posted again is reported again."""
        assert job.posted
        delivery, canonical = job.delivery, job.document["canonical"]
        carries = carried(job.part, job.posted.rounding, copy=not job.workflow.fulfils)
        if job.posted.rounding:
            ends.note_rounding(tx, delivery, job.posted.rounding, carries["currency"])
        advances = tx.together(fulfilment.carry, (delivery.target, canonical["id"], carries))
        if job.workflow.fulfils:
            tx.together(demand.apply, wanted_of(delivery, {**canonical, "lines": carries["lines"]}))
        if delivery.applied_version is not None:  # of a first version there is nothing to let go
            place = delivery.source, delivery.object_id, delivery.target
            ordered = _lines(job)[1] if canonical["status"] not in CANCELLED else set()
            fulfilment.release(tx, *place, keep=line_ids(carries["lines"]), ordered=ordered)
        reference = f"{job.workflow.target}:{job.posted.number}"
        return _pushes(tx, job, canonical["id"], (Stage.POSTED,), reference, advances=advances)

    @staticmethod
    def open_keys(tx: Transaction, installation: int) -> list[str]:
        return fulfilment.open_orders(tx, installation)

    @staticmethod
    def as_posted(tx: Transaction, installation: int, theirs: Sequence[str]) -> dict[str, Document]:
        return fulfilment.as_posted(tx, installation, theirs)

    @staticmethod
    def polled(tx: Transaction, installation: int, keys: Sequence[str]) -> None:
        fulfilment.polled(tx, installation, keys)


class ReturnLines(Tracking):
    """What of a return is for the delivery's target: the lines that it has taken on of the order."""

    def before_transform(self, job: Job, event: Document) -> Document:
        """The event with the target's own lines alone.

        Raises `Needs` while the order is not at a target yet, `Skip` where others fulfil all the lines, and `Hold`
        after an hour in which nothing of the order is on its way to one.
        """
        delivery, given = job.delivery, event["data"]
        order_id = clear(qualify(job.workflow.source, str(given.get("orderId") or "")))
        with job.runtime.database.statement() as tx:
            has = fulfilment.claims(tx, delivery.source, order_id)
            is_there = crossrefs.exists(tx, crossrefs.needed(delivery.target, "order", order_id))
            is_coming = deliveries.undecided(tx, delivery.target, "order", order_id)
        lines = [line for line in given.get("lines") or () if isinstance(line, dict)]
        names = [clear(str(line.get("orderLineId"))) for line in lines]
        mine = {None, delivery.target}  # a line that nobody has taken on is for the target to refuse
        ours = [line for line, name in zip(lines, names, strict=True) if has.get(name) in mine]
        if lines and not ours:
            raise Skip(f"no line of the return is fulfilled by {job.workflow.target}", settles=True)
        if not is_there and not is_coming and not has:
            raise undecided.unposted(delivery.waited)
        if not is_there:
            raise Needs("order", order_id)
        return {**event, "data": {**given, "lines": ours}}


def _shipped(shipment: Document) -> Document:
    """What has left of each line, and the numbers by which a person finds the order again."""
    lines = shipment["lines"] if shipment["status"] == "shipped" else []
    counted: Document = {"lines": {line["order_line_id"]: str(line["quantity"]) for line in lines}}
    tracking = [tracking_key(number) for number in shipment["tracking_numbers"] if number]
    return counted | ({"tracking": tracking} if tracking else {})


def _returned(goods: Document) -> Document:
    return {"lines": {line["order_line_id"]: str(line["quantity"]) for line in goods["lines"]}}


def _billed(invoice: Document) -> Document:
    return {"status": invoice["status"], "complete": invoice["order_complete"]}


TRACKING: Mapping[str, Callable[[], Tracking]] = {
    "order": OrderLines,
    "shipment": lambda: OrderPart(_shipped),
    "invoice": lambda: OrderPart(_billed),
    "refund": OfOrder,
    "cancellation": OfOrder,
    "returned_goods": lambda: CameBack(_returned),
    "return": ReturnLines,
    "payment": OrderPayment,
    "product": SoldProduct,
    "stock_level": StockLevel,
}
"""How an entity is tracked; one that is not named here needs no tracking."""


def tracking(entity: str) -> Tracking:
    return TRACKING.get(entity, Tracking)()


def _lines(job: Job) -> tuple[set[str], set[str]]:
    """The ids of the lines that the target is to have, and of all that are ordered."""
    return line_ids(job.part["lines"]), line_ids(remaining(job.document["canonical"])["lines"])


def _by_others(claims: Claims, job: Job) -> dict[str, int]:
    """The target's lines that other targets have."""
    ours, _ = _lines(job)
    return {line: by for line, by in claims.items() if line in ours and by is not None and by != job.delivery.target}


def _pushes(
    tx: Transaction, job: Job, order_id: str, stages: tuple[Stage, ...], reference: str, *, advances: bool
) -> list[FollowUp]:
    """A push for each stage that the order has entered now and that the workflow has a status for.

    Without a recipient the order does not advance: those stages are reported with a later effect.
    """
    assert job.posted
    informed = job.runtime.installations.get(job.workflow.informs)
    if informed is None or job.posted.theirs is None:
        return []
    found = {stage: job.workflow.status_after(job.part, stage.word) for stage in Stage}
    statuses = {stage: status for stage, status in found.items() if status}
    if advances and statuses:
        stages = (*stages, *fulfilment.advance(tx, informed.id, order_id, job.runtime.targets))
    id = unqualify(informed.system, order_id)
    return [
        FollowUp(
            system=informed.system,
            entity="order_status",
            object=("order", order_id),
            document={"order_id": id, "status": statuses[stage], "external_ref": reference},
        )
        for stage in stages
        if stage in statuses
    ]


def _check_home(job: Job, order_id: str) -> None:
    """Raises `Skip` for an order of another system than the one that the workflow is for."""
    kinds, target = job.runtime.settings.kinds, job.workflow.target
    if target in of_role("shop", kinds) and not is_home(target, order_id, kinds):
        raise Skip(f"the order is not one of {target}", settles=True)


def _by_sku(rows: Sequence[Document], name: str) -> dict[str | None, Decimal]:
    sums: dict[str | None, Decimal] = {}
    for row in rows:
        sums[row.get("sku")] = sums.get(row.get("sku"), Decimal(0)) + Decimal(row[name])
    return sums


def _line(order_id: str, line: Document, left: Decimal) -> Document:
    return {
        "id": line["id"],
        "sku": line["sku"],
        "quantity": Decimal(line["quantity"]),
        "left": left,
        "keys": list(line_keys(order_id, line["id"])),
    }
