"""The dispatcher: it nudges what is due, and returns expired leases and lost nudges to the queue.

It looks ten times a second while anything moves, and twice when nothing has for a while: what comes then is nudged by
the receiver and goes on by itself.

Any number of copies may run; Postgres gives each delivery to one of them.  A thread beside it stands in for the watch
where that is down.  Started as ``python -m tasks.dispatcher``.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import cached_property
from types import FrameType

import redis
import structlog
from kombu.exceptions import OperationalError

from integration import logs, preflight
from integration.connectors import CONNECTORS
from integration.errors import Failure
from integration.store import cursors, database, dispatch, installations
from integration.store.database import Transaction
from tasks import pipeline
from tasks.celery import CARRIED_OUT, INGEST, JOBS_TICK, POLL_TICK, POLLED
from tasks.jobs import run_jobs
from tasks.polls import poll
from tasks.runtime import Runtime, current
from tasks.watch import StandIn

logger = structlog.get_logger(__name__)

TICK, QUIET_TICK = 0.1, 0.5
"""Seconds between two looks while something moves, and once nothing has for `QUIET_AFTER`."""
QUIET_AFTER = 5.0
REDRIVE_EVERY = 1.0
SWEEP_EVERY = 5.0
DECIDE_EVERY = 1.0
POLLS_EVERY = 1.0
EPOCH = "fleet:epoch"
UNAVAILABLE = (*database.UNAVAILABLE, redis.RedisError, OperationalError)


class Dispatcher:
    """One dispatcher; `tick` does one round and may be called as often as one likes."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._queues = (INGEST, *runtime.settings.systems)
        self._done_at: dict[str, float] = {}
        self._moved_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Ticks until it is stopped; an outage of Postgres or Redis is logged once and waited out."""
        away = False
        while not stop.is_set():
            try:
                self.tick()
                if away:
                    logger.info("dispatcher.recovered")
                away = False
            except UNAVAILABLE as error:
                if not away:
                    logger.warning("dispatcher.waiting", error=type(error).__name__)
                away = True
            stop.wait(1.0 if away else self.pause)

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        return QUIET_TICK if self._is_quiet else TICK

    @property
    def _is_quiet(self) -> bool:
        return time.monotonic() - self._moved_at > QUIET_AFTER

    def tick(self) -> None:
        """Brings what operators decided to Redis, makes lost things due again, nudges what each queue has room for.

        It asks for the polls and the slices of jobs that are due, too.
        """
        self._keep_epoch()
        if self._is_time("decide", DECIDE_EVERY):
            self._decide()
        if self._is_time("redrive", REDRIVE_EVERY):
            self._log("leases_expired", dispatch.redrive)
        if self._is_time("sweep", SWEEP_EVERY):
            self._log("lanes_woken", dispatch.wake_missed)
        within = QUIET_AFTER if self._is_quiet else None
        with self._runtime.database.statement() as tx:
            due = dispatch.queues_due(tx, self._queues, self._runtime.targets, within)
        queues = [each for each in due if each in self._queues]
        if queues or dispatch.MOVES in due:
            self._moved_at = time.monotonic()
        if self._is_time("polls", POLLS_EVERY):
            self._poll()
        if dispatch.JOBS in due and self._is_time("jobs", JOBS_TICK):
            run_jobs.apply_async(**CARRIED_OUT)
        for queue in queues:
            window = self._runtime.credit(queue)
            if int(self._runtime.redis.llen(queue)) < window:  # else no worker takes what is there already
                with self._runtime.database.statement(durable=False) as tx:
                    taken = dispatch.take_due(tx, queue, window, self._runtime.targets)
                pipeline.nudge(taken)

    def _keep_epoch(self) -> None:
        """A missing epoch key means that Redis lost everything: all nudges are void."""
        if not self._runtime.redis.exists(EPOCH):
            self._log("redis_lost", dispatch.requeue_all)
            self._runtime.redis.set(EPOCH, int(time.time()))
            self._done_at.clear()

    def _decide(self) -> None:
        """Redis, where every call of the fleet asks, may have forgotten what operators have decided."""
        known = self._runtime.installations
        with self._runtime.database.statement() as tx:
            decided = installations.decisions(tx)
        for name, throttle in self._runtime.throttles.items():
            throttle.decide(**decided[known[name].id])

    def _poll(self) -> None:
        """Asks for a poll of each system of which a stream is due."""
        with self._runtime.database.statement() as tx:
            due = cursors.due(tx, list(self._polled))
        for name in (self._polled[id] for id in due):
            if self._is_time(f"poll of {name}", POLL_TICK):
                poll.apply_async((name,), **POLLED)

    @cached_property
    def _polled(self) -> dict[int, str]:
        """The systems that have streams, by the id of their installation."""
        return {
            installation.id: name
            for name, installation in self._runtime.installations.items()
            if CONNECTORS[installation.kind].streams
        }

    def _is_time(self, chore: str, every: float) -> bool:
        due = time.monotonic() - self._done_at.get(chore, 0.0) > every
        if due:
            self._done_at[chore] = time.monotonic()
        return due

    def _log(self, event: str, chore: Callable[[Transaction], int]) -> None:
        with self._runtime.database.statement() as tx:
            count = chore(tx)
        if count:
            logger.warning(event, deliveries=count)


def main() -> None:
    logs.configure("dispatcher")
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    try:
        runtime = current()
        runtime.database.wait()
        preflight.check_database(runtime.database, runtime.vault)
    except Failure as failure:
        raise SystemExit(failure.line) from None
    threading.Thread(target=StandIn(runtime).run, args=(stop,), name="stand-in", daemon=True).start()
    logger.info("dispatcher.ready")
    Dispatcher(runtime).run(stop)


if __name__ == "__main__":
    main()
