"""A stock level at Clarity: the figure is absolute and says as of when, so sending it twice is sending it once.

Clarity takes up to 500 levels in one call and answers for each by itself.  Levels that are posted side by side share a
call: as many as a hop has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Skip
from integration.side_by_side import together

EFFECT = "stock_level.set"
PATH = "/inventory/adjustments"
KEY = "Idempotency-Key"
MOST = 500
NO_SCOPE = "insufficient_scope"
RIGHTS = "Give the client of CLARITY_CLIENT_ID the scopes inventory:read and inventory:write."


def post_level(client: Client, document: Document, work: Work) -> Posted:
    """Lets Clarity sell so much of the SKU; document: {sku, location, available, as_of}.

    Raises `Skip` where Clarity has a newer figure, `Hold` for a SKU or location that it does not have, and what
    `Http.send` does.
    """
    item = {
        "sku": document["sku"],
        "locationId": document["location"],
        "available": f"{Decimal(document['available']).normalize():f}",
        "asOf": document["as_of"],
    }
    request = Request("POST", PATH, {"items": [item]}, {KEY: work.idempotency_key(EFFECT)})
    try:
        work.perform(
            EFFECT, request, lambda frozen: together((client, PATH), frozen, partial(_send, client), calls=True)
        )
    except Misconfigured as refused:
        if refused.code != NO_SCOPE:
            raise
        raise Hold(refused.reason, hint=f"{RIGHTS} {{again}}", code=NO_SCOPE) from refused
    return Posted(f"{document['location']}/{document['sku']}", None)


def shown_level(client: Client, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The figure that Clarity was given last; None where it has none for this SKU and location."""
    for level in client.items("/inventory", sku=document["sku"], locationId=document["location"]):
        if (level.get("sku"), level.get("locationId")) == (document["sku"], document["location"]):
            return {"available": to_number(level.get("stated")), "as_of": level.get("asOf")}
    return None


def _send(client: Client, requests: Sequence[Request]) -> list[Any]:
    """How each went: the failure that is its own, or Clarity's word for it."""
    answers: list[Any] = []
    for start in range(0, len(requests), MOST):
        some = requests[start : start + MOST]
        whole = _joined(some) if len(some) > 1 else some[0]
        answers += [_failure(each) or dict(each) for each in client.send_levels(whole, len(some))]
    return answers


def _joined(requests: Sequence[Request]) -> Request:
    items = [item for request in requests for item in request.body["items"]]
    key = hashlib.sha256("".join(request.headers[KEY] for request in requests).encode()).hexdigest()
    return Request("POST", PATH, {"items": items}, {KEY: key})


def _failure(result: Document) -> Failure | None:
    status = result["status"]
    if 200 <= status < 300:
        return None
    if status == 409:
        return Skip("Clarity has a newer figure", settles=True)
    if status == 404:
        return Hold(
            "Clarity does not have the SKU, or not at this location",
            hint="Create the product in Clarity, or correct the table of locations; if Clarity is not to sell it, "
            "resolve this. {again}",
            code="unknown_sku",
        )
    if status == 429 or status >= 500:
        return Retry(f"Clarity could not take the level now ({status})", code=f"http_{status}")
    return Reject(
        f"Clarity refuses the level ({status})",
        hint="Look at the product in Clarity. {again}",
        code=f"http_{status}",
    )
