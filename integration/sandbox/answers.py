"""The answers of a system that is unwell, each in the shape of the part that would give it."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

PAGE = "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center><hr></body></html>\n"
UNAVAILABLE = (
    "<html><head><title>Service Unavailable</title></head><body>The service is temporarily unavailable.</body></html>"
)
LOGIN = "<!doctype html><html><title>Log in</title><form method=post><input type=password></form></html>\n"


def broken(target: str, kind: str, retry_after: int, sent: bytes = b"") -> Response:
    """What ``target`` answers to a body while the fault ``kind`` is in force."""
    wait = {"Retry-After": str(retry_after)} if retry_after else {}
    if kind == "500_quoting":
        return Response(b"Internal Server Error\n\n" + sent, 500, content_type="text/plain")
    if kind == "refused_quoting":
        return _refused(target, " and ".join(_personal(sent)))
    if kind == "html":
        return Response(LOGIN, 200, content_type="text/html")
    if kind == "502_html":
        return _page(502, "502 Bad Gateway", {})
    if target == "clarity":
        return _clarity(kind, wait)
    if target == "fusion":
        return _fusion(kind, wait)
    return _odoo(kind, wait)


def _clarity(kind: str, wait: dict[str, str]) -> Response:
    if kind == "429":
        return _problem(429, "rate_limited", "Too many requests", wait)
    if kind == "503":
        return _problem(503, "maintenance", "Down for maintenance", wait)
    if kind == "404_lag":
        return _problem(404, "not_found", "There is no such order", {})
    return _problem(500, "internal_error", "Internal error", {})


def _odoo(kind: str, wait: dict[str, str]) -> Response:
    """Odoo itself knows no rate limit: 429 and 503 come from the proxy in front of it, as HTML."""
    if kind == "429":
        return _page(429, "429 Too Many Requests", wait)
    if kind == "503":
        return _page(503, "503 Service Temporarily Unavailable", wait)
    if kind == "401_expire":
        answer = _odoo_error(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        answer.headers["WWW-Authenticate"] = "bearer"
        return answer
    return _odoo_error(
        500, "psycopg2.errors.SerializationFailure", "could not serialize access due to concurrent update"
    )


def _fusion(kind: str, wait: dict[str, str]) -> Response:
    """The edge in front of a pod throttles in plain text and is down in HTML; only the 500 is the pod's own."""
    if kind == "429":
        return Response("Too Many Requests", 429, wait, content_type="text/plain")
    if kind == "503":
        return Response(UNAVAILABLE, 503, wait, content_type="text/html")
    detail = {"detail": "JBO-29000: Unexpected exception caught.", "o:errorCode": "JBO-29000", "o:errorPath": ""}
    body = {"title": "Internal Server Error", "status": "500", "o:errorDetails": [detail]}
    headers = {"REST-Framework-Version": "4", "X-ORACLE-DMS-ECID": "an injected fault"}
    return Response(json.dumps(body), 500, headers, content_type="application/vnd.oracle.adf.error+json")


def _refused(target: str, quoted: str) -> Response:
    """A refusal in the words of a module or a rule of somebody's own."""
    said = f"You cannot use {quoted} here."
    if target == "odoo":
        return _odoo_error(422, "odoo.exceptions.UserError", said)
    if target == "fusion":
        body: dict[str, Any] = {"title": "Bad Request", "status": "400", "o:errorDetails": [{"detail": said}]}
        return Response(json.dumps(body), 400, content_type="application/vnd.oracle.adf.error+json")
    errors = [{"pointer": "/status", "detail": said}]
    body = {"title": "Unprocessable", "status": 422, "code": "refused", "detail": said, "errors": errors}
    return Response(json.dumps(body), 422, content_type="application/problem+json")


def _personal(sent: bytes) -> list[str]:
    """The texts in a JSON body that may be names, addresses or numbers of people: those of more than one word, and
    those with an at sign."""
    try:
        left: list[Any] = [json.loads(sent)]
    except ValueError:
        return []
    texts = []
    while left:
        each = left.pop()
        if isinstance(each, dict | list):
            left.extend(each.values() if isinstance(each, dict) else each)
        elif isinstance(each, str) and (" " in each or "@" in each):
            texts.append(each)
    return texts


def _page(status: int, title: str, headers: dict[str, str]) -> Response:
    return Response(PAGE.format(title=title), status, headers, content_type="text/html")


def _problem(status: int, code: str, title: str, headers: dict[str, str]) -> Response:
    body: dict[str, Any] = {
        "type": f"https://errors.clarity.example/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": "An injected fault.",
        "retryable": True,
        "errors": [],
    }
    return Response(json.dumps(body), status, headers, content_type="application/problem+json")


def _odoo_error(status: int, name: str, message: str) -> Response:
    body = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""}
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
