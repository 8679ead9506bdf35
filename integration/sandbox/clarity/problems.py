"""Errors as the contract writes them (RFC 9457), and the strict reading of JSON bodies."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Response, g, request

BODY_LIMIT = 1024 * 1024


class Problem(Exception):
    """One refusal: ``code`` is the machine's word for it, ``errors`` name the fields as (pointer, message)."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[tuple[str, str], ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer, ``application/problem+json``."""
        body = {
            "type": f"https://errors.clarity.example/{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "requestId": g.get("request_id"),
            "retryable": self.status in {429, 500, 502, 503, 504} or "Retry-After" in self.headers,
            "errors": [{"pointer": pointer, "code": "invalid", "message": text} for pointer, text in self.errors],
        }
        return Response(json.dumps(body), self.status, self.headers, content_type="application/problem+json")


def invalid(*errors: tuple[str, str]) -> Problem:
    """422 for fields that are missing or wrong, each as (pointer, message)."""
    return Problem(422, "validation_failed", "The request has fields that cannot be used.", errors=errors)


def missing(kind: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {kind}.")


def not_faked(what: str) -> Problem:
    """501: the contract has it, this sandbox does not play it."""
    return Problem(501, "not_faked", f"{what} is not played by this sandbox.")


def json_body(allowed: tuple[str, ...] = ("application/json",)) -> dict[str, Any]:
    """The request's JSON object, read strictly: no duplicate keys, no NaN, no more than 1 MiB."""
    if request.mimetype not in allowed:
        raise Problem(415, "unsupported_media_type", f"Send {' or '.join(allowed)}.")
    if (request.content_length or 0) > BODY_LIMIT:
        raise Problem(413, "too_large", "A body is at most 1 MiB.")
    try:
        body = json.loads(request.get_data(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed_json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Problem(400, "malformed_json", "The body is not a JSON object.")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Problem(400, "duplicate_key", "A JSON object has the same key twice.")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
