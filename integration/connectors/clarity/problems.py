"""How Clarity's refusals (RFC 9457, ``application/problem+json``) are read; the rest is as `Http` has it."""

from __future__ import annotations

import re
from typing import Any

from integration.connectors.http import LONGEST_PAUSE, Reply
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled

CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
LONGEST_POINTER = 100
BY_HAND = "update Clarity by hand: it is not notified again until the order, shipment or invoice changes."


class InvalidTransition(Retry):
    """409 invalid_transition: the status of the order or invoice does not allow the one asked for."""


class AlreadyExists(Retry):
    """409 already_exists: the order has a shipment or invoice of this externalRef."""


class NotThere(Hold):
    """404 or 410: there is no such record, or nothing at all at this path."""


class NotOffered(Hold):
    """Clarity's API has no such part, or does not begin where we look for it."""

    def __init__(self, reason: str) -> None:
        hint = (
            "Check that CLARITY_URL is the root of the API with its version, like https://shop.example/api/v1. If so, "
            "and Clarity has no such call, take the workflow that needs it out of mappings/workflows and run "
            f"`fleet mapping publish`; {BY_HAND}"
        )
        super().__init__(reason, hint=hint, code="not_offered")


def problem(reply: Reply) -> Failure | None:
    """What happens next, from the problem's ``code``; None leaves it to the defaults."""
    body = _body(reply)
    said = body.get("code")
    code = said if isinstance(said, str) and CODE.fullmatch(said) else ""
    if reply.status == 401:
        return Misconfigured(
            f"Clarity does not accept our token ({code or 401})",
            hint="Check that CLARITY_TOKEN_URL, CLARITY_CLIENT_ID and CLARITY_CLIENT_SECRET belong to CLARITY_URL.",
        )
    if code == "insufficient_scope":
        return Misconfigured(
            "our client may not do this at Clarity",
            code=code,
            hint="Give the client of CLARITY_CLIENT_ID the scopes orders:read and orders:write, which cover shipments "
            "and invoices.",
        )
    if conflict := _conflict(reply, code):
        return conflict
    if reply.status == 501 or (reply.status == 405 and reply.speaks_json()):
        return NotOffered(f"Clarity does not offer this call ({code or reply.status})")
    if reply.status in {403, 404, 410} and reply.speaks_json():
        return (Hold if reply.status == 403 else NotThere)(
            f"Clarity has no such record, or none for our client ({reply.status})",
            hint=f"See that the order is in Clarity and our client may change it; {BY_HAND}",
            code=f"http_{reply.status}",
        )
    if reply.status in {400, 413, 422} and reply.speaks_json():
        return Reject(
            f"Clarity refuses the request: {code or reply.status}{_fields(body)}",
            hint=f"Look at the order in Clarity; {BY_HAND}",
            code=code or f"http_{reply.status}",
        )
    return None


def _conflict(reply: Reply, code: str) -> Failure | None:
    """With the record as Clarity has it, or with an earlier request."""
    if code == "invalid_transition":
        return InvalidTransition("Clarity does not allow this step of the status", code=code)
    if code == "already_exists":
        return AlreadyExists("Clarity has a record with our reference already", code=code)
    if reply.status == 412:
        return Retry("the record was changed in Clarity since it was read", code=code or "http_412")
    if reply.status == 409 and "retry-after" in reply.headers:
        return Throttled("the same request is still at work at Clarity", after=_seconds(reply))
    if code == "idempotency_conflict":
        return Hold(
            "Clarity has seen this request's key with another body",
            hint=f"A defect of this project: please report it; {BY_HAND}",
            code=code,
        )
    return None


def _body(reply: Reply) -> dict[str, Any]:
    if not reply.speaks_json():
        return {}
    try:
        body = reply.json()
    except Retry:
        return {}
    return body if isinstance(body, dict) else {}


def _fields(body: dict[str, Any]) -> str:
    """The pointers of the refused fields; their messages may quote what is personal."""
    errors = body.get("errors")
    found = errors if isinstance(errors, list) else []
    pointers = [str(error.get("pointer"))[:LONGEST_POINTER] for error in found if isinstance(error, dict)]
    return f" ({', '.join(pointers[:10])})" if pointers else ""


def _seconds(reply: Reply) -> float:
    said = reply.headers["retry-after"]
    return min(float(said), LONGEST_PAUSE) if said.isascii() and said.isdigit() else 1.0
