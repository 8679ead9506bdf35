"""Problems: the errors in our HTTP answers, by RFC 9457."""

from __future__ import annotations

from flask import Response, jsonify

Answer = tuple[Response, int, dict[str, str]]


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """The answer ``application/problem+json`` with this status, our own code, and a sentence for the sender."""
    answer = jsonify(status=status, code=code, detail=detail)
    answer.content_type = "application/problem+json"
    return answer, status, headers or {}
