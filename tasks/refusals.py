"""Refused webhooks, counted in memory and written down together: a stranger's calls cost Postgres nothing each."""

from __future__ import annotations

import threading
import time
from collections import Counter

import structlog

from integration.signature import Flaw
from integration.store import refusals
from tasks.process import Process

logger = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds between two writes, of each process."""


class Refusals:
    """Counts refused webhooks by source and flaw; a thread of its own writes the counts down.

    What Postgres does not take is kept until it does; what was counted since the last write ends with the process.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._counts: Counter[tuple[str, Flaw]] = Counter()
        self._counting = threading.Lock()
        self._news = threading.Event()
        threading.Thread(target=self._write_for_ever, name="refusals", daemon=True).start()

    def count(self, source: str, flaw: Flaw) -> None:
        """One more.  Waits for nobody."""
        with self._counting:
            self._counts[source, flaw] += 1
        self._news.set()

    def _write_for_ever(self) -> None:
        while True:
            self._news.wait()
            time.sleep(PAUSE)
            self._news.clear()
            with self._counting:
                counts, self._counts = self._counts, Counter()
            try:
                self._write(counts)
            except Exception as error:  # the thread must live, and what it counted
                with self._counting:
                    self._counts.update(counts)
                self._news.set()
                logger.warning("refused webhooks not written down yet", error=type(error).__name__)

    def _write(self, counts: Counter[tuple[str, Flaw]]) -> None:
        with self._process.database.transaction() as tx:
            for source in {source for source, _ in counts}:
                by_flaw = {flaw.value: count for (about, flaw), count in counts.items() if about == source}
                refusals.note(tx, self._process.installations[source].id, by_flaw)
