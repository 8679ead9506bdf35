"""Which target fulfils which lines of an order, and which order a shipment or an invoice belongs to."""

from __future__ import annotations

from decimal import Decimal

from integration.canonical.order import CANCELLED
from integration.canonical.part import remaining
from integration.connectors.contract import Document
from integration.errors import Hold, Needs, Skip, Throttled
from integration.message import line_ids, line_keys
from integration.store import attempts, crossrefs, deliveries, fulfilment, installations
from integration.systems import is_home, of_role
from tasks.job import Job
from tasks.leases import LeaseLost

KNOWN_WITHIN = 3600.0
LETS_GO = 5.0
"""Seconds until a target is asked again whether it has let a line go."""
MOVES = "line_moves"


def with_order(job: Job, event: Document) -> Document:
    """The event with ``order`` among its fields: what the ERP carries of it, and what of that is left to be shipped.

    Raises `Needs` while the order is not known there, `Hold` when nobody can tell which order it is.
    """
    source = job.delivery.source
    with job.runtime.database.transaction() as tx:
        order_id = event["data"]["order_id"] or crossrefs.our_id(tx, source, "order", event["data"]["their_order"])
        if order_id is None:
            raise _unknown(job.delivery.waited)
        carried = fulfilment.carried(tx, source, order_id)
        others = fulfilment.shipped_by_others(tx, source, order_id, job.delivery.object_id)
        posted = carried or crossrefs.exists(tx, crossrefs.needed(source, "order", order_id))
    kinds, target = job.runtime.settings.kinds, job.workflow.target
    if target in of_role("shop", kinds) and not is_home(target, order_id, kinds):
        raise Skip(f"the order is not one of {target}", settles=True)
    if carried is None and posted:
        raise Hold(
            f"what the ERP carries of order {order_id} was not kept when it was posted",
            hint="Change the order in Clarity, so that it is posted again; then enter this in Clarity by hand.",
            code="unknown_order",
        )
    if carried and carried.get("copy"):
        name = job.runtime.installations[job.workflow.source].name
        raise Skip(f"{name} has the order as a copy for the books: this is not sent on", settles=True)
    if carried is None:
        raise Needs("order", order_id, at=source)
    lines = [_line(order_id, line, others.get(line["id"], Decimal(0))) for line in carried["lines"]]
    job.shipped_by_others = others
    order = {"id": order_id, "currency": carried["currency"], "amount": Decimal(carried["amount"]), "lines": lines}
    return {**event, "data": {**event["data"], "order": order}}


def take_on(job: Job) -> None:
    """Claims the lines that the target is to fulfil: each line is fulfilled once, whatever the rules say later.

    Raises `Skip` where the target has none of the order, and never had; `Throttled` while another target that has one
    of the lines may let it go; `Hold` where only a person can decide which of the two is to have it.  An order without
    lines of which no target has anything is passed, for its check to hold: else nobody would ever see it.
    """
    delivery, canonical = job.delivery, job.document["canonical"]
    if not job.workflow.fulfils:
        return
    ours, ordered = line_ids(job.document["part"]["lines"]), line_ids(remaining(canonical)["lines"])
    place = delivery.source, delivery.object_id, delivery.target
    with job.runtime.database.transaction(durable=False) as tx:
        has = fulfilment.claim(tx, *place, ours, ordered)
        stands = line_ids((fulfilment.carried(tx, delivery.target, delivery.object_id) or {}).get("lines", ()))
        given_up = ({line for line, target in has.items() if target == delivery.target} | stands) - ours
        known = bool(ours and not given_up) or delivery.theirs is not None
        known = known or attempts.made(tx, delivery.target, delivery.entity, delivery.object_id)
        if given_up and not known:
            fulfilment.release(tx, *place, keep=ours, ordered=ordered)
    if canonical["status"] in CANCELLED:
        return
    if not ours and not known:
        if not ordered and not any(has.values()):
            return
        raise Skip(f"no line of the order is for {job.workflow.target}", settles=True)
    moved = sorted(given_up & ordered)
    if moved and known and MOVES not in delivery.approved:
        raise _moves(job, moved[0])
    for line, other in sorted(has.items()):
        if line in ours and other not in (None, delivery.target):
            raise _elsewhere(job, line, other)


def record(job: Job) -> bool:
    """Keeps how far the order has come by this shipment or invoice, before the shop is told; whether that is news.

    Raises `Throttled` when another shipment of the order was counted meanwhile: this one has to be counted again.
    """
    canonical, delivery = job.document["canonical"], job.delivery
    if delivery.entity == "shipment":
        lines = canonical["lines"] if canonical["status"] == "shipped" else []
        body: Document = {"lines": {line["order_line_id"]: str(line["quantity"]) for line in lines}}
    else:
        body = {"status": canonical["status"], "complete": canonical["order_complete"]}
    with job.runtime.database.transaction() as tx:
        fulfilment.lock(tx, delivery.source, canonical["order_id"])
        others = fulfilment.shipped_by_others(tx, delivery.source, canonical["order_id"], delivery.object_id)
        if others != job.shipped_by_others:
            raise Throttled("another shipment of the order was counted meanwhile", after=1.0)
        recorded = fulfilment.record(tx, delivery, canonical["order_id"], body)
    if recorded is None:
        raise LeaseLost
    return recorded


def _moves(job: Job, line: str) -> Hold:
    name = job.runtime.installations[job.workflow.target].name
    return Hold(
        f"line {line!r} of the order is fulfilled by {name}, and the rules give it to another system now",
        hint="Nothing is moved by itself.  `fleet held approve ID` takes the line out there, then the other system has "
        "it; or correct the order in Clarity, or lines in mappings/workflows, so that the line stays.",
        code=MOVES,
    )


def _elsewhere(job: Job, line: str, other: int) -> Throttled | Hold:
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


def _unknown(waited: float) -> Throttled | Hold:
    """The order may be one that is just being posted; after an hour it is none that we know."""
    if waited < KNOWN_WITHIN:
        return Throttled("its order is not known yet", after=10.0)
    return Hold(
        "nobody can tell which order of the shop this belongs to",
        hint="See in the ERP to which order it belongs, and enter it in Clarity by hand.",
        code="unknown_order",
    )


def _line(order_id: str, line: Document, shipped: Decimal) -> Document:
    quantity = Decimal(line["quantity"])
    return {
        "id": line["id"],
        "sku": line["sku"],
        "quantity": quantity,
        "left": quantity - shipped,
        "keys": list(line_keys(order_id, line["id"])),
    }
