"""Idempotency-Key as the contract has it (3.6): one effect and one answer per key, for 24 hours.

Same key and same request: the stored answer, marked ``Idempotency-Replayed``.  Same key, other request: 422.  Same
key while the first is still at work: 409 with Retry-After.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Response, request

from integration.sandbox.clarity.problems import Problem
from integration.sandbox.clarity.records import Records

KEPT = 24 * 3600
STORED_HEADERS = ("ETag", "Location")


class Idempotency:
    """The keys seen, with their answers; an effect and its answer are stored in one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._at_work: set[str] = set()

    def once(
        self, act: Callable[[sqlite3.Connection, str], Response], replayed: Callable[[sqlite3.Connection, str], None]
    ) -> Response:
        """``act``'s answer to the present request, from memory if its key was used; then ``replayed`` is called."""
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            raise Problem(428, "idempotency_key_required", "Send an Idempotency-Key with this request.")
        if len(key) > 255 or not key.isascii():
            raise Problem(422, "validation_failed", "An Idempotency-Key has 1 to 255 ASCII characters.")
        with self._alone(key), self._records.transaction() as db:
            fingerprint = _fingerprint()
            stored = db.execute("SELECT * FROM replies WHERE key = ? AND at > ?", (key, time.time() - KEPT)).fetchone()
            if stored is None:
                answer = _answer(db, lambda: act(db, key))
                _store(db, key, fingerprint, answer)
                return answer
            if stored["fingerprint"] != fingerprint:
                raise Problem(422, "idempotency_conflict", "This key was used for another request.")
            if stored["status"] < 300:
                replayed(db, key)
            headers = {**json.loads(stored["headers"]), "Idempotency-Replayed": "true"}
            return Response(stored["body"], stored["status"], headers)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        with self._lock:
            if key in self._at_work:
                raise Problem(
                    409,
                    "idempotency_conflict",
                    "A request with this key is at work.",
                    headers={"Retry-After": "1"},
                )
            self._at_work.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(key)


def _fingerprint() -> str:
    head = f"{request.method} {request.path}\n".encode()
    return hashlib.sha256(head + request.get_data()).hexdigest()


def _answer(db: sqlite3.Connection, act: Callable[[], Response]) -> Response:
    """A refusal is an answer too, and has no effect."""
    db.execute("SAVEPOINT act")
    try:
        return act()
    except Problem as problem:
        db.execute("ROLLBACK TO act")
        return problem.response()
    finally:
        db.execute("RELEASE act")


def _store(db: sqlite3.Connection, key: str, fingerprint: str, answer: Response) -> None:
    headers = {name: answer.headers[name] for name in STORED_HEADERS if name in answer.headers}
    headers["Content-Type"] = answer.content_type
    db.execute(
        "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?)",
        (key, fingerprint, time.time(), answer.status_code, json.dumps(headers), answer.get_data(as_text=True)),
    )
