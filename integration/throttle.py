"""One target as the whole fleet may call it: rate, concurrency, blocks and the breaker, shared through Redis.

A hop is *admitted* once, at its start, and then holds one of the target's slots.  Each of its calls waits for its
own place in the target's rate.  The outcomes of the calls feed the breaker and the rate.  All state is in Redis and
all of it may be lost: the limits hold again from the next call on.  What an operator decides
(limits, breaker off, a pause) is stored in Postgres and copied here every second, and holds for every process.
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
    "blocked": "the target asked for a pause",
    "open": "the breaker of the target is open",
    "full": "all slots of the target are taken",
    "busy": "the rate of the target is used up",
}


@dataclass(frozen=True)
class State:
    """A target at one moment.  ``rate`` is what it takes now, in calls/s, ``cap`` what it is allowed at most.

    ``breaker`` is closed, open, half_open (a probe may go) or probing (it is under way); ``open_for`` and
    ``blocked_for`` are in seconds; ``slots`` of ``concurrency`` are taken.  ``paused`` is true when an operator has
    paused it.
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
        """How many hops may be under way: two seconds of the rate, at most 100, plus the slots; or one as a probe."""
        if self.paused or self.blocked_for > 0 or self.breaker in {"open", "probing"}:
            return 0
        if self.breaker == "half_open":
            return 1
        return min(int(CREDIT_SECONDS * self.rate), MOST_CREDIT) + self.concurrency


class Throttle:
    """Admission to one target, for all threads of a process.

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
            self.report("release", holder, good=admission.take_good())

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
        """Applies an operator's decision to every process, from its next question on; None: as configured.

        ``breaker`` is False when failures are not to open it.  Redis may lose this at any moment, so call it
        every second.  False when Redis cannot be reached.
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
            # Hops refused at the same time must not return at the same time.
            raise Throttled(_REFUSALS[word], after=seconds + random.uniform(0, SCATTER))  # noqa: S311
        return word, seconds

    def report(self, news: str, holder: str, pause: float = 0.0, good: int = 0) -> tuple[str, float]:
        """Reports an outcome.  If Redis is down the report is dropped; the call's outcome is unaffected."""
        try:
            word, milliseconds = self._run(news, holder, pause, good)
        except Throttled:
            return "unknown", 0.0
        return _text(word), milliseconds / 1000

    def _run(
        self, question: str, holder: str = "", pause: float = 0.0, good: int = 0, decision: tuple[str | float, ...] = ()
    ) -> list[Any]:
        # One time-out is enough to know that Redis is down; the other threads do not wait for their own.
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

    ``probe`` is true when it was admitted to test whether the target works again.  ``spends_attempt`` says
    whether a `Retry` of this hop counts as an attempt: not as a probe, and not once the breaker is open.
    ``opened_after`` is set when a failure of this hop opened the breaker, to the seconds since the first of the
    failures that led to it: their attempts are refunded.

    A failure is reported at once.  A good answer is not worth a round trip of its own: it is reported with the hop's
    next call, before a failure, or when the hop leaves.  A probe's good answer closes the breaker at the latest then.
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
            word, wait = self._throttle.ask("call", self._holder, self.take_good())
            time.sleep(wait)
        try:
            yield
        except Failure as failure:
            self._record(failure)
            raise
        self._good += 1

    def take_good(self) -> int:
        """How many good answers are not reported yet; the caller reports them."""
        good, self._good = self._good, 0
        return good

    def renew(self) -> None:
        """Keeps the slot.  Called every few seconds, by the thread that renews the lease."""
        if not self.left:
            self._throttle.report("renew", self._holder)

    def _record(self, failure: Failure) -> None:
        if isinstance(failure, Throttled):
            if failure.by_target:
                self._good += 1  # it is busy, and well
                self._throttle.report("slow", self._holder, failure.after, self.take_good())
        elif isinstance(failure, Retry) and failure.counts_for_breaker:
            word, seconds = self._throttle.report("bad", self._holder, good=self.take_good())
            self.spends_attempt = self.spends_attempt and word in {"closed", "unknown"}
            if word == "opened" and not self.probe:
                self.opened_after = seconds
        else:
            self._good += 1


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
