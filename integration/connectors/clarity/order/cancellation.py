"""What an ERP cancels of an order, at Clarity: the order, or what of its lines is not kept.

The document says what is kept of each line.  So the order is looked at first, and only what it has beyond that is
cancelled, for the version that was looked at: nothing is cancelled twice, nor after Clarity has done so itself.
"""

from __future__ import annotations

from decimal import Decimal

from integration.canonical.unique import by_key
from integration.connectors.answers import reading, to_number
from integration.connectors.clarity.client import Client, order_path
from integration.connectors.clarity.order.status import EFFECT as STATUS
from integration.connectors.clarity.order.status import post_status
from integration.connectors.clarity.problems import InvalidTransition, NotOffered, NotThere
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Hold

EFFECT = "cancellation"
PAID = "paid"
GONE = ("cancelled", "void")
BY_HAND = "Cancel in Clarity by hand what is not wanted any more, and resolve this."


def post_cancellation(client: Client, document: Document, work: Work) -> Posted:
    """Lets Clarity keep no more of the order than the ERP does; document: {order_id, external_ref, reason, lines}.

    Raises `Hold` where the order was changed in Clarity since it was posted, where it is paid, where a person is to
    decide at any rate (``CLARITY_CANCELLATIONS``), and where its status does not allow it.
    """
    order = client.get(order_path(document["order_id"]))
    posted = Posted(document["order_id"], order.get("number"))
    if order.get("status") in GONE:
        work.found(STATUS, f"Clarity has it as {order['status']}")
        return posted
    with reading("an order of Clarity"):
        has = {id: to_number(line["quantity"]) or Decimal(0) for id, line in _lines(order).items()}
    going = _going(document, has)
    if not going:
        work.found(EFFECT, "Clarity keeps no more of the order than the ERP")
        return posted
    _check_allowed(client, document, order, going, work)
    if any(quantity > going.get(line, Decimal(0)) for line, quantity in has.items()):
        return _cancel_lines(client, document, order, going, work)
    return post_status(client, {**_reference(document, "external_ref"), "status": "cancelled"}, work)


def shown_cancellation(client: Client, document: Document, work: Work) -> Document:  # noqa: ARG001
    """How much of each line the order has, under the document's names."""
    order = client.get(order_path(document["order_id"]))
    gone = order.get("status") in GONE
    has = {id: line.get("quantity") for id, line in _lines(order).items()}
    rows = [
        {**line, "kept": Decimal(0) if gone else to_number(has.get(line["order_line_id"]))}
        for line in document["lines"]
    ]
    return {**document, "lines": rows}


def _lines(order: Document) -> dict[str, Document]:
    return by_key(order.get("lines") or [], lambda line: str(line["id"]))


def _going(document: Document, has: dict[str, Decimal]) -> dict[str, Decimal]:
    """How much of each line Clarity has beyond what is kept."""
    going = {}
    for line in document["lines"]:
        id, kept, ordered = line["order_line_id"], Decimal(line["kept"]), Decimal(line["ordered"])
        quantity = has.get(id, Decimal(0))
        if quantity > ordered:
            raise Hold(
                f"line {id[:40]} was raised in Clarity to {quantity.normalize():f} after {ordered.normalize():f} were "
                f"posted, and the ERP keeps {kept.normalize():f} of it",
                hint=f"Decide how many are wanted, and set them in Clarity and in the ERP. {BY_HAND}",
                code="changed_meanwhile",
            )
        if quantity > kept:
            going[id] = quantity - kept
    return going


def _check_allowed(client: Client, document: Document, order: Document, going: dict[str, Decimal], work: Work) -> None:
    """Whether the ERP may cancel this in Clarity: where money was captured, somebody has to give it back."""
    if client.cancellations == "all":
        return
    what = sorted(f"{line} {quantity.normalize():f}" for line, quantity in going.items())
    said = f"{document['external_ref']} cancels {len(going)} lines of the order"
    if client.cancellations == "hold":
        raise Hold(
            f"{said}, and CLARITY_CANCELLATIONS lets a person decide",
            hint=f"{BY_HAND} Or set CLARITY_CANCELLATIONS to unpaid or all, and replay this.",
            code="cancelled_at_target",
        )
    captured = [each for each in order.get("payments") or () if each.get("status") == "captured"]
    if captured and not work.approved(PAID, *what):
        raise Hold(
            f"{said}, which is paid",
            hint="Choose here that it is cancelled in Clarity, too, and refund there what was paid for it; or restore "
            "it in the ERP and resolve this.",
            code=PAID,
            candidates=({"id": "cancel", "label": "cancel it in Clarity; a person refunds it", "approves": PAID},),
            compared=tuple(what),
        )


def _cancel_lines(client: Client, document: Document, order: Document, going: dict[str, Decimal], work: Work) -> Posted:
    path, version = order_path(document["order_id"]), order.get("version")
    lines = [{"orderLineId": line, "quantity": f"{quantity.normalize():f}"} for line, quantity in going.items()]
    body = {**_reference(document, "externalRef"), "lines": lines}
    body.pop("order_id")
    # A refused key is refused for ever, so each version of the order gets a key of its own.
    headers = {"Idempotency-Key": work.idempotency_key(f"{EFFECT}:{version}"), "If-Match": f'"v{version}"'}
    try:
        answer = work.perform(EFFECT, Request("POST", f"{path}/cancellations", body, headers), client.send)
    except NotThere as absent:
        client.get(path)  # raises if it is the order that is missing
        raise NotOffered("Clarity has no cancellations of lines") from absent
    except InvalidTransition as refused:
        raise Hold(
            "the order's status in Clarity does not let its lines be cancelled",
            hint=f"See in Clarity how far the order is. {BY_HAND}",
            code="no_way",
        ) from refused
    return Posted(document["order_id"], answer.get("number"))


def _reference(document: Document, name: str) -> Document:
    return {"order_id": document["order_id"], name: document["external_ref"], "reason": document["reason"]}
