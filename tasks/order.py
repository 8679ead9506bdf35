"""The order that a shipment or an invoice belongs to, as far as its ERP carries it."""

from __future__ import annotations

from decimal import Decimal

from integration.connectors.contract import Document
from integration.errors import Hold, Needs, Throttled
from integration.message import line_keys
from integration.store import crossrefs, progress
from tasks.job import Job
from tasks.leases import LeaseLost

KNOWN_WITHIN = 3600.0


def with_order(job: Job, event: Document) -> Document:
    """The event with ``order`` among its fields: what the ERP carries of it, and what of that is left to be shipped.

    Raises `Needs` while the order is not known there, `Hold` when nobody can tell which order it is.
    """
    source = job.delivery.source
    with job.process.database.transaction() as tx:
        order_id = event["data"]["order_id"] or crossrefs.our_id(tx, source, "order", event["data"]["their_order"])
        if order_id is None:
            raise _unknown(job.delivery.waited)
        carried = progress.carried(tx, source, order_id)
        others = progress.shipped_by_others(tx, source, order_id, job.delivery.object_id)
        posted = carried or crossrefs.exists(tx, crossrefs.needed(source, "order", order_id))
    if carried is None and posted:
        raise Hold(
            f"what the ERP carries of order {order_id} was not kept when it was posted",
            hint="Change the order in Clarity, so that it is posted again; then enter this in Clarity by hand.",
            code="unknown_order",
        )
    if carried is None:
        raise Needs("order", order_id, at=source)
    lines = [_line(order_id, line, others.get(line["id"], Decimal(0))) for line in carried["lines"]]
    job.shipped_by_others = others
    order = {"id": order_id, "currency": carried["currency"], "amount": Decimal(carried["amount"]), "lines": lines}
    return {**event, "data": {**event["data"], "order": order}}


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
    with job.process.database.transaction() as tx:
        progress.lock(tx, delivery.source, canonical["order_id"])
        others = progress.shipped_by_others(tx, delivery.source, canonical["order_id"], delivery.object_id)
        if others != job.shipped_by_others:
            raise Throttled("another shipment of the order was counted meanwhile", after=1.0)
        recorded = progress.record(tx, delivery, canonical["order_id"], body)
    if recorded is None:
        raise LeaseLost
    return recorded


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
