"""Whose call takes the next place in a target's rate, among the hops of one process.

The hop that came first goes first: hops end one after the other then, and what follows of one is under way while the
next one calls.  If they took turns, all of them would end last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile

SOON = 0.1
LONGEST_GATHERING = 2.0
LONGEST_WAIT = 1.0
TURN = 0.02
DEAR = 0.08
"""Seconds between two places of a rate at which it pays to wait for others, who share the calls then."""


@dataclass
class _Calls:
    """The calls of one hop: all of them, and those that wait for their place."""

    all: int = 0
    waiting: int = 0


class Turns:
    """The hops of one process at one target.  Threads may share it.

    An older hop goes first as long as it makes its calls one after the other, each of which needs the answer before it.
    One that makes several side by side waits in line with the others: each of its places keeps the target busy.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hops: dict[str, _Calls] = {}
        self._between = 0.0
        self.next_at = 0.0
        """When the first place comes that this process has not taken."""

    def come(self, hop: str) -> None:
        with self._lock:
            self._hops[hop] = _Calls()

    def leave(self, hop: str) -> None:
        with self._lock:
            del self._hops[hop]

    def take(self, next_at: float, between: float) -> None:
        """Places were taken, after which the next one comes; they are so many seconds apart."""
        self.next_at, self._between = next_at, between

    @contextmanager
    def call(self, hop: str) -> Iterator[Callable[[], None]]:
        """A call of the hop, for the length of the block; it waits for its place until it calls what it is given."""
        calls, waits = self._hops[hop], True

        def count(all: int, waiting: int) -> None:
            with self._lock:
                calls.all, calls.waiting = calls.all + all, calls.waiting + waiting

        def begin() -> None:
            nonlocal waits
            waits = False
            count(0, -1)

        count(1, 1)
        try:
            yield begin
        finally:
            count(-1, -1 if waits else 0)

    def before(self, hop: str) -> float:
        """Seconds for which a call of the hop takes no place, and then asks again; 0 when it may take one now."""
        with self._lock:
            older = [calls for _, calls in takewhile(lambda each: each[0] != hop, self._hops.items()) if calls.all <= 1]
            if not older:
                return 0.0
            one_waits = any(calls.waiting for calls in older)
        ahead = min(self.next_at - time.monotonic(), LONGEST_WAIT)
        return max(ahead, TURN if one_waits else 0.0)

    def gather(self, more_comes: Callable[[], bool] = lambda: False) -> None:
        """Waits while the places of the next moments are taken, as far as this process knows.

        A hop that starts then takes along what has come due meanwhile, and shares its calls with it.  Where places are
        rare it also waits a moment for what is about to come.
        """
        until = time.monotonic() + LONGEST_GATHERING
        while (wait := min(self.next_at - SOON, until) - time.monotonic()) > 0:
            time.sleep(wait)
        until = time.monotonic() + SOON
        while self._between >= DEAR and time.monotonic() < until and more_comes():
            time.sleep(TURN)
