"""Pieces of work side by side: what is asked at the same time is asked once, and nobody waits for nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial

import pytest

from integration.side_by_side import aside, run, together
from tests.patience import PATIENCE


class Till:
    """Answers ten times the item, and remembers who asked together."""

    def __init__(self, slow: float = 0.0) -> None:
        self.slow = slow
        self.asked: list[list[int]] = []
        self.threads: set[int] = set()

    def __call__(self, items: Sequence[int]) -> list[int | BaseException]:
        self.asked.append(list(items))
        self.threads.add(threading.get_ident())
        time.sleep(self.slow)
        return [ValueError(f"not {item}") if item < 0 else item * 10 for item in items]


def pieces(work: Callable[[int], int], items: Sequence[int]) -> list[Callable[[], int]]:
    return [partial(work, item) for item in items]


def test_what_is_asked_at_the_same_time_is_asked_once() -> None:
    till = Till()
    assert run(pieces(lambda item: together("till", item, till), [1, 2, 3])) == [10, 20, 30]
    assert till.asked == [[1, 2, 3]]


def test_other_keys_are_asked_apart() -> None:
    till = Till()
    assert run(pieces(lambda item: together(item % 2, item, till), [1, 2, 3])) == [10, 20, 30]
    assert sorted(till.asked) == [[1, 3], [2]]


def test_work_that_is_alone_asks_at_once_and_in_its_own_thread() -> None:
    till = Till()
    assert run([lambda: together("till", 4, till, calls=True)]) == [40]
    assert together("till", 5, till) == 50
    assert aside(lambda: threading.get_ident()) == threading.get_ident()
    assert till.asked == [[4], [5]]
    assert till.threads == {threading.get_ident()}


def test_an_error_among_the_answers_is_raised_to_the_one_that_asked() -> None:
    till, seen = Till(), []

    def work(item: int) -> int:
        try:
            return together("till", item, till)
        except ValueError as error:
            seen.append(str(error))
            return together("till", 7, till)

    assert run(pieces(work, [1, -2, 3])) == [10, 70, 30]
    assert seen == ["not -2"]
    assert till.asked == [[1, -2, 3], [7]]


def test_an_error_of_the_question_is_raised_to_all_who_shared_it() -> None:
    def broken(items: Sequence[int]) -> list[int | BaseException]:
        raise OSError("gone")

    def work(item: int) -> int:
        with pytest.raises(OSError, match="gone"):
            together("till", item, broken)
        return item

    assert run(pieces(work, [1, 2])) == [1, 2]


def test_what_a_piece_raises_ends_no_other() -> None:
    ended = []

    def work(item: int) -> int:
        if item == 1:
            raise KeyError(item)
        ended.append(together("till", item, Till()))
        return item

    with pytest.raises(KeyError):
        run(pieces(work, [1, 2, 3]))
    assert ended == [20, 30]


def test_the_others_go_on_while_one_calls() -> None:
    """A call that hangs keeps nobody from asking; it is awaited only by its own piece."""
    hangs, order = threading.Event(), []

    def work(item: int) -> int:
        if item == 0:
            aside(lambda: hangs.wait(PATIENCE))
        else:
            together("till", item, Till(), calls=True)
            together("till", item, Till())
            hangs.set()
        order.append(item)
        return item

    assert run(pieces(work, [0, 1, 2])) == [0, 1, 2]
    assert order == [1, 2, 0]


@pytest.mark.timed
def test_who_is_patient_waits_for_those_who_call_and_no_longer() -> None:
    till, hangs = Till(), threading.Event()

    def work(item: int) -> int:
        aside(lambda: hangs.wait(10) if item == 9 else time.sleep(item / 50))
        if item == 3:
            threading.Timer(2.0, hangs.set).start()
        return together("till", item, till, patience=1.0)

    started = time.monotonic()
    assert run(pieces(work, [1, 2, 3, 9])) == [10, 20, 30, 90]
    assert till.asked == [[1, 2, 3], [9]]
    assert time.monotonic() - started < 8


def test_pieces_of_a_piece_run_one_after_the_other_and_the_others_go_on() -> None:
    till = Till()

    def work(item: int) -> list[int]:
        return run(pieces(lambda each: together("till", each, till, calls=True), [item, item + 10]))

    assert run([partial(work, item) for item in (1, 2)]) == [[10, 110], [20, 120]]
    assert till.asked == [[1, 2], [11, 12]]


def test_each_piece_keeps_its_context_in_the_thread_of_its_call() -> None:
    who: ContextVar[int] = ContextVar("who")

    def work(item: int) -> int:
        who.set(item)
        aside(lambda: time.sleep(item / 50))  # so that the last one calls alone, without a thread
        return aside(lambda: (time.sleep(0.01), who.get())[1])

    assert run(pieces(work, [1, 2, 3])) == [1, 2, 3]
