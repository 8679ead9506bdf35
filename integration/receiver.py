"""The receiver: verifies a webhook, records it, starts it on the road, and answers.  Nothing else.

Webhooks are signed by Standard Webhooks 1.0.0.  202 is said only after the commit; from then on the event is
never lost.  Whatever is not taken is counted by its reason.  Nothing here waits for Redis: a thread nudges what was
committed, and what it cannot nudge the dispatcher will.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jmespath
import psycopg2
import structlog
from flask import Flask, Response, jsonify, request
from gunicorn.arbiter import Arbiter
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from integration import health, logs, preflight
from integration.batcher import Batcher
from integration.canonical import parse_json
from integration.canonical.email import address_of
from integration.canonical.entities import entity
from integration.canonical.money import worth
from integration.errors import Failure, Misconfigured, Reject
from integration.message import Event, clear
from integration.problems import Answer, problem
from integration.serving import REFUSED
from integration.signature import BadSignature, verify
from integration.store import cursors, inbox
from integration.store.inbox import Arrival, Arriving
from integration.systems import KINDS, qualify, variable
from tasks.celery import BATCH
from tasks.intake import Intake
from tasks.publisher import Publisher
from tasks.refusals import Refusals
from tasks.runtime import Runtime

logger = structlog.get_logger(__name__)

LONGEST_ID = 255


def create_app() -> Flask:
    """The WSGI application for strangers; its extension "operations" is the one for operators.

    A thread that nudges and one that counts belong to each process that makes it.
    """
    logs.configure("receiver")
    runtime, intake = _begin()
    receiver = Receiver(
        runtime, intake, Batcher(partial(_store, runtime, intake), BATCH), Publisher(runtime), Refusals(runtime)
    )
    app = Flask("receiver")
    app.extensions["operations"] = health.create_app(runtime.settings)
    app.before_request(receiver.refuse_unreadable)
    app.register_error_handler(Exception, receiver.fail)
    app.post("/webhooks/<source>")(receiver.receive)
    app.post("/hints/<system>/<token>")(receiver.hint)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    logger.info("receiver.ready", pid=os.getpid())
    return app


def _begin() -> tuple[Runtime, Intake]:
    """What the receiver needs to accept events; it ends, with one line, where it must not."""
    try:
        runtime = Runtime(preflight.load())
        secrets = runtime.settings.webhook_secrets
        if unset := [name for name in runtime.settings.systems if not secrets.get(name, ("none are needed",))]:
            raise Misconfigured(
                f"{variable(unset[0], 'webhook_secrets')} is not set: every webhook would be refused",
                hint="Set it to the secret that Clarity shows for the subscription.",
            )
        runtime.database.wait()
        return runtime, Intake(runtime)
    except Failure as failure:
        print(failure.line, file=sys.stderr, flush=True)
        raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None  # any other exit code, and Gunicorn tries for ever


@dataclass(frozen=True)
class Receiver:
    """What answers strangers, and what it needs for that."""

    runtime: Runtime
    intake: Intake
    inbox: Batcher[Arriving, Arrival | None]
    publisher: Publisher
    refusals: Refusals

    def receive(self, source: str) -> Answer:
        """The checks in their fixed order, then the commit, then the answer."""
        secrets = self.runtime.settings.webhook_secrets.get(source)
        if secrets is None or source not in self.runtime.settings.systems:
            return self._refuse(None, "unknown_source", "There is no such webhook source.")
        limit = self.runtime.settings.webhook_limit
        too_large = REFUSED in request.environ or (request.content_length or 0) > limit
        body = b"" if too_large else request.stream.read(limit + 1)
        if too_large or len(body) > limit:
            return self._refuse(source, "too_large", f"A webhook is at most {limit} bytes.")
        if request.mimetype != "application/json":
            return self._refuse(source, "media_type", "Send application/json.", code="unsupported_media_type")
        id, timestamp, signatures = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        try:
            verify(secrets, id, timestamp, signatures, body)
        except BadSignature as error:
            return self._refuse(source, error.flaw.value, str(error), code="bad_signature")
        try:
            return self._record(source, id, body)
        except psycopg2.Error as error:
            logger.error("webhook.not_stored", error=type(error).__name__)
            return self._refuse(source, "not_stored", "Send it again soon.", code="cannot_store")

    def hint(self, system: str, token: str) -> Answer:
        """A hint makes the polls of a system due early, and does nothing else: it carries no signature."""
        hinting = self.runtime.settings.systems.get(system)
        secret = hinting.options.get("hint_token", "") if hinting and KINDS[hinting.kind].hints else ""
        if not secret or not hmac.compare_digest(token.encode(), secret.encode()):
            return self._refuse(None, "unknown_hint", "There is no such hint.", code="unknown_token")
        try:
            with self.runtime.database.statement() as tx:
                cursors.make_due(tx, self.runtime.installations[system].id)
        except psycopg2.Error as error:
            logger.error("webhook.not_stored", error=type(error).__name__)
            return self._refuse(system, "not_stored", "The next poll will see it.", code="cannot_store")
        return Response(status=204), 204, {}

    def refuse_unreadable(self) -> Answer | None:
        """What HTTP itself refuses; a body that is too large is refused in its turn among the checks of a webhook."""
        match request.environ.get(REFUSED):
            case None | 413:
                return None
            case 408:
                seconds = self.runtime.settings.webhook_deadline
                return self._refuse(None, "slow", f"A request has to arrive as a whole within {seconds:g} seconds.")
            case 500:
                return self._refuse(None, "defect", "Send it again soon.")
        return self._refuse(None, "unreadable", "This is not a request that can be read.")

    def fail(self, error: Exception) -> Answer:
        """What nothing else answers: a path or method that there is not, or a defect of ours."""
        if isinstance(error, NotFound | MethodNotAllowed):
            self.refusals.count(None, "unknown_path")
            return problem(error.code, "not_found", "There is nothing of this kind here.")
        if isinstance(error, HTTPException):
            return self._refuse(None, "unreadable", "This is not a request that can be read.")
        logger.exception("the receiver failed", error=type(error).__name__)
        return self._refuse(None, "defect", "Send it again soon.")

    def _refuse(self, source: str | None, reason: str, detail: str, *, code: str = "") -> Answer:
        """Counts it and answers."""
        status = self.refusals.count(source, reason).status
        return problem(status, code or reason, detail, {"Retry-After": "5"} if status == 503 else None)

    def _record(self, source: str, id: str, body: bytes) -> Answer:
        installation = self.runtime.installations[source].id
        try:
            event = read_event(id, body, source, self.runtime.settings.kinds)
        except Reject as failure:
            logger.error("webhook.malformed", source=source, reason=failure.reason)
            with self.runtime.database.statement() as tx:
                inbox.reject(tx, installation, clear(id), failure.reason, self.runtime.vault.seal(body))
            return self._refuse(source, "malformed", failure.reason)
        arrival = self.inbox.ask(self.intake.arriving(source, event, body))
        if arrival is None:
            with self.runtime.database.transaction() as tx:
                arrival = inbox.again(tx, installation, event.id, hashlib.sha256(body).digest())
        self.publisher.wake(arrival.due)
        if arrival.verdict == "conflict":
            logger.error("webhook.conflict", webhook=event.id, message=arrival.message)
            return self._refuse(source, "conflict", "This webhook-id was accepted with another body.")
        status = 202 if arrival.verdict == "accepted" else 200
        return jsonify(id=event.id, status=arrival.verdict), status, {}


def _store(runtime: Runtime, intake: Intake, arriving: Sequence[Arriving]) -> list[Arrival | None]:
    with runtime.database.statement() as tx:
        return intake.accept(tx, arriving)


def read_event(id: str, body: bytes, source: str, systems: Container[str] = ()) -> Event:
    """The envelope's part of a webhook; raises `Reject` for a body that is not an event.

    The object's id is ours: `qualify` makes it of that in the ``source``, and refuses one that could be of another of
    the ``systems``.
    """
    envelope = parse_json(body)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
        raise Reject('the body is not an event: an object with a text "type"')
    if not 0 < len(id) <= LONGEST_ID:
        raise Reject(f"the webhook-id is longer than {LONGEST_ID} characters")
    data = envelope.get("data")
    data = data if isinstance(data, dict) else {}
    of = entity(envelope["type"].partition(".")[0])
    object_id, number, version = _id(data.get("id")), _id(data.get(of.number_at)), data.get("version")
    email = _path(of.email_at).search(data) if of.email_at else None
    value, currency = worth(*(_path(path).search(data) for path in of.worth_at)) if of.worth_at else (None, None)
    return Event(
        id=clear(id),
        type=clear(envelope["type"])[:LONGEST_ID],
        object_id=clear(qualify(source, object_id or id, systems)),
        version=version if type(version) is int and 0 <= version < 2**53 else 0,
        number=clear(number)[:LONGEST_ID] or None,
        email=address_of(email) or None if isinstance(email, str) else None,
        value=value,
        currency=currency,
    )


_path = cache(jmespath.compile)


def _id(given: Any) -> str:
    """An object's id as text; numbers are ids to some, true is none to anybody."""
    return given if isinstance(given, str) else str(given) if type(given) is int else ""
