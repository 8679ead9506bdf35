"""What several threads ask at the same time, asked once: one of them asks for all who wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Answers up to ``most`` items by one run of ``answer``, which takes items and returns their answers in order.

    Nobody waits for company: who comes alone is a batch of one, and who comes while a batch is under way is in the
    next one.
    """

    def __init__(self, answer: Callable[[Sequence[T]], Sequence[R]], most: int) -> None:
        self._answer = answer
        self._most = most
        self._turn = threading.Lock()
        self._waiting: deque[_Asked[T, R]] = deque()

    def __len__(self) -> int:
        """How many wait for the next batch."""
        return len(self._waiting)

    def ask(self, item: T) -> R:
        """The answer to the item.

        Raises what ``answer`` raises for this item alone: a batch that fails is asked again one by one, as one item may
        be the reason.  So it has to be harmless to ask again for what may have been done.
        """
        mine = _Asked[T, R](item)
        self._waiting.append(mine)
        with self._turn:
            while not mine.asked:
                self._ask_for_all()
        if mine.error:
            raise mine.error
        if mine.answers:
            return mine.answers[0]
        return self._answer([item])[0]

    def _ask_for_all(self) -> None:
        some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        for each in some:
            each.asked = True
        try:
            for each, answer in zip(some, self._answer([each.item for each in some]), strict=True):
                each.answers = (answer,)
        except Exception as error:
            if len(some) == 1:
                some[0].error = error


class _Asked(Generic[T, R]):
    """An item, whether its turn has come, and its answer or error once it has one of its own."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.asked = False
        self.answers: tuple[R, ...] = ()
        self.error: Exception | None = None
