"""The dispatcher: ten times a second it nudges what is due, and brings back what went astray.

Any number of copies may run; Postgres gives each delivery to one of them.  Started as ``python -m tasks.dispatcher``.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import psycopg2
import redis
import structlog
from kombu.exceptions import OperationalError

from integration import logs
from integration.store import dispatch
from tasks import pipeline
from tasks.celery import INGEST
from tasks.process import Process, process
from tasks.step import credit

logger = structlog.get_logger(__name__)

TICK = 0.1
REDRIVE_EVERY = 1.0
EPOCH = "fleet:epoch"
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError, redis.RedisError, OperationalError)


class Dispatcher:
    """One dispatcher; `tick` does one round and may be called as often as one likes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._queues = (INGEST, *process.settings.systems)
        self._redriven_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Ticks until told to stop; rides out an outage of Postgres or Redis, telling it once."""
        away = False
        while not stop.is_set():
            try:
                self.tick()
                if away:
                    logger.info("dispatcher works again")
                away = False
            except AWAY as error:
                if not away:
                    logger.warning("dispatcher waits", error=type(error).__name__)
                away = True
            stop.wait(1.0 if away else TICK)

    def tick(self) -> None:
        """Makes lost things due again, then nudges what each queue has room for."""
        self._keep_epoch()
        if time.monotonic() - self._redriven_at > REDRIVE_EVERY:
            self._redriven_at = time.monotonic()
            with self._process.database.transaction() as tx:
                if count := dispatch.redrive(tx):
                    logger.warning("brought back", deliveries=count)
        for queue in self._queues:
            with self._process.database.transaction() as tx:
                due = dispatch.take_due(tx, queue, credit(self._process, queue))
            pipeline.nudge(due)

    def _keep_epoch(self) -> None:
        """A missing epoch key means that Redis lost everything: all nudges are void."""
        if self._process.redis.set(EPOCH, int(time.time()), nx=True):
            with self._process.database.transaction() as tx:
                if count := dispatch.requeue_all(tx):
                    logger.warning("Redis was empty", requeued=count)


def main() -> None:
    logs.configure("dispatcher")
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    own = process()
    own.database.wait()
    logger.info("dispatcher ready")
    Dispatcher(own).run(stop)


if __name__ == "__main__":
    main()
