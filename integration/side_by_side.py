"""Several pieces of work in one thread, side by side, so that what they ask for at the same time is asked once.

`run` gives each piece a greenlet.  A piece that comes to `together` rests until all the others rest or have ended;
then those that rest under one key are answered by one question.  A piece that comes to `aside` rests while a thread
makes its call, and the others go on.  One that asks with patience also waits for those whose calls are under way, but
no longer than that.  Outside of `run` they just call: work that is alone costs nothing more, and waits for nobody.

Nothing that others wait for (a lock, a connection, an open transaction) may be held where these are called.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")
R = TypeVar("R")
THREADS = 64
"""So many calls may be under way in one process."""
Answers = Callable[[Sequence[T]], Sequence[R | BaseException]]
"""What answers several items, in their order; an exception among the answers is raised to the one that asked."""


def run(pieces: Sequence[Callable[[], R]]) -> list[R]:
    """What each piece returns.

    What a piece raises is raised when all have ended: the first of these errors.  Within a piece they run one after
    the other, and the others of its table go on meanwhile.
    """
    if len(pieces) == 1:
        return [pieces[0]()]
    if isinstance(getcurrent(), _Piece):
        return [outcome.get() for outcome in [_tried(piece) for piece in pieces]]
    return _Table().seat(pieces)


def together(key: Hashable, item: T, answer: Answers[T, R], *, calls: bool = False, patience: float = 0.0) -> R:
    """The answer to ``item``; items of one ``key`` that are asked at the same time share one run of ``answer``.

    With ``calls`` a thread runs it while others go on, for what waits longer than for Postgres.  With ``patience`` it
    waits so many seconds for others that are calling.  Raises what ``answer`` raises, to all who share it.
    """
    here = getcurrent()
    if isinstance(here, _Piece):
        value: R = here.table.rest(
            key, _Asked(here, item, answer, calls, time.monotonic() + patience if patience else 0.0, copy_context())
        ).get()
        return value
    (only,) = answer([item])
    if isinstance(only, BaseException):
        raise only
    return only


def aside(call: Callable[[], R]) -> R:
    """What ``call`` returns or raises; a thread makes it while others go on."""
    if isinstance(getcurrent(), _Piece):
        made: R = together(object(), call, _make, calls=True)
        return made
    return call()


def _make(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    return [call() for call in calls]


@dataclass(frozen=True)
class _Asked:
    piece: _Piece
    item: Any
    answer: Answers[Any, Any]
    calls: bool
    patient_until: float
    context: Context


class _Piece(greenlet):  # type: ignore[misc]  # it carries no types
    """One piece of work, at its ``table``."""

    def __init__(self, table: _Table, work: Callable[[], Any]) -> None:
        super().__init__(lambda: self._end(work))
        self.gr_context = copy_context()
        self.table = table
        self.outcome = _Outcome()

    def _end(self, work: Callable[[], Any]) -> None:
        self.outcome = _tried(work)


@dataclass(frozen=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


class _Table:
    """Where pieces of work rest until they are answered, by the greenlet that called `run`."""

    def __init__(self) -> None:
        self._resting: dict[Hashable, list[_Asked]] = {}
        self._answered: SimpleQueue[tuple[list[_Asked], list[_Outcome]]] = SimpleQueue()
        self._under_way = 0

    def seat(self, works: Sequence[Callable[[], R]]) -> list[R]:
        pieces = [_Piece(self, work) for work in works]
        for piece in pieces:
            piece.switch()
        while self._resting or self._under_way:
            while (due := self._due()) is not None:
                askers = self._resting.pop(due)
                _resume(askers, _ask(askers))
            self._call()
            if self._under_way:
                self._resume_answered()
        return [piece.outcome.get() for piece in pieces]

    def rest(self, key: Hashable, asked: _Asked) -> _Outcome:
        self._resting.setdefault(key, []).append(asked)
        outcome: _Outcome = asked.piece.parent.switch()
        return outcome

    def _due(self) -> Hashable | None:
        """The key of a question that is to be answered now, and calls nobody."""
        calling, now = self._under_way or any(askers[0].calls for askers in self._resting.values()), time.monotonic()
        for key, askers in self._resting.items():
            if not askers[0].calls and not (calling and askers[0].patient_until > now):
                return key
        return None

    def _call(self) -> None:
        """Starts the calls; a single one needs no thread."""
        for key in [key for key, askers in self._resting.items() if askers[0].calls]:
            askers = self._resting.pop(key)
            if not self._resting and not self._under_way:
                _resume(askers, askers[0].context.run(_ask, askers))
                return
            self._under_way += 1
            _threads().submit(askers[0].context.run, self._call_aside, askers)

    def _call_aside(self, askers: list[_Asked]) -> None:
        self._answered.put((askers, _ask(askers)))

    def _resume_answered(self) -> None:
        """Waits for a call, or until somebody's patience ends; takes all the calls that have ended meanwhile."""
        patient = [askers[0].patient_until for askers in self._resting.values() if askers[0].patient_until]
        try:
            ended = [self._answered.get(timeout=max(min(patient) - time.monotonic(), 0) if patient else None)]
        except Empty:
            return
        while not self._answered.empty():
            ended.append(self._answered.get())
        self._under_way -= len(ended)
        for askers, outcomes in ended:
            _resume(askers, outcomes)


def _resume(askers: Sequence[_Asked], outcomes: Sequence[_Outcome]) -> None:
    for asked, outcome in zip(askers, outcomes, strict=True):
        asked.piece.switch(outcome)


def _ask(askers: Sequence[_Asked]) -> list[_Outcome]:
    asked = _tried(lambda: askers[0].answer([each.item for each in askers]))
    if asked.error is not None:
        return [asked] * len(askers)
    return [_Outcome(error=each) if isinstance(each, BaseException) else _Outcome(each) for each in asked.value]


def _tried(work: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(work())
    except BaseException as error:  # it is raised where it is awaited
        return _Outcome(error=error)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="calls")
