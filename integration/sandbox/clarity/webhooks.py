"""The sending of webhooks: Standard Webhooks 1.0.0, at least once, in no promised order.

A delivery is tried at once, then after the waits of `WAITS` (scaled by the configuration, with jitter) until a 2xx
answers within the time-out.  Pending deliveries are in the records, so a restart only sends some of them twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import secrets
import sqlite3
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from integration.sandbox.clarity.records import Records, now
from integration.sandbox.config import ClarityConfig
from integration.sandbox.faults import Faults

WAITS = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
JITTER = 0.2
STALE = 3600
SENDERS = 8
IDLE = 1.0


def signature(key: bytes, id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` + base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Sender:
    """The threads that send what is due."""

    def __init__(self, records: Records, config: ClarityConfig, faults: Faults) -> None:
        self._records = records
        self._config = config
        self._faults = faults
        self._changed = threading.Condition()
        self._busy: set[str] = set()

    def start(self) -> None:
        for _ in range(SENDERS):
            threading.Thread(target=self._work, daemon=True).start()

    def wake(self) -> None:
        """Something may be due."""
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        session = requests.Session()
        while True:
            delivery = self._claim()
            try:
                self._deliver(session, delivery)
            finally:
                with self._changed:
                    self._busy.discard(delivery["id"])

    def _claim(self) -> sqlite3.Row:
        """The delivery that has been due longest and that no other thread is sending; waits until there is one."""
        query = (
            "SELECT * FROM deliveries WHERE state = 'pending' AND (SELECT status FROM subscription) = 'active'"
            " ORDER BY due LIMIT ?"
        )
        with self._changed:
            while True:
                rows = self._records.rows(query, len(self._busy) + 1)
                first = next((row for row in rows if row["id"] not in self._busy), None)
                wait = first["due"] - time.time() if first else IDLE
                if first and wait <= 0:
                    self._busy.add(first["id"])
                    return first
                self._changed.wait(min(wait, IDLE))

    def _deliver(self, session: requests.Session, delivery: sqlite3.Row) -> None:
        fault = self._faults.draw("webhooks", delivery["type"])
        kind = fault.kind if fault else ""
        if kind == "drop":
            self._finish(delivery, "dropped", "dropped by a fault")
        elif fault and kind == "reorder":
            self._again(delivery, fault.ms / 1000, "delayed by a fault", attempts=delivery["attempts"])
        else:
            if kind == "duplicate":
                threading.Thread(target=self._send, args=(requests.Session(), delivery, ""), daemon=True).start()
            self._judge(delivery, self._send(session, delivery, kind))

    def _send(self, session: requests.Session, delivery: sqlite3.Row, kind: str) -> requests.Response | str:
        """One attempt: the answer, or what went wrong in words."""
        body = delivery["body"].encode()
        timestamp = int(time.time()) - (STALE if kind == "stale_timestamp" else 0)
        signatures = [signature(self._config.webhook_key, delivery["id"], timestamp, body)]
        if kind in {"bad_signature", "two_signatures"}:
            signatures.insert(0, signature(secrets.token_bytes(32), delivery["id"], timestamp, body))
        if kind == "bad_signature":
            signatures.pop()
        headers = {
            "content-type": "application/json",
            "user-agent": "Clarity-Webhooks/1.0 (sandbox)",
            "webhook-id": delivery["id"],
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }
        try:
            return session.post(
                self._config.webhook_url,
                data=body,
                headers=headers,
                timeout=self._config.webhook_timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return type(error).__name__

    def _judge(self, delivery: sqlite3.Row, answer: requests.Response | str) -> None:
        if isinstance(answer, str):
            self._failed(delivery, answer, at_least=0.0)
        elif 200 <= answer.status_code < 300:
            self._finish(delivery, "delivered", str(answer.status_code))
        elif answer.status_code == 410:
            self._finish(delivery, "failed", "410")
            self._disable()
        else:
            asked = answer.headers.get("Retry-After") if answer.status_code in {429, 503} else None
            self._failed(delivery, str(answer.status_code), at_least=_seconds(asked))

    def _failed(self, delivery: sqlite3.Row, outcome: str, at_least: float) -> None:
        attempts = delivery["attempts"] + 1
        if attempts > len(WAITS):
            self._finish(delivery, "failed", outcome)
            self._disable()
            return
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        wait = WAITS[attempts - 1] * self._config.retry_scale * jitter
        self._again(delivery, max(wait, at_least), outcome, attempts)

    def _again(self, delivery: sqlite3.Row, wait: float, outcome: str, attempts: int) -> None:
        with self._records.transaction() as db:
            db.execute(
                "UPDATE deliveries SET due = ?, attempts = ?, last_attempt = ?, outcome = ? WHERE id = ?",
                (time.time() + wait, attempts, now(), outcome, delivery["id"]),
            )
            db.execute("UPDATE subscription SET failures = failures + ?", (attempts > delivery["attempts"],))

    def _finish(self, delivery: sqlite3.Row, state: str, outcome: str) -> None:
        with self._records.transaction() as db:
            db.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_attempt = ?, outcome = ? WHERE id = ?",
                (state, now(), outcome, delivery["id"]),
            )
            if state == "delivered":
                db.execute("UPDATE subscription SET failures = 0, last_delivery = ?", (now(),))

    def _disable(self) -> None:
        """Nothing more is sent until somebody sets the subscription active and redelivers."""
        with self._records.transaction() as db:
            db.execute("UPDATE subscription SET status = 'disabled'")
            db.execute(
                "UPDATE deliveries SET state = 'failed', outcome = 'subscription disabled' WHERE state = 'pending'"
            )


def _seconds(retry_after: str | None) -> float:
    """A Retry-After header, seconds or an HTTP date, in seconds from now; 0 when there is none to be read."""
    if not retry_after:
        return 0.0
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
