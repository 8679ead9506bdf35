"""The breaker against a real Valkey: what opens it, what closes it, and what it costs a delivery."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from integration.errors import Hold, Retry, Throttled
from integration.throttle import Throttle
from tests.throttle.target import BUSY, SICK, call, die_inside, fast, rewind

pytestmark = pytest.mark.timed


def test_our_own_refusals_and_answers_do_not_open_the_breaker(redis: Redis) -> None:
    throttle = fast(redis)
    for outcome in (
        BUSY,
        Hold("unknown SKU", hint="add it"),
        Throttled("lane busy", after=1),
        ZeroDivisionError(),
    ) * 10:
        assert call(throttle, outcome) == (True, None)
    assert throttle.state().breaker == "closed"
    assert throttle.state().rate == 100_000


def test_failures_in_a_row_open_the_breaker_and_give_back_their_attempts(redis: Redis) -> None:
    throttle = fast(redis)
    call(throttle, SICK)
    call(throttle)
    assert [call(throttle, SICK) for _ in range(4)] == [(True, None)] * 4
    rewind(redis, "streak_at", 7)
    spends, streak = call(throttle, SICK)
    assert not spends
    assert streak == pytest.approx(7, abs=0.5)
    state = throttle.state()
    assert (state.breaker, state.credit) == ("open", 0)
    assert 4 < state.open_for <= 5
    with pytest.raises(Throttled, match="breaker") as refused, throttle.admit():
        pass
    assert 4 < refused.value.after <= 5.5


def test_half_of_many_calls_failing_opens_the_breaker(redis: Redis) -> None:
    throttle = fast(redis)
    for _ in range(9):
        call(throttle, SICK)
        call(throttle)
    call(throttle)
    assert call(throttle, SICK)[1] is not None
    assert throttle.state().breaker == "open"


def test_an_old_minute_does_not_count(redis: Redis) -> None:
    throttle = fast(redis)
    for _ in range(9):
        call(throttle, SICK)
        call(throttle)
    rewind(redis, "window_at", 61)
    call(throttle)
    assert call(throttle, SICK) == (True, None)


def open_breaker(redis: Redis) -> Throttle:
    throttle = fast(redis)
    for _ in range(5):
        call(throttle, SICK)
    return throttle


def test_one_probe_goes_and_its_success_closes_the_breaker(redis: Redis) -> None:
    throttle = open_breaker(redis)
    rewind(redis, "open_until", 6)
    assert (throttle.state().breaker, throttle.state().credit) == ("half_open", 1)
    with throttle.admit() as probe:
        assert (probe.probe, probe.spends_attempt) == (True, False)
        assert throttle.state().breaker == "probing"
        with pytest.raises(Throttled, match="breaker"), throttle.admit():
            pass
        with probe.call():
            pass
    assert throttle.state().breaker == "closed", "at the latest when the probe leaves"
    assert call(throttle, SICK) == (True, None)


def test_a_probe_that_goes_on_calling_has_closed_the_breaker(redis: Redis) -> None:
    throttle = open_breaker(redis)
    rewind(redis, "open_until", 6)
    with throttle.admit() as probe:
        with probe.call():
            pass
        with probe.call():
            assert throttle.state().breaker == "closed"


def test_what_was_good_counts_before_what_goes_wrong_after_it(redis: Redis) -> None:
    throttle = fast(redis)
    for _ in range(4):
        call(throttle, SICK)
    with throttle.admit() as hop:
        for _ in range(3):
            with hop.call():
                pass
        with pytest.raises(Retry), hop.call():
            raise SICK
    assert hop.opened_after is None
    assert throttle.state().breaker == "closed"
    good, bad = redis.hmget("throttle:{odoo-1}", "good", "bad")
    assert (int(good), int(bad)) == (3, 5)


def test_a_probe_that_fails_doubles_the_pause_up_to_five_minutes_and_spends_nothing(redis: Redis) -> None:
    throttle = open_breaker(redis)
    pauses = []
    for _ in range(8):
        rewind(redis, "open_until", throttle.state().open_for + 1)
        assert call(throttle, SICK) == (False, None)
        pauses.append(round(throttle.state().open_for))
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_probe_that_dies_makes_room_for_another(url: str, redis: Redis) -> None:
    throttle = open_breaker(redis)
    rewind(redis, "open_until", 6)
    die_inside(url)
    with pytest.raises(Throttled, match="breaker"), throttle.admit():
        pass
    time.sleep(0.6)
    with throttle.admit() as probe:
        assert probe.probe
    with throttle.admit() as probe:  # the one before made no call
        assert probe.probe


def test_those_on_their_way_when_the_breaker_opens_send_no_more_and_spend_nothing(redis: Redis) -> None:
    throttle = fast(redis)
    with throttle.admit() as hop:
        with pytest.raises(Retry), hop.call():
            open_breaker(redis)
            raise SICK
        assert (hop.spends_attempt, hop.opened_after) == (False, None)
        with pytest.raises(Throttled, match="breaker"), hop.call():
            pass
    assert round(throttle.state().open_for) == 5


def test_an_operator_may_switch_the_breaker_off(redis: Redis) -> None:
    open_breaker(redis)
    throttle = fast(redis)
    throttle.decide(rate=None, concurrency=None, breaker=False, paused=False)
    assert throttle.state().breaker == "closed"
    assert [call(throttle, SICK) for _ in range(30)] == [(True, None)] * 30
