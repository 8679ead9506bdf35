"""How Clarity's refusals (RFC 9457, ``application/problem+json``) are read; the rest is as `Http` has it."""

from __future__ import annotations

from typing import Any

from integration.connectors.http import Reply
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled

BY_HAND = "set the order's status in Clarity by hand, for it is pushed again only when the order changes."


class InvalidTransition(Retry):
    """409 invalid_transition: the order's status does not allow the one asked for."""


def problem(reply: Reply) -> Failure | None:
    """What happens next, from the problem's ``code``; None leaves it to the defaults."""
    body = _body(reply)
    code = str(body.get("code") or "")
    if reply.status == 401:
        return Misconfigured(
            f"Clarity does not accept our token ({code or 401})",
            hint="Check that CLARITY_TOKEN_URL, CLARITY_CLIENT_ID and CLARITY_CLIENT_SECRET belong to CLARITY_URL.",
        )
    if code == "insufficient_scope":
        return Misconfigured(
            "our client may not do this at Clarity",
            hint="Give the client of CLARITY_CLIENT_ID the scopes orders:read and orders:write.",
        )
    if code == "invalid_transition":
        return InvalidTransition("Clarity does not allow this step of the status", code=code)
    if reply.status == 409 and "retry-after" in reply.headers:
        return Throttled("the same request is still at work at Clarity", after=_seconds(reply))
    if code == "idempotency_conflict":
        return Hold(
            "Clarity has seen this request's key with another body",
            hint=f"A defect of this project: please report it; {BY_HAND}",
            code=code,
        )
    if reply.status in {403, 404, 410} and reply.speaks_json():
        return Hold(
            f"Clarity has no such order, or none for our client ({reply.status})",
            hint=f"See that the order is in Clarity and our client may change it; {BY_HAND}",
            code=f"http_{reply.status}",
        )
    if reply.status == 422:
        return Reject(
            f"Clarity refuses the request: {code or 422}{_fields(body)}",
            hint=f"Look at the order in Clarity; {BY_HAND}",
            code=code or "http_422",
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
    pointers = [str(error.get("pointer")) for error in errors or () if isinstance(error, dict)]
    return f" ({', '.join(pointers[:10])})" if pointers else ""


def _seconds(reply: Reply) -> float:
    said = reply.headers["retry-after"]
    return float(said) if said.isdigit() else 1.0
