"""What an answer of Fusion that is not 2xx means.

Errors come as JSON (``o:errorDetails``), as plain text, or as HTML from the edge in front of a pod.  Statuses say
little: a duplicate, an unknown attribute and a refused order are all 400, so there the words decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from integration.connectors.http import Reply, plain
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry

TRACE = "x-oracle-dms-ecid"
RIGHTS = (
    "Give the integration user in Fusion the duties to manage sales orders, to read customers, accounts and items (and "
    "to manage items that follow products), and data access to the business unit"
)
CORRECT = "Correct {origin}, or what it refers to in Fusion. {again}"
OURS = {
    "SourceTransactionSystem": (
        "the source system of our orders",
        "Define it in Fusion (Setup and Maintenance, Manage Trading Community Source Systems; enabled for order "
        "orchestration), or set FUSION_SOURCE_SYSTEM to one that is defined, and run `fleet restart`",
    ),
    **dict.fromkeys(
        ("BusinessUnitName", "BusinessUnitId", "RequestingBusinessUnitId"),
        (
            "the business unit of our orders",
            "Set FUSION_BUSINESS_UNIT to its name or id in Fusion and run `fleet restart`",
        ),
    ),
}
"""Attributes that hold a setting of ours and nothing of the order: what they are, and what to do about them."""
EXISTS = re.compile(r"sales order.*already exists", re.DOTALL)
"""In English; a pod that says it in another language is understood by looking."""
UNKNOWN_SOURCE = "HZ-120559"
"""The trading community does not know the source system of a reference."""
CODED = re.compile(r"\b(?:HZ|JBO|AR)-\d+\b")
BUSY = "DOO-2686198"
"""Orchestration is at work on the line; it is free again after a minute or two."""


class NotThere(Hold):
    """404: no such record, no such resource, or one that the user's data access does not cover."""


class NoSuchResource(Misconfigured):
    """404 for a whole collection."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Fusion has no resource {path}, or our user may not see it",
            hint="Check FUSION_URL, FUSION_SALES_ORDERS_RESOURCE (a pod answers to salesOrdersForOrderHub, not to "
            "salesOrders) and the roles of the integration user.",
        )


class AccessRefused(Hold):
    """403: the user may not do this, with all records or with this one."""


class InvoicesRefused(Misconfigured):
    """403 or 404 for all invoices.  Orders and shipments do not need them."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}: the integration user may not read invoices",
            hint="Give the integration user in Fusion a role that may view receivables transactions (Billing "
            "Specialist, or one of your own) and data access to the business unit. Shipments arrive without.",
            code="invoices_refused",
        )


class AlreadyThere(Reject):
    """400: an order of this source system and id exists."""


@dataclass(frozen=True)
class Said:
    """An error in Fusion's own words; ``paths`` name the attributes it is about."""

    text: str
    code: str | None
    paths: tuple[str, ...]


def problem(reply: Reply) -> Failure | None:
    """What happens next; None leaves it to the defaults."""
    said = said_by(reply)
    reason = _reason(reply, said)
    code = said.code or f"http_{reply.status}"
    if is_fault(reply):
        return _refused(said, reason, code)
    if reply.status >= 500:
        return Retry(reason, unknown_outcome=True, counts_for_breaker=True, code=f"http_{reply.status}")
    if reply.status == 408:
        return Retry(reason, unknown_outcome=True, code="http_408")
    if reply.status == 412 or BUSY in (said.code, *said.text.split()):
        return Retry(reason, code=code)
    if reply.status == 401:
        return Misconfigured(
            "Fusion does not accept our token (401)",
            hint="Check that FUSION_TOKEN_URL, FUSION_CLIENT_ID, FUSION_CLIENT_SECRET and FUSION_SCOPE belong to "
            "FUSION_URL, and that the client is mapped to a user there.",
        )
    if reply.status == 403 and reply.speaks_json():
        return AccessRefused(reason, hint=f"{RIGHTS}. {{again}}", code=code)
    if reply.status == 404:
        return NotThere(
            reason,
            hint="Check that the record exists in Fusion and that the integration user's data access covers its "
            "business unit. {again}",
            code=code,
        )
    return _refused(said, reason, code) if reply.status == 400 else None


def is_fault(reply: Reply) -> bool:
    """Whether a SOAP service refuses the call.  It says so with 500, and the call has no effect."""
    return reply.status == 500 and "xml" in reply.headers.get("content-type", "") and b"Fault>" in reply.body


def _refused(said: Said, reason: str, code: str) -> Failure:
    if EXISTS.search(said.text):
        return AlreadyThere(
            reason,
            hint="Fusion has the order, but the integration user does not see it. Give the user data access to "
            "its business unit. {again}",
            code=code,
        )
    for path in said.paths:
        if setting := OURS.get(path.rpartition("/")[2]):
            what, fix = setting
            return Hold(f"Fusion does not take {what}: {reason}", hint=f"{fix}. {{again}}", code=code)
    if code == UNKNOWN_SOURCE:
        what, fix = OURS["SourceTransactionSystem"]
        return Hold(f"Fusion does not take {what}: {reason}", hint=f"{fix}. {{again}}", code=code)
    return Reject(reason, hint=CORRECT, code=code)


def said_by(reply: Reply) -> Said:
    """The error's text, out of JSON, plain text or HTML."""
    body = _object(reply)
    details = body.get("o:errorDetails")
    details = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    texts = [str(each["detail"]) for each in details if each.get("detail")]
    codes = [str(each.get("o:errorCode") or "") for each in (*details, body)]
    paths = [str(each["o:errorPath"]) for each in details if each.get("o:errorPath")]
    text = " / ".join(texts) or str(body.get("detail") or body.get("title") or "")
    if not body:
        text = re.sub(r"(?s)<head.*?</head>|<[^>]*>", " ", reply.body[:4096].decode(errors="replace"))
    codes += CODED.findall(text)
    code = next((each for each in codes if re.fullmatch(r"[\w-]{3,40}", each, re.ASCII)), None)
    return Said(" ".join(text.split()), code, tuple(paths))


def _object(reply: Reply) -> dict[str, Any]:
    try:
        body = reply.json()
    except Retry:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(reply: Reply, said: Said) -> str:
    """Without what may be personal, and with the trace id that Oracle's support asks for."""
    at = f" ({', '.join(said.paths[:5])})" if said.paths else ""
    trace = f" [ECID {reply.headers[TRACE][:60]}]" if TRACE in reply.headers else ""
    return f"Fusion answers {reply.status}: {plain(said.text) or 'no words'}{at}{trace}"
