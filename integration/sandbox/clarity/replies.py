"""How an object is answered: with its version as ETag, which a change may be made to depend on."""

from __future__ import annotations

from flask import Response, jsonify, request

from integration.sandbox.clarity.problems import Problem
from integration.sandbox.clarity.records import Document


def etag(document: Document) -> str:
    return f'"v{document["version"]}"'


def shown(document: Document, *, created_at: str | None = None) -> Response:
    """The object; 201 if it was ``created_at`` that path, 304 if the client has this version."""
    headers = {"ETag": etag(document)}
    if request.method == "GET" and etag(document) in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers=headers)
    answer = jsonify(document)
    answer.headers.update(headers)
    if created_at:
        answer.status_code = 201
        answer.headers["Location"] = created_at
    return answer


def check_version(document: Document) -> None:
    """Lets the present request pass if its If-Match is of this version, or any; else raises `Problem`."""
    expected = request.headers.get("If-Match")
    if not expected:
        raise Problem(428, "precondition_required", "Send If-Match with the object's ETag.")
    if expected not in {etag(document), "*"}:
        raise Problem(412, "precondition_failed", "It has changed since.")
