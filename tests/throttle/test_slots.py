"""The slots of a target: each call that is under way has one, and a hop has no more of them than it needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from integration.errors import Throttled
from integration.throttle import Admission, Throttle
from tests.patience import PATIENCE
from tests.throttle.target import SICK, call, fast, rewind


class Busy:
    """A target whose calls last until it lets go of them."""

    def __init__(self) -> None:
        self.lets_go = threading.Event()
        self._lock = threading.Lock()
        self._under_way = 0
        self.most = 0

    def call(self, hop: Admission) -> None:
        with hop.call():
            with self._lock:
                self._under_way += 1
                self.most = max(self.most, self._under_way)
            self.lets_go.wait(PATIENCE)
            with self._lock:
                self._under_way -= 1

    @contextmanager
    def calls(self, hop: Admission, number: int) -> Iterator[list[Future[Any]]]:
        """So many calls of a hop, which end with the block."""
        with ThreadPoolExecutor(number) as pool:
            try:
                yield [pool.submit(self.call, hop) for _ in range(number)]
            finally:
                self.lets_go.set()

    @property
    def under_way(self) -> int:
        return self._under_way


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_hop_takes_more_slots_when_it_has_more_calls(redis: Redis) -> None:
    throttle, busy = fast(redis, concurrency=8), Busy()
    with throttle.admit() as hop:
        assert hop.slots.held == 1
        with busy.calls(hop, 6) as calls:
            until(lambda: busy.under_way == 6)
            assert throttle.state().slots == 6
        assert [each.result() for each in calls] == [None] * 6
        assert throttle.state().slots == 1, "what no call uses is given back"
    assert throttle.state().slots == 0


def test_a_hop_that_came_late_goes_on_with_what_others_give_back(redis: Redis) -> None:
    throttle, first, second = fast(redis, concurrency=4), Busy(), Busy()
    with throttle.admit(4) as early, throttle.admit(4) as late:
        with second.calls(late, 4):
            with first.calls(early, 4):
                until(lambda: first.under_way + second.under_way == 4)
                assert second.under_way < 4
            until(lambda: second.under_way >= 3)
        assert throttle.state().slots == 2


def test_no_more_calls_are_under_way_than_there_are_slots(redis: Redis) -> None:
    throttle, busy = fast(redis, concurrency=3), Busy()
    busy.lets_go.set()
    with throttle.admit(8) as one, throttle.admit(8) as other, ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(busy.call, hop) for hop in (one, other) * 40]
        assert [each.result(PATIENCE) for each in calls] == [None] * 80
        assert busy.most <= 3
    busy.lets_go.clear()
    with throttle.admit(8) as one, throttle.admit(8) as other, busy.calls(one, 8), busy.calls(other, 8):
        until(lambda: busy.under_way == 3)
        assert throttle.state().slots == 3
    assert busy.most == 3


def test_who_waits_for_a_far_place_leaves_its_slot_to_others(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 0.2, 4)
    with throttle.admit() as hop, ThreadPoolExecutor(2) as pool:
        sent = []

        def send() -> None:
            with hop.call():
                sent.append(1)

        def waiting() -> bool:
            assert sent == [1]
            return throttle.state().slots == 1

        send()
        before = questions(redis)
        calls = [pool.submit(send) for _ in range(2)]
        until(lambda: questions(redis) >= before + len(calls))
        until(waiting)
        throttle.decide(rate=None, concurrency=None, breaker=True, paused=True)
        errors = [each.exception(PATIENCE) for each in calls]
    assert list(map(str, errors)) == ["an operator has paused the target"] * 2


def questions(redis: Redis) -> int:
    return int(redis.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_a_probe_makes_one_call_at_a_time(redis: Redis) -> None:
    throttle, busy = fast(redis, concurrency=8), Busy()
    for _ in range(5):
        call(throttle, SICK)
    rewind(redis, "open_until", 10)
    with throttle.admit(8) as hop:
        assert hop.probe
        with busy.calls(hop, 4):
            until(lambda: busy.under_way == 1)
            time.sleep(0.2)
            assert busy.under_way == 1


def test_what_redis_forgets_of_slots_is_asked_for_again(redis: Redis) -> None:
    throttle, busy = fast(redis, concurrency=8), Busy()
    with throttle.admit() as hop:
        redis.flushall()
        with busy.calls(hop, 3):
            until(lambda: busy.under_way == 3)
        assert throttle.state().slots == 1


@pytest.mark.parametrize("number", [2, 5, 8])
def test_slots_go_back_in_few_questions(redis: Redis, number: int) -> None:
    throttle, busy = fast(redis, concurrency=20), Busy()
    with throttle.admit(number) as hop:
        with busy.calls(hop, number):
            until(lambda: busy.under_way == number)
            redis.config_resetstat()
        asked = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert asked <= number.bit_length()


def test_a_hop_may_wait_for_a_slot(redis: Redis) -> None:
    throttle = fast(redis, concurrency=1)
    with throttle.admit():
        started = time.monotonic()
        with pytest.raises(Throttled, match="all slots"), throttle.admit(patience=0.3):
            pass
        assert 0.3 <= time.monotonic() - started < 2
        leaving = threading.Timer(0.3, lambda: redis.delete("throttle:{odoo-1}:slots"))
        leaving.start()
        with throttle.admit(patience=10):
            assert throttle.state().slots == 1
        leaving.join()
