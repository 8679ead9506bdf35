"""The order in which the hops of one process get the places of their target."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest
from redis import Redis

from integration.throttle import Admission, Throttle
from integration.turns import DEAR, LONGEST_WAIT, Turns

pytestmark = pytest.mark.timed

CALLS = 5


def test_the_hop_that_came_first_ends_first(redis: Redis) -> None:
    """The other one, which takes a place when it comes, gets no further meanwhile."""
    throttle, made = Throttle(redis, "odoo-1", 4.0, 8), []
    with throttle.admit() as old, throttle.admit() as young:

        def work(hop: Admission, name: str) -> None:
            for _ in range(CALLS):
                with hop.call():
                    made.append(name)

        threads = [threading.Thread(target=work, args=each) for each in ((old, "old"), (young, "young"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == 2 * CALLS
    assert set(made[2 - CALLS :]) == {"young"}, made


def test_a_call_waits_for_the_one_of_an_older_hop_that_waits() -> None:
    turns = Turns()
    turns.come("old")
    turns.come("young")
    with turns.call("young"), turns.call("old") as begin:
        assert turns.before("young") > 0
        begin()
        assert turns.before("young") == turns.before("old") == 0
        turns.take(time.monotonic() + 60, DEAR)
        assert turns.before("young") == LONGEST_WAIT
        assert turns.before("old") == 0
    turns.leave("old")
    assert turns.before("young") == 0


def test_calls_side_by_side_go_before_nobody() -> None:
    turns = Turns()
    turns.come("old")
    turns.come("young")
    turns.take(time.monotonic() + 60, DEAR)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(turns.call("old"))
        assert turns.before("young") == 0


def test_only_where_places_are_rare_a_hop_waits_for_what_comes() -> None:
    turns, asked = Turns(), []

    def more_comes() -> bool:
        asked.append(True)
        return False

    turns.gather(more_comes)
    turns.take(0.0, DEAR / 2)
    turns.gather(more_comes)
    assert not asked
    turns.take(0.0, DEAR)
    turns.gather(more_comes)
    assert asked
