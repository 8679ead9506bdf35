"""The throttle against a real Valkey: rate, slots, blocks, the cut after a 429, the breaker, and total loss."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from integration.embedded import Valkey
from integration.errors import Hold, Retry, Throttled
from integration.throttle import Throttle

SICK = Retry("no answer", counts_for_breaker=True)
BUSY = Retry("write conflict")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this file's own, because it is wiped all the time."""
    server = Valkey(tmp_path_factory.mktemp("throttle")).start()
    yield server.url
    server.stop()


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        client.flushall()
        yield client


def fast(redis: Redis, **changes: object) -> Throttle:
    """A target whose rate and slots stand in nobody's way."""
    return Throttle(redis, "odoo-1", **{"rate": 100_000.0, "concurrency": 1000, **changes})


def call(throttle: Throttle, outcome: Exception | None = None) -> tuple[bool, float | None]:
    """One hop with one call; what it says of the attempt and of the streak."""
    with throttle.admit() as hop:
        if outcome is None:
            with hop.call():
                pass
        else:
            with pytest.raises(type(outcome)), hop.call():
                raise outcome
        return hop.spends_attempt, hop.opened_after


HOLDER = """
import sys, time
from redis import Redis
from integration.throttle import Throttle
with Throttle(Redis.from_url(sys.argv[1]), "odoo-1", 100_000.0, 1, lease=0.6).admit():
    print("inside", flush=True)
    time.sleep(60)
"""


def die_inside(url: str) -> None:
    """A process that is killed while it holds a slot of a target that has one, with a lease of 0.6 s."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "inside\n"
    holder.kill()
    holder.communicate()


def rewind(redis: Redis, field: str, seconds: float) -> None:
    """Lets time pass for one field of the state."""
    key = "throttle:{odoo-1}"
    redis.hset(key, field, str(float(redis.hget(key, field) or 0) - seconds * 1000))


CALLER = """
import sys, threading, time
from redis import Redis
from integration.throttle import Throttle
redis = Redis.from_url(sys.argv[1])
throttle = Throttle(redis, "odoo-1", 100.0, 8)
stop = time.time() + 2.5
sent = []
def work():
    from integration.errors import Throttled
    while time.time() < stop:
        try:
            with throttle.admit() as hop:
                for _ in range(5):
                    with hop.call():
                        sent.append(time.time())
        except Throttled as refused:
            time.sleep(min(refused.after, 0.1))
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*sent)
"""


def test_two_processes_of_many_threads_keep_one_rate_even_when_redis_is_wiped(url: str, redis: Redis) -> None:
    callers = [
        subprocess.Popen([sys.executable, "-c", CALLER, url], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    time.sleep(1.8)
    redis.flushall()
    redis.script_flush()
    sent = sorted(float(at) for caller in callers for at in caller.communicate(timeout=20)[0].split())
    assert [caller.returncode for caller in callers] == [0, 0]
    busiest = max(sum(1 for at in sent if start <= at < start + 1) for start in sent)
    assert busiest <= 110
    assert len(sent) / (sent[-1] - sent[0]) > 80


def test_calls_of_a_hop_are_spaced_by_the_rate(redis: Redis) -> None:
    with Throttle(redis, "odoo-1", 20.0, 4).admit() as hop:
        started = time.monotonic()
        for _ in range(5):
            with hop.call():
                pass
        assert 0.2 <= time.monotonic() - started < 0.4


def test_a_start_that_would_wait_takes_no_slot(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 1.0, 4)
    call(throttle)
    with pytest.raises(Throttled, match="rate of the target is used up") as refused, throttle.admit():
        pass
    assert 0.5 < refused.value.after <= 1.5
    assert not refused.value.by_target
    assert throttle.state().slots == 0


def test_slots_are_shared_and_come_back(redis: Redis) -> None:
    throttle, other = fast(redis, concurrency=2), fast(redis, concurrency=2)
    with throttle.admit(), other.admit():
        assert throttle.state().slots == 2
        with pytest.raises(Throttled, match="all slots") as refused, throttle.admit():
            pass
        assert 1.0 <= refused.value.after <= 1.5
        assert Throttle(redis, "odoo-2", 1.0, 1).state().slots == 0
    assert throttle.state().slots == 0


def test_a_slot_dies_with_its_holder_and_lives_while_it_is_renewed(url: str, redis: Redis) -> None:
    throttle = fast(redis, concurrency=1, lease=0.4)
    with throttle.admit() as hop:
        for _ in range(3):
            time.sleep(0.2)
            hop.renew()
        with pytest.raises(Throttled), throttle.admit():
            pass
    die_inside(url)
    with pytest.raises(Throttled, match="all slots"), throttle.admit():
        pass
    time.sleep(0.6)
    with throttle.admit():
        assert throttle.state().slots == 1


def test_everybody_waits_until_retry_after(redis: Redis) -> None:
    throttle = fast(redis)
    call(throttle, Throttled("429", after=0.6, by_target=True))
    assert 0.4 < throttle.state().blocked_for <= 0.6
    assert throttle.state().credit == 0
    with pytest.raises(Throttled, match="asked everybody to wait") as refused, fast(redis).admit():
        pass
    assert 0.3 < refused.value.after <= 1.1
    time.sleep(0.6)
    assert call(throttle) == (True, None)


def test_inside_a_hop_a_short_block_is_waited_out_a_long_one_is_not(redis: Redis) -> None:
    throttle = fast(redis)
    with throttle.admit() as hop:
        call(throttle, Throttled("429", after=0.4, by_target=True))
        started = time.monotonic()
        with hop.call():
            assert 0.3 < time.monotonic() - started < 0.8
        call(throttle, Throttled("429", after=60.0, by_target=True))
        with pytest.raises(Throttled) as refused, hop.call():
            pass
    assert 59 < refused.value.after <= 60.5
    assert throttle.state().slots == 0


def test_a_429_cuts_the_rate_once_a_second_and_it_recovers(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 1000.0, 100)
    limit = Throttled("429", after=0.001, by_target=True)
    with ExitStack() as hops:
        hop, second = (hops.enter_context(throttle.admit()) for _ in range(2))
        for each in (hop, second):
            with pytest.raises(Throttled), each.call():
                raise limit
    assert throttle.state().rate == pytest.approx(700, abs=10)
    rewind(redis, "cut_at", 5)
    assert throttle.state().rate == pytest.approx(800, abs=10)
    call(throttle, limit)
    assert throttle.state().rate == pytest.approx(560, abs=10)
    rewind(redis, "cut_at", 60)
    assert throttle.state().rate == 1000
    assert Throttle(redis, "odoo-1", 50.0, 1).state().rate == 50


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
        assert throttle.state().breaker == "closed"
    assert call(throttle, SICK) == (True, None)


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
    throttle = fast(redis, breaker=False)
    assert throttle.state().breaker == "closed"
    assert [call(throttle, SICK) for _ in range(30)] == [(True, None)] * 30


def test_total_loss_in_the_middle_of_a_hop_does_no_harm(redis: Redis) -> None:
    throttle = fast(redis, concurrency=2)
    with throttle.admit() as hop:
        with hop.call():
            redis.flushall()
            redis.script_flush()
        assert throttle.state().slots == 0
        with hop.call():
            assert throttle.state().slots == 1
        redis.flushall()
        hop.renew()
        assert throttle.state().slots == 1
    assert throttle.state().slots == 0


def test_without_redis_a_hop_waits_five_seconds(tmp_path: Path) -> None:
    server = Valkey(tmp_path).start()
    throttle = fast(Redis.from_url(server.url, retry=None))
    with throttle.admit() as hop:
        with hop.call():
            server.stop()
        for question in (throttle.state, throttle.admit().__enter__, hop.call().__enter__):
            with pytest.raises(Throttled) as refused:
                question()
            assert (refused.value.after, refused.value.reason) == (5, "Redis cannot be reached")
        hop.renew()
    server.start()
    time.sleep(1)
    assert call(throttle) == (True, None)
    server.stop()


def test_a_redis_that_hangs_is_waited_for_once_a_second(tmp_path: Path) -> None:
    server = Valkey(tmp_path).start()
    throttle = fast(Redis.from_url(server.url, retry=None, socket_timeout=0.3))
    assert server.pid is not None
    call(throttle)
    os.kill(server.pid, signal.SIGSTOP)
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(Throttled):
            throttle.state()
    assert 0.3 <= time.monotonic() - started < 0.6
    os.kill(server.pid, signal.SIGCONT)
    server.stop()


def test_credit_is_two_seconds_of_the_rate_and_the_slots(redis: Redis) -> None:
    assert Throttle(redis, "odoo-1", 10.0, 4).state().credit == 24


def test_threads_may_share_a_throttle(redis: Redis) -> None:
    throttle, most, inside = fast(redis, concurrency=3), [], []

    def work() -> None:
        for _ in range(30):
            try:
                with throttle.admit():
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
            except Throttled:
                continue

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 3
    assert throttle.state().slots == 0
