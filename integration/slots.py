"""The slots of one hop at its target: one for each of its calls that is under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ASK_EVERY = 0.05
"""Seconds between two questions of one hop for more slots."""


class Slots:
    """As many as a hop's calls need, as far as its target has them.  Threads may share it.

    ``held`` is what the hop has now.  ``resize`` asks the target for another number, and returns how many it is.
    Those that no call uses go back once they are half of all, so a hop of n calls gives back in log n questions; the
    last one is kept, for the hop is at the target until it leaves.
    """

    def __init__(self, held: int, resize: Callable[[int], int]) -> None:
        self.held = held
        self._resize = resize
        self._changed = threading.Condition()
        self._used = 0
        self._waiting = 0
        self._asked_at = float("-inf")

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a slot, and has it for the length of the block."""
        with self._changed:
            self._waiting += 1
            try:
                self._wait()
            finally:
                self._waiting -= 1
            self._used += 1
        try:
            yield
        finally:
            with self._changed:
                self._used -= 1
                self._changed.notify()
                self._give_back()

    @contextmanager
    def unchanged(self) -> Iterator[int]:
        """How many there are, for the length of the block."""
        with self._changed:
            yield self.held

    def _wait(self) -> None:
        while self._used >= self.held:
            if time.monotonic() >= self._asked_at + ASK_EVERY:
                self.held = self._resize(self._used + self._waiting)
                self._asked_at = time.monotonic()
                self._changed.notify_all()
            if self._used >= self.held:
                self._changed.wait(ASK_EVERY)

    def _give_back(self) -> None:
        needed = max(1, self._used + self._waiting)
        if 2 * needed <= self.held:
            self.held = self._resize(needed)
