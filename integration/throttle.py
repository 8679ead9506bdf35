"""One target as the whole fleet may call it: rate, concurrency, blocks and the breaker, shared through Redis.

A hop is *admitted* once, at its start, and then holds some of the target's slots, one for each of its calls that is
under way (`Slots`).  With them it takes the places in the target's rate that it is expected to need, and each of its
calls waits for its own.  So a short hop asks twice: when it comes, and when it leaves.  The outcomes of the calls feed
the breaker and the rate.  All state is in Redis and all of it may be lost: the limits hold again from the next call on.
What an operator decides (limits, breaker off, a pause) is stored in Postgres and copied here every second, and holds
for every process.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis, RedisError

from integration.errors import Failure, Retry, Throttled
from integration.slots import Slots

SCRIPT = Path(__file__).with_suffix(".lua").read_text()
WITHOUT_REDIS = 5.0
SILENCE = 1.0
SOON = 0.1
LONGEST_GATHERING = 2.0
SLOT_EVERY = 0.05
CREDIT_SECONDS = 2.0
MOST_CREDIT = 100
SCATTER = 0.5
FRESH = 0.1
"""So long a hop that has places goes on without asking whether it still may, unless this process knows better."""
MOST_PLACES = 16
UPSETTING = ("slow", "bad")

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
        self._expected = 1
        """The calls of the hop before."""
        self.upset_at = 0.0
        """When the target last asked this process for a pause, or failed."""
        self.next_at = 0.0
        """When the first place comes that this process has not taken."""

    @contextmanager
    def admit(self, hops: int = 1, patience: float = 0.0) -> Iterator[Admission]:
        """Lets one hop of so many deliveries in, which holds its slots until it leaves.

        Raises `Throttled` when the hop cannot start at once: paused, blocked by the target, breaker open, no slot for
        ``patience`` seconds, the rate used up for more than 250 ms, or no Redis (then for 5 s).
        """
        holder, until = uuid.uuid4().hex, time.monotonic() + patience
        while True:
            asked_at = time.monotonic()
            answer = self._taken(asked_at, self._run("admit", holder, slots=hops, places=self._expected))
            if answer.word != "full" or asked_at > until:
                break
            time.sleep(SLOT_EVERY)
        admission = Admission(self, holder, _admitted(answer), asked_at)
        try:
            yield admission
        finally:
            self._expected = min(max(1, admission.leave()), MOST_PLACES)

    def gather(self) -> None:
        """Waits while the places of the next moments are taken, as far as this process knows.

        A hop that starts then takes along what has come due meanwhile, and shares its calls with it.
        """
        until = time.monotonic() + LONGEST_GATHERING
        while (wait := min(self.next_at - SOON, until) - time.monotonic()) > 0:
            time.sleep(wait)

    def credit(self) -> int:
        """How many hops may be under way (`State.credit`); 0 when Redis cannot be asked."""
        try:
            return self.state().credit
        except Throttled:
            return 0

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

    def ask(self, question: str, holder: str, *, good: int = 0, slots: int = 1, places: int = 0) -> Answer:
        """The script's answer; raises `Throttled` when it is a refusal."""
        asked_at = time.monotonic()
        return _admitted(self._taken(asked_at, self._run(question, holder, good=good, slots=slots, places=places)))

    def _taken(self, asked_at: float, said: list[Any]) -> Answer:
        answer = Answer.of(said)
        if answer.places:
            self.next_at = asked_at + answer.seconds + answer.places * answer.between
        return answer

    def report(
        self, news: str, holder: str, *, pause: float = 0.0, good: int = 0, slots: int = 1, places: int = 0
    ) -> tuple[str, float]:
        """Reports an outcome.  If Redis is down the report is dropped; the call's outcome is unaffected."""
        if news in UPSETTING:
            self.upset_at = time.monotonic()
        try:
            answer = Answer.of(self._run(news, holder, pause, good, slots, places))
        except Throttled:
            return "unknown", 0.0
        return answer.word, answer.seconds

    def resize(self, holder: str, slots: int) -> int:
        """How many slots the hop has, which needs so many; 0 when Redis cannot be reached."""
        try:
            return Answer.of(self._run("resize", holder, slots=slots)).slots
        except Throttled:
            return 0

    def _run(
        self,
        question: str,
        holder: str = "",
        pause: float = 0.0,
        good: int = 0,
        slots: int = 1,
        places: int = 0,
        decision: tuple[str | float, ...] = (),
    ) -> list[Any]:
        # One time-out is enough to know that Redis is down; the other threads do not wait for their own.
        if time.monotonic() < self._silent_until:
            raise Throttled("Redis cannot be reached", after=WITHOUT_REDIS)
        arguments = (question, *self._limits, holder, self._lease, int(pause * 1000), good, slots, places, *decision)
        try:
            return list(self._script(self._keys, arguments))
        except RedisError as error:
            self._silent_until = time.monotonic() + SILENCE
            raise Throttled("Redis cannot be reached", after=WITHOUT_REDIS) from error


@dataclass(frozen=True)
class Answer:
    """What the script says.

    So many ``slots`` and ``places`` were taken; the first place comes after ``seconds``, the next each ``between``.
    """

    word: str
    seconds: float
    slots: int
    places: int
    between: float

    @classmethod
    def of(cls, answer: list[Any]) -> Answer:
        word, milliseconds, slots, places, between = answer
        return cls(_text(word), milliseconds / 1000, int(slots), int(places), float(between) / 1000)


class Admission:
    """One hop inside; its ``call`` is the gate that a connector is given.  Several threads may call.

    ``slots`` are for its calls that are under way.  ``probe`` is true when it was admitted to test whether
    the target works again.  ``spends_attempt`` says whether a `Retry` of this hop counts as an attempt: not as a probe,
    and not once the breaker is open.  ``opened_after`` is set when a failure of this hop opened the breaker, to the
    seconds since the first of the failures that led to it: their attempts are refunded.

    A failure is reported at once.  A good answer is not worth a round trip of its own: it is reported with the hop's
    next question, before a failure, or when the hop leaves.  A probe's good answer closes the breaker then.
    """

    def __init__(self, throttle: Throttle, holder: str, admitted: Answer, asked_at: float) -> None:
        self._throttle = throttle
        self._holder = holder
        self._lock = threading.Lock()
        self.slots = Slots(admitted.slots, self._resize)
        self.probe = admitted.word == "probe"
        self.spends_attempt = not self.probe
        self.opened_after: float | None = None
        self._left = False
        self._good = 0
        self._called = 0
        self._owed = 0.0
        self._places: deque[float] = deque()
        self._asked_at = asked_at
        self._keep(admitted, asked_at)

    @contextmanager
    def call(self, size: float = 1, *, alone: bool = False) -> Iterator[None]:
        """Waits for the call's place in the rate; what the block raises is taken as the call's outcome.

        A call for several objects is larger than one, and takes more places.  One that is ``alone`` waits until no
        other hop of the fleet makes such a call; when Redis forgets, two may meet.  Raises `Throttled`, before anything
        is sent, only when waiting is pointless: the target is paused, the breaker has opened, the target asked for a
        pause of more than 10 s, or Redis is gone.
        """
        with self._be_alone() if alone else nullcontext(), self._place(size):
            try:
                yield
            except Failure as failure:
                self._record(failure)
                raise
            with self._lock:
                self._good += 1

    @contextmanager
    def _place(self, size: float) -> Iterator[None]:
        """A slot for the length of the block, which begins when the call's place in the rate comes.

        Where that is far ahead the slot is for others meanwhile.
        """
        while True:
            with self.slots.one():
                taken, wait = self._wait(size)
                if taken:
                    time.sleep(wait)
                    yield
                    return
            time.sleep(wait)

    @contextmanager
    def _be_alone(self) -> Iterator[None]:
        while (answer := self._ask("alone")).word == "later":
            time.sleep(answer.seconds)
        try:
            yield
        finally:
            self._throttle.report("joined", self._holder)

    def take_opened_after(self) -> float | None:
        """See ``opened_after``; None from the second time on, for attempts are refunded once."""
        opened_after, self.opened_after = self.opened_after, None
        return opened_after

    def leave(self) -> int:
        """Gives back what the hop held, and reports what is not reported yet; how many places it has used."""
        with self._lock:
            self._left = True
            now = time.monotonic()
            unused = sum(1 for at in self._places if at > now)
        with self.slots.unchanged() as slots:
            self._throttle.report("release", self._holder, good=self._take_good(), slots=slots, places=unused)
        return self._called

    def renew(self) -> None:
        """Keeps the slots.  Called every few seconds, by the thread that renews the leases."""
        with self.slots.unchanged() as slots:
            if not self._left:
                self._throttle.report("renew", self._holder, slots=slots)

    def _resize(self, slots: int) -> int:
        """How many slots the hop has now that it needs so many; what it had, where Redis cannot be asked."""
        return self._throttle.resize(self._holder, slots) or self.slots.held

    def _wait(self, size: float) -> tuple[bool, float]:
        """Whether the place of a call is taken, and the seconds until it comes, or until it is asked for again."""
        with self._lock:
            self._owed += size
            needed = max(1, int(self._owed))
            if len(self._places) < needed:
                return self._ask_for_places(size, needed)
            self._owed -= needed
            self._called += needed
            at = [self._places.popleft() for _ in range(needed)][0]
            blocked = 0.0
            if self._asked_at < max(time.monotonic() - FRESH, self._throttle.upset_at):
                blocked = self._ask_for_call(places=0).seconds
            return True, max(at - time.monotonic(), blocked, 0.0)

    def _ask_for_places(self, size: float, needed: int) -> tuple[bool, float]:
        answer = self._ask_for_call(places=needed)
        if answer.word == "later":
            self._owed -= size
            return False, answer.seconds
        self._owed -= needed
        self._called += needed
        return True, answer.seconds

    def _ask(self, question: str, good: int = 0, places: int = 0) -> Answer:
        with self.slots.unchanged() as slots:
            return self._throttle.ask(question, self._holder, good=good, slots=slots, places=places)

    def _ask_for_call(self, places: int) -> Answer:
        asked_at = time.monotonic()
        answer = self._ask("call", self._take_good(), places)
        self._asked_at = asked_at
        return answer

    def _keep(self, answer: Answer, asked_at: float) -> None:
        self._places.extend(asked_at + answer.seconds + place * answer.between for place in range(answer.places))

    def _take_good(self) -> int:
        good, self._good = self._good, 0
        return good

    def _record(self, failure: Failure) -> None:
        with self._lock:
            if isinstance(failure, Throttled):
                if failure.by_target:
                    self._good += 1  # it is busy, and well
                    good = self._take_good()
                    self._throttle.report("slow", self._holder, pause=failure.after, good=good)
            elif isinstance(failure, Retry) and failure.counts_for_breaker:
                word, seconds = self._throttle.report("bad", self._holder, good=self._take_good())
                self.spends_attempt = self.spends_attempt and word in {"closed", "unknown"}
                if word == "opened" and not self.probe:
                    self.opened_after = seconds
            else:
                self._good += 1


def _admitted(answer: Answer) -> Answer:
    """The answer, unless it is a refusal."""
    if answer.word in _REFUSALS:
        # Hops refused at the same time must not return at the same time.
        after = answer.seconds + random.uniform(0, SCATTER)  # noqa: S311
        raise Throttled(_REFUSALS[answer.word], after=after)
    return answer


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
