"""The receiver: verifies a webhook, records it, starts it on the road, and answers.  Nothing else.

Webhooks are signed by Standard Webhooks 1.0.0.  202 is said only after the commit; from then on the event is
never lost.  Nothing here waits for Redis: a thread nudges what was committed, and what it cannot nudge the dispatcher
will.
"""

from __future__ import annotations

import hashlib
import hmac
import queue
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg2
import redis
import structlog
from flask import Flask, Response, jsonify, request

from integration import logs, metrics
from integration.canonical import parse_json
from integration.errors import Reject
from integration.message import Event, address_of, clear
from integration.settings import Settings
from integration.signature import BadSignature, verify
from integration.store import cursors, inbox
from integration.store.database import Row
from integration.store.inbox import Arrival
from tasks import pipeline
from tasks.celery import BATCH, INGEST
from tasks.intake import Intake
from tasks.job import INGEST_WINDOW
from tasks.process import Process
from tasks.refusals import Refusals

logger = structlog.get_logger(__name__)

LARGEST_BODY = 1024 * 1024
LONGEST_ID = 255
SOURCES = ("clarity",)
GATHER = 0.005
"""Seconds for which what was just accepted waits for what else is, to be nudged together."""


def create_app() -> Flask:
    """The WSGI application; a thread that nudges and one that counts belong to each process that makes it."""
    logs.configure("receiver")
    process = Process(Settings.load().need_stores())
    process.database.wait()
    intake = Intake(process)
    publisher = Publisher(process)
    refusals = Refusals(process)
    app = Flask("receiver")

    @app.post("/webhooks/<source>")
    def webhook(source: str) -> tuple[Response, int, dict[str, str]]:
        return receive(process, intake, publisher, refusals, source)

    @app.post("/hints/odoo/<token>")
    def hint(token: str) -> tuple[Response, int, dict[str, str]]:
        return hasten(process, token)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        return ready(process)

    @app.get("/metrics")
    def scrape() -> Response:
        return Response(metrics.expose(process.database), content_type=metrics.CONTENT_TYPE)

    return app


def receive(
    process: Process, intake: Intake, publisher: Publisher, refusals: Refusals, source: str
) -> tuple[Response, int, dict[str, str]]:
    """The checks in their fixed order, then the commit, then the answer."""
    if source not in SOURCES or source not in process.settings.systems:
        return _problem(404, "unknown_source", "There is no such webhook source.")
    too_large = (request.content_length or 0) > LARGEST_BODY
    body = b"" if too_large else request.stream.read(LARGEST_BODY + 1)
    if too_large or len(body) > LARGEST_BODY:
        return _problem(413, "too_large", f"A webhook is at most {LARGEST_BODY} bytes.")
    if request.mimetype != "application/json":
        return _problem(415, "unsupported_media_type", "Send application/json.")
    id, timestamp, signatures = (
        request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    try:
        verify(process.settings.webhook_secrets, id, timestamp, signatures, body)
    except BadSignature as error:
        refusals.count(source, error.flaw)
        return _problem(401, "bad_signature", str(error))
    try:
        return _record(process, intake, publisher, source, id, body)
    except psycopg2.Error as error:
        logger.error("cannot store", error=type(error).__name__)
        return _problem(503, "cannot_store", "Send it again soon.", {"Retry-After": "5"})


def hasten(process: Process, token: str) -> tuple[Response, int, dict[str, str]]:
    """A hint makes the polls of Odoo due early, and does nothing else: Odoo's webhooks carry no signature."""
    odoo = process.settings.systems.get("odoo")
    secret = odoo.options.get("hint_token", "") if odoo else ""
    if not secret or not hmac.compare_digest(token.encode(), secret.encode()):
        return _problem(404, "unknown_token", "There is no such hint.")
    try:
        with process.database.statement() as tx:
            cursors.hasten(tx, process.installations["odoo"].id)
    except psycopg2.Error as error:
        logger.error("cannot store", error=type(error).__name__)
        return _problem(503, "cannot_store", "The next poll will see it.", {"Retry-After": "5"})
    return Response(status=204), 204, {}


def ready(process: Process) -> tuple[Response, int]:
    """Postgres is required; Redis is reported, for without it the road only waits."""
    state = {"postgres": "ok", "redis": "ok"}
    try:
        with process.database.statement() as tx:
            tx.run("select 1")
    except psycopg2.Error:
        state["postgres"] = "away"
    try:
        process.redis.ping()
    except redis.RedisError:
        state["redis"] = "away"
    return jsonify(state), 200 if state["postgres"] == "ok" else 503


class Publisher:
    """Nudges what was just accepted, in batches, from a thread of its own.  Drops what it cannot nudge at once."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._fresh: queue.Queue[Row] = queue.Queue(INGEST_WINDOW)
        threading.Thread(target=self._publish_for_ever, name="publisher", daemon=True).start()

    def wake(self, due: tuple[Row, ...]) -> None:
        """Never waits: what finds no place is nudged by the dispatcher."""
        with suppress(queue.Full):
            for row in due:
                self._fresh.put_nowait(row)

    def _publish_for_ever(self) -> None:
        while True:
            due = [self._fresh.get()]
            time.sleep(GATHER)
            while not self._fresh.empty() and len(due) < BATCH:
                due.append(self._fresh.get())
            try:
                if int(self._process.redis.llen(INGEST)) < INGEST_WINDOW:
                    pipeline.nudge(due)
            except Exception as error:  # the thread must live; nothing is lost without its nudges
                logger.warning("not nudged, the dispatcher will", deliveries=len(due), error=type(error).__name__)


def _record(
    process: Process, intake: Intake, publisher: Publisher, source: str, id: str, body: bytes
) -> tuple[Response, int, dict[str, str]]:
    shop = process.installations[source]
    try:
        event = read_event(id, body)
    except Reject as failure:
        logger.error("malformed webhook", source=source, reason=failure.reason)
        with process.database.statement() as tx:
            inbox.reject(tx, shop.id, clear(id), failure.reason, process.vault.seal(body))
        return _problem(400, "malformed", failure.reason)
    with process.database.statement() as tx:
        arrival = intake.accept(tx, source, event, body)
    if arrival is None:
        with process.database.transaction() as tx:
            arrival = inbox.again(tx, shop.id, event.id, hashlib.sha256(body).digest())
    publisher.wake(arrival.due)
    return _answer(arrival, event)


def read_event(id: str, body: bytes) -> Event:
    """The envelope's part of a webhook; raises `Reject` for a body that is not an event."""
    envelope = parse_json(body)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
        raise Reject('the body is not an event: an object with a text "type"')
    if not 0 < len(id) <= LONGEST_ID:
        raise Reject(f"the webhook-id is longer than {LONGEST_ID} characters")
    data = envelope.get("data")
    data = data if isinstance(data, dict) else {}
    object_id, number, version = _id(data.get("id")), _id(data.get("number")), data.get("version")
    customer = data.get("customer")
    email = customer.get("email") if isinstance(customer, dict) else None
    return Event(
        id=clear(id),
        type=clear(envelope["type"])[:LONGEST_ID],
        object_id=clear(object_id or id),
        version=version if type(version) is int and 0 <= version < 2**53 else 0,
        number=clear(number)[:LONGEST_ID] or None,
        email=address_of(email) or None if isinstance(email, str) else None,
    )


def _id(given: Any) -> str:
    """An object's id as text; numbers are ids to some, true is none to anybody."""
    return given if isinstance(given, str) else str(given) if type(given) is int else ""


def _answer(arrival: Arrival, event: Event) -> tuple[Response, int, dict[str, str]]:
    match arrival.verdict:
        case "accepted":
            return jsonify(id=event.id, status="accepted"), 202, {}
        case "duplicate":
            return jsonify(id=event.id, status="duplicate"), 200, {}
    logger.error("same id, another body", webhook=event.id, message=arrival.message)
    return _problem(409, "conflict", "This webhook-id was accepted with another body.")


def _problem(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> tuple[Response, int, dict[str, str]]:
    """RFC 9457."""
    answer = jsonify(status=status, code=code, detail=detail)
    answer.content_type = "application/problem+json"
    return answer, status, headers or {}
