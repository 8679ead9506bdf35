"""Nudges for what was just accepted, published by the process that accepted it."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress

import structlog

from integration.store.database import Row
from tasks import pipeline
from tasks.celery import BATCH, INGEST
from tasks.runtime import INGEST_WINDOW, Runtime

logger = structlog.get_logger(__name__)

GATHER = 0.005
"""Seconds for which what was just accepted waits for what else is, to be nudged together."""
LOOK_AGAIN = 0.1
"""Seconds between two looks, at most, while the workers have something to take."""
GATHER_MOST = 0.5
"""And at most, while the workers are busy anyway: sooner than the dispatcher takes it that a nudge was lost."""


class Publisher:
    """Nudges what was just accepted, in batches, from a thread of its own.  Drops what it cannot nudge at once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
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
            try:
                if self._gather(due) < INGEST_WINDOW:
                    pipeline.nudge(due)
            except Exception as error:  # the thread must live; nothing is lost without its nudges
                logger.warning("nudge.not_sent", deliveries=len(due), error=type(error).__name__)

    def _gather(self, due: list[Row]) -> int:
        """Adds what is accepted for as long as the workers have something to take already; how many nudges wait."""
        until, pause = time.monotonic() + GATHER_MOST, GATHER
        while True:
            time.sleep(pause)
            pause = min(2 * pause, LOOK_AGAIN)
            while not self._fresh.empty() and len(due) < BATCH:
                due.append(self._fresh.get())
            waiting = int(self._runtime.redis.llen(INGEST))
            if not waiting or len(due) >= BATCH or time.monotonic() > until:
                return waiting
