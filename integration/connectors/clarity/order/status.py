"""The status of an order at Clarity.

Clarity lets a status follow only certain others, and people change statuses there too.  So the push is sent as if all
were well, and only when Clarity refuses the step is the order looked at.
"""

from __future__ import annotations

from integration.connectors.clarity.client import Client, order_path
from integration.connectors.clarity.order.statuses import TRANSITIONS, is_beside, is_past, way
from integration.connectors.clarity.problems import BY_HAND, InvalidTransition
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Hold, Skip

EFFECT = "status"


def post_status(client: Client, document: Document, work: Work) -> Posted:
    """Brings the order to ``status``; document: {order_id, status, external_ref, occurred_at, reason}.

    Raises `Skip` for a step back, for one that an order which is picked up does not take, and for an order that is
    cancelled, `Hold` for one that a person has stopped or that cannot come to this status, and what `Http.send` does.
    """
    wanted = document["status"]
    if wanted not in TRANSITIONS:
        raise Hold(
            "Clarity has no such order status",
            hint=f"Correct push_status in the workflow and run `fleet mapping publish`; {BY_HAND}",
            code="unknown_status",
        )
    try:
        return _push(client, document, work, EFFECT, wanted)
    except InvalidTransition:
        current = str(client.get(order_path(document["order_id"])).get("status"))
    if current == wanted:
        work.found(EFFECT, f"Clarity has it as {current}")
        return Posted(document["order_id"], None)
    for status in _steps(current, wanted):
        posted = _push(client, document, work, f"{EFFECT}:{status}", status)
    return posted


def shown_status(client: Client, document: Document, work: Work) -> Document:  # noqa: ARG001
    """The status that the order has."""
    return {"status": client.get(order_path(document["order_id"])).get("status")}


def _push(client: Client, document: Document, work: Work, effect: str, status: str) -> Posted:
    """One status, one effect: a refused key is refused for ever, so each step needs a key of its own."""
    body = {
        "status": status,
        "reason": document.get("reason"),
        "occurredAt": document.get("occurred_at"),
        "externalRef": document.get("external_ref"),
    }
    request = Request(
        "POST",
        f"{order_path(document['order_id'])}/status",
        {name: value for name, value in body.items() if value is not None},
        {"Idempotency-Key": work.idempotency_key(effect)},
    )
    # Clarity answers with the whole order, of which no more is worth keeping.
    number = work.perform(effect, request, lambda frozen: client.send(frozen).get("number"))
    return Posted(document["order_id"], number)


def _steps(current: str, wanted: str) -> tuple[str, ...]:
    """What to set, one after the other, last ``wanted``; never empty."""
    if current == "on_hold":
        raise Hold(
            "the order is on hold at Clarity",
            hint=f"Release it in Clarity (on_hold to confirmed), then set it to {wanted} there by hand.",
            code="on_hold",
        )
    if current in {"cancelled", "void"}:
        raise Skip(f"Clarity has it as {current}")
    if current in TRANSITIONS:
        if is_past(current, wanted):
            raise Skip(f"would step back: Clarity has it as {current}")
        if steps := way(current, wanted):
            return steps
        if is_beside(current, wanted):
            raise Skip(f"not on its way: Clarity has it as {current}, which becomes completed without {wanted}")
    raise Hold(
        f"Clarity has it as {current if current in TRANSITIONS else 'a status we do not know'}, "
        f"which cannot become {wanted}",
        hint=f"See whether it should be {wanted}; if so, bring it there in Clarity by hand.",
        code="no_way",
    )
