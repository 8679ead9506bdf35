"""What an operator has decided, against a real Valkey: it holds for every process at once, in mid-hop too."""

from __future__ import annotations

import threading
import time

import pytest
from redis import Redis

from integration.errors import Throttled
from integration.throttle import Throttle
from tests.throttle.target import call, fast

pytestmark = pytest.mark.timed

NOTHING = {"rate": None, "concurrency": None, "breaker": True, "paused": False}


def decide(throttle: Throttle, **decided: object) -> None:
    assert throttle.decide(**{**NOTHING, **decided})  # type: ignore[arg-type]


def test_limits_go_before_those_that_the_callers_were_started_with(url: str, redis: Redis) -> None:
    ours, theirs = fast(redis), fast(Redis.from_url(url), rate=50.0, concurrency=8)
    decide(ours, rate=20.0, concurrency=1)
    assert [(state.rate, state.cap, state.concurrency) for state in (ours.state(), theirs.state())] == [(20, 20, 1)] * 2
    assert theirs.state().credit == 41
    with theirs.admit() as hop:
        with pytest.raises(Throttled, match="all slots"), ours.admit():
            pass
        started = time.monotonic()
        for _ in range(5):
            with hop.call():
                pass
        assert 0.2 <= time.monotonic() - started < 0.4
    decide(theirs)
    assert [(state.cap, state.concurrency) for state in (ours.state(), theirs.state())] == [(100_000, 1000), (50, 8)]


def test_limits_are_as_exact_as_they_are_set(redis: Redis) -> None:
    throttle = fast(redis)
    decide(throttle, rate=20 / 60)
    assert throttle.state().rate == throttle.state().cap == 20 / 60


def test_a_slow_target_is_quick_as_soon_as_its_limit_is_raised(redis: Redis) -> None:
    throttle = fast(redis)
    decide(throttle, rate=1 / 60)
    with throttle.admit() as waiting:
        with waiting.call():
            pass
        raised = threading.Timer(0.5, decide, (throttle,), {"rate": 100.0})
        raised.start()
        started = time.monotonic()
        with waiting.call():
            assert 0.5 < time.monotonic() - started < 3
        raised.join()
    assert call(throttle) == (True, None)


def test_a_limit_that_is_said_again_gives_no_place_away(redis: Redis) -> None:
    throttle = fast(redis)
    decide(throttle, rate=1.0)
    call(throttle)
    decide(throttle, rate=1.0)
    with pytest.raises(Throttled, match="rate of the target is used up"), throttle.admit():
        pass


def test_a_paused_target_is_not_called(redis: Redis) -> None:
    throttle = fast(redis)
    with throttle.admit() as hop:
        with hop.call():
            decide(throttle, paused=True)
        assert (throttle.state().paused, throttle.state().credit) == (True, 0)
        for question in (throttle.admit().__enter__, hop.call().__enter__):
            with pytest.raises(Throttled, match="an operator has paused the target") as refused:
                question()
            assert not refused.value.by_target
        assert hop.spends_attempt
    assert throttle.state().slots == 0
    decide(throttle)
    assert call(throttle) == (True, None)


def test_a_call_that_waits_for_its_turn_hears_of_the_pause(redis: Redis) -> None:
    throttle = fast(redis)
    decide(throttle, rate=1 / 60)
    with throttle.admit() as hop:
        with hop.call():
            pass
        paused = threading.Timer(0.5, decide, (throttle,), {"rate": 1 / 60, "paused": True})
        paused.start()
        started = time.monotonic()
        with pytest.raises(Throttled, match="paused"), hop.call():
            pass
        assert time.monotonic() - started < 3
        paused.join()


def test_without_redis_nothing_is_reported() -> None:
    assert fast(Redis(port=1)).decide(rate=1.0, concurrency=None, breaker=True, paused=False) is False
