"""One target as the whole fleet may call it: rate, concurrency, blocks and the breaker, shared through Redis.

A hop is *admitted* once, at its start, and then holds one of the target's slots.  Each of its calls waits for its
own place in the target's rate.  What the calls came to feeds the breaker and the rate.  All state is in Redis and
none of it is worth keeping: when it is lost, the limits hold again from the next call on.  What an operator decides
(limits, breaker off, a pause) is stored elsewhere and brought here again and again, where it holds for every process.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis, RedisError

from integration.errors import Failure, Retry, Throttled

SCRIPT = Path(__file__).with_suffix(".lua").read_text()
WITHOUT_REDIS = 5.0
SILENCE = 1.0
CREDIT_SECONDS = 2.0
MOST_CREDIT = 100
SCATTER = 0.5

_REFUSALS = {
    "paused": "an operator has paused the target",
    "blocked": "the target asked everybody to wait",
    "open": "the breaker of the target is open",
    "full": "all slots of the target are taken",
    "busy": "the rate of the target is used up",
}


@dataclass(frozen=True)
class State:
    """A target at one moment.  ``rate`` is what it takes now, in calls/s, ``cap`` what it is allowed at most.

    ``breaker`` is closed, open, half_open (a probe may go) or probing (it is under way); ``open_for`` and
    ``blocked_for`` are in seconds; ``slots`` of ``concurrency`` are taken.  ``paused`` is true when an operator wants
    nothing to be called.
    """

    rate: float
    cap: float
    breaker: str
    open_for: float
    blocked_for: float
    slots: int
    concurrency: int
    paused: bool

    @property
    def credit(self) -> int:
        """How many hops may be on their way: two seconds of the rate, 100 at most, and the slots; or one as a probe."""
        if self.paused or self.blocked_for > 0 or self.breaker in {"open", "probing"}:
            return 0
        if self.breaker == "half_open":
            return 1
        return min(int(CREDIT_SECONDS * self.rate), MOST_CREDIT) + self.concurrency


class Throttle:
    """The door to one target, for all threads of a process.

    ``rate`` is in calls/s; it and ``concurrency`` hold where an operator has not decided otherwise.  ``lease`` is for
    how many seconds a slot outlives the last sign of its holder.
    """

    def __init__(self, redis: Redis, target: str, rate: float, concurrency: int, *, lease: float = 20.0) -> None:
        self._script = redis.register_script(SCRIPT)
        # The braces keep both keys on one node of a Redis Cluster.
        self._keys = (f"throttle:{{{target}}}", f"throttle:{{{target}}}:slots")
        self._limits = (rate, concurrency)
        self._lease = int(lease * 1000)
        self._silent_until = 0.0

    @contextmanager
    def admit(self) -> Iterator[Admission]:
        """Lets one hop in, which holds a slot until it leaves.

        Raises `Throttled` when the hop cannot start at once: paused, blocked by the target, breaker open, no slot,
        the rate used up for more than 250 ms, or no Redis (then for 5 s).
        """
        holder = uuid.uuid4().hex
        word, _ = self.ask("admit", holder)
        admission = Admission(self, holder, probe=word == "probe")
        try:
            yield admission
        finally:
            admission.left = True
            self.tell("release", holder, good=admission.untold())

    def state(self) -> State:
        """The target now; raises `Throttled` when Redis cannot be asked."""
        breaker, open_for, blocked_for, rate, cap, slots, concurrency, paused = self._run("state")
        return State(
            rate=float(rate),
            cap=float(cap),
            breaker=_text(breaker),
            open_for=open_for / 1000,
            blocked_for=blocked_for / 1000,
            slots=slots,
            concurrency=concurrency,
            paused=bool(paused),
        )

    def decide(self, *, rate: float | None, concurrency: int | None, breaker: bool, paused: bool) -> bool:
        """What an operator has decided holds for every process, from its next question on; None: as configured.

        ``breaker`` is False when failures are not to open it.  Redis may forget this at any moment, so it is to be
        said again every second.  False when Redis cannot be told.
        """
        decision = ("" if rate is None else rate, "" if concurrency is None else concurrency, int(breaker), int(paused))
        try:
            self._run("decide", decision=decision)
        except Throttled:
            return False
        return True

    def ask(self, question: str, holder: str, good: int = 0) -> tuple[str, float]:
        """The script's word and its seconds; raises `Throttled` when the word is a refusal."""
        word, milliseconds = self._run(question, holder, good=good)
        word, seconds = _text(word), milliseconds / 1000
        if word in _REFUSALS:
            # Those refused together must not come back together.
            raise Throttled(_REFUSALS[word], after=seconds + random.uniform(0, SCATTER))  # noqa: S311
        return word, seconds

    def tell(self, news: str, holder: str, pause: float = 0.0, good: int = 0) -> tuple[str, float]:
        """Reports news.  Without Redis nobody can be told, which is no failure of the call it is about."""
        try:
            word, milliseconds = self._run(news, holder, pause, good)
        except Throttled:
            return "unknown", 0.0
        return _text(word), milliseconds / 1000

    def _run(
        self, question: str, holder: str = "", pause: float = 0.0, good: int = 0, decision: tuple[str | float, ...] = ()
    ) -> list[Any]:
        # Not each of many threads is to find out by a time-out of its own that Redis is gone.
        if time.monotonic() < self._silent_until:
            raise Throttled("Redis cannot be reached", after=WITHOUT_REDIS)
        arguments = (question, *self._limits, holder, self._lease, int(pause * 1000), good, *decision)
        try:
            return list(self._script(self._keys, arguments))
        except RedisError as error:
            self._silent_until = time.monotonic() + SILENCE
            raise Throttled("Redis cannot be reached", after=WITHOUT_REDIS) from error


class Admission:
    """One hop inside; its ``call`` is the gate that a connector is given.

    ``probe`` is true when it was let in to find out whether the target is well again.  ``spends_attempt`` says
    whether a `Retry` of this hop counts as an attempt: not as a probe, and not once the breaker is open.
    ``opened_after`` is set when a failure of this hop opened the breaker, to the seconds for which the failures
    that led to it had been going on: their attempts are to be given back.

    What goes wrong is told at once.  A good answer is not worth a round trip of its own: it is told with the hop's next
    call, before what goes wrong, or when it leaves.  By then at the latest a probe's good answer closes the breaker.
    """

    def __init__(self, throttle: Throttle, holder: str, probe: bool) -> None:
        self._throttle = throttle
        self._holder = holder
        self.probe = probe
        self.spends_attempt = not probe
        self.opened_after: float | None = None
        self.left = False
        self._good = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Waits for the call's place in the rate; what the block raises is taken as the call's outcome.

        Raises `Throttled`, before anything is sent, only when waiting is pointless: the target is paused, the breaker
        has opened, the target asked for a pause of more than 10 s, or Redis is gone.
        """
        word = "later"
        while word == "later":
            word, wait = self._throttle.ask("call", self._holder, self.untold())
            time.sleep(wait)
        try:
            yield
        except Failure as failure:
            self._record(failure)
            raise
        self._good += 1

    def untold(self) -> int:
        """How many good answers are to be told; they count as told from now on."""
        good, self._good = self._good, 0
        return good

    def renew(self) -> None:
        """A sign of life: keeps the slot.  To be given every few seconds, by the thread that keeps the lease."""
        if not self.left:
            self._throttle.tell("renew", self._holder)

    def _record(self, failure: Failure) -> None:
        if isinstance(failure, Throttled):
            if failure.by_target:
                self._good += 1  # it is busy, and well
                self._throttle.tell("slow", self._holder, failure.after, self.untold())
        elif isinstance(failure, Retry) and failure.counts_for_breaker:
            word, seconds = self._throttle.tell("bad", self._holder, good=self.untold())
            self.spends_attempt = self.spends_attempt and word in {"closed", "unknown"}
            if word == "opened" and not self.probe:
                self.opened_after = seconds
        else:
            self._good += 1


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
