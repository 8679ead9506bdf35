"""The receiver's answers for operators, at ``FLEET_OPS_BIND``: ``/readyz`` and ``/metrics``.

Neither waits for a server that does not answer: each question is asked in a thread of its own, one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

import psycopg2
import redis
from flask import Flask, Response, jsonify

from integration import metrics
from integration.problems import Answer, problem
from integration.settings import Settings
from integration.store.database import Database

T = TypeVar("T")

PATIENCE = 0.8
"""Seconds for one question: two of them, and a scrape, are answered within two seconds."""
SCRAPE = 1.8
MARK = "fleet:writable"
"""The key that is written to check that Redis takes writes."""


def create_app(settings: Settings) -> Flask:
    """The WSGI application.  It has connections of its own, so it answers however busy the receiver is."""
    database = Database(settings.database_url, connections=2)
    cache = redis.Redis.from_url(
        settings.redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None
    )
    questions = {"postgres": Question(partial(_postgres, database)), "redis": Question(partial(_redis, cache))}
    scrape = Question(partial(metrics.expose, database))
    app = Flask("health")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        state = {name: question.ask(PATIENCE) or "does not answer" for name, question in questions.items()}
        return jsonify(state), 200 if set(state.values()) == {"ok"} else 503

    @app.get("/metrics")
    def expose() -> Response | Answer:
        if text := scrape.ask(SCRAPE):
            return Response(text, content_type=metrics.CONTENT_TYPE)
        return problem(503, "no_metrics", "Postgres does not answer.", {"Retry-After": "5"})

    return app


class Question(Generic[T]):
    """A question that may stay unanswered: asked once at a time, however many callers wait."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._asking = threading.Lock()
        self._answered = threading.Event()
        self._answered.set()
        self._answer: T | None = None

    def ask(self, seconds: float) -> T | None:
        """The answer, None when there is none within ``seconds``; later callers wait for the same one."""
        with self._asking:
            if self._answered.is_set():
                self._answered.clear()
                threading.Thread(target=self._run, name="question", daemon=True).start()
        return self._answer if self._answered.wait(seconds) else None

    def _run(self) -> None:
        answer = None
        with suppress(psycopg2.Error, redis.RedisError):
            answer = self._ask()
        self._answer = answer
        self._answered.set()


def _postgres(database: Database) -> str:
    """Whether Postgres takes writes: a standby, or a server whose disk ran full, says that it is read-only."""
    try:
        with database.statement() as tx:
            return "read-only" if tx.value("show transaction_read_only") == "on" else "ok"
    except psycopg2.Error:
        return "away"


def _redis(cache: redis.Redis) -> str:
    """Whether Redis takes writes: a replica, a full one, and one that cannot save refuse them."""
    try:
        cache.set(MARK, "1", ex=60)
    except (redis.ConnectionError, redis.TimeoutError):
        return "away"
    except redis.RedisError:
        return "read-only"
    return "ok"
