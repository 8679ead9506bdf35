"""What several threads ask at the same time is asked once, and each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from integration.batcher import Batcher


class Counter:
    """Answers ten times the item; the first batch waits until it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.asked.append(sorted(items))
        if len(self.asked) == 1:
            self.begun.set()
            assert self.goes_on.wait(10)
        if any(item < 0 for item in items):
            raise ValueError("negative")
        return [item * 10 for item in items]


def ask_while_one_is_answered(counter: Counter, items: Sequence[int], most: int = 16) -> list[Future[int]]:
    """Asks for 1 alone, and for the others while that is under way; the futures of all."""
    batcher = Batcher(counter, most)
    with ThreadPoolExecutor(32) as pool:
        first = pool.submit(batcher.ask, 1)
        assert counter.begun.wait(10)
        others = [pool.submit(batcher.ask, item) for item in items]
        while len(batcher) < len(items):
            pass
        counter.goes_on.set()
        return [first, *others]


def test_who_comes_while_a_batch_is_under_way_is_in_the_next_one() -> None:
    counter = Counter()
    answers = ask_while_one_is_answered(counter, [2, 3, 4])
    assert [each.result() for each in answers] == [10, 20, 30, 40]
    assert counter.asked == [[1], [2, 3, 4]]


def test_a_batch_has_a_most() -> None:
    counter = Counter()
    answers = ask_while_one_is_answered(counter, range(2, 22), most=8)
    assert [each.result() for each in answers] == [item * 10 for item in range(1, 22)]
    assert [len(each) for each in counter.asked] == [1, 8, 8, 4]


def test_what_fails_alone_is_asked_for_once() -> None:
    counter = Counter()
    counter.goes_on.set()
    with pytest.raises(ValueError, match="negative"):
        Batcher(counter, 16).ask(-1)
    assert counter.asked == [[-1]]


def test_one_that_fails_fails_alone() -> None:
    answers = ask_while_one_is_answered(counter := Counter(), [2, -3, 4])
    assert [answers[place].result() for place in (0, 1, 3)] == [10, 20, 40]
    with pytest.raises(ValueError, match="negative"):
        answers[2].result()
    assert sorted(counter.asked) == [[-3], [-3, 2, 4], [1], [2], [4]]
