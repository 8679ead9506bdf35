"""Refused requests, counted in memory and written down together: a stranger's calls cost Postgres nothing each."""

from __future__ import annotations

import threading
import time
from collections import Counter

import structlog

from integration.refusals import REFUSALS, Refusal
from integration.store import refusals
from tasks.runtime import Runtime

logger = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds between two writes, of each process."""


class Refusals:
    """Counts refused requests by source and reason; a thread of its own logs the counts and writes them down.

    What Postgres does not take is kept until it does; what was counted since the last write ends with the process.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._counts: Counter[tuple[str | None, str]] = Counter()
        self._unlogged: Counter[tuple[str | None, str]] = Counter()
        self._counting = threading.Lock()
        self._news = threading.Event()
        threading.Thread(target=self._write_for_ever, name="refusals", daemon=True).start()

    def count(self, source: str | None, reason: str) -> Refusal:
        """One more; returns what is to be answered.  Never blocks.  ``source`` is None where it is not known."""
        with self._counting:
            self._counts[source, reason] += 1
            self._unlogged[source, reason] += 1
        self._news.set()
        return REFUSALS[reason]

    def _write_for_ever(self) -> None:
        while True:
            self._news.wait()
            time.sleep(PAUSE)
            self._news.clear()
            with self._counting:
                counts, self._counts = self._counts, Counter()
                fresh, self._unlogged = self._unlogged, Counter()
            for (source, reason), count in sorted(fresh.items(), key=str):
                logger.warning(
                    "webhook.refused", source=source, reason=reason, status=REFUSALS[reason].status, count=count
                )
            try:
                self._write(counts)
            except Exception as error:  # the thread must live, and what it counted
                with self._counting:
                    self._counts.update(counts)
                self._news.set()
                logger.warning("refusals.not_stored_yet", error=type(error).__name__)

    def _write(self, counts: Counter[tuple[str | None, str]]) -> None:
        with self._runtime.database.transaction() as tx:
            for source in {source for source, _ in counts}:
                by_reason = {reason: count for (about, reason), count in counts.items() if about == source}
                installation = self._runtime.installations[source].id if source else None
                refusals.note(tx, installation, by_reason)
