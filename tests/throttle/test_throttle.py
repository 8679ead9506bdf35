"""The throttle against a real Valkey: rate, slots, blocks, the cut after a 429, and total loss."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from redis import Redis

from integration.errors import Throttled
from integration.local.servers import Valkey
from integration.throttle import Throttle
from tasks.runtime import _calling, _gate
from tests.throttle.target import call, die_inside, fast, rewind

pytestmark = pytest.mark.timed

CALLER = """
import sys, threading, time
from redis import Redis
from integration.errors import Throttled
from integration.throttle import Throttle

throttle = Throttle(Redis.from_url(sys.argv[1]), "odoo-1", float(sys.argv[2]), 8)
stop = time.time() + float(sys.argv[3])
sent = []
def work():
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


ALONE = """
import sys, time
from redis import Redis
from integration.throttle import Throttle

throttle = Throttle(Redis.from_url(sys.argv[1]), "odoo-1", 1000.0, 8)
for _ in range(10):
    with throttle.admit() as hop, hop.call(alone=True):
        began = time.time()
        time.sleep(0.02)
        print(began, time.time())
"""


def test_of_calls_that_go_alone_one_is_under_way_in_the_whole_fleet(url: str, redis: Redis) -> None:
    command = [sys.executable, "-c", ALONE, url]
    callers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [caller.communicate(timeout=30)[0].splitlines() for caller in callers]
    calls = sorted(tuple(map(float, line.split())) for lines in said for line in lines)
    assert len(calls) == 20
    assert all(ended <= began for (_, ended), (began, _) in pairwise(calls))


def test_a_call_that_goes_alone_waits_for_no_other_call(redis: Redis) -> None:
    throttle = fast(redis)
    with throttle.admit() as one, throttle.admit() as other, one.call(alone=True), other.call():
        assert throttle.state().slots == 2


def test_the_call_of_a_hop_that_is_gone_keeps_nobody_waiting_for_longer_than_a_lease(redis: Redis) -> None:
    gone, later = fast(redis, lease=0.5), fast(redis)
    with gone.admit() as hop:
        assert gone.ask("alone", hop._holder).word == "go"
        assert later.ask("alone", "another").word == "later"
        time.sleep(0.6)
        assert later.ask("alone", "another").word == "go"
        assert gone.ask("alone", hop._holder).word == "later"


def test_a_hop_that_is_renewed_stays_alone(redis: Redis) -> None:
    throttle = fast(redis, lease=0.5)
    with throttle.admit() as hop, hop.call(alone=True):
        for _ in range(3):
            time.sleep(0.3)
            hop.renew()
        assert throttle.ask("alone", "another").word == "later"
    assert throttle.ask("alone", "another").word == "go"


def test_what_redis_forgets_of_calls_that_go_alone_does_no_harm(redis: Redis) -> None:
    throttle = fast(redis)
    with throttle.admit() as one, one.call(alone=True):
        redis.flushall()
        with throttle.admit() as other, other.call(alone=True):
            pass
    call(throttle)


def two_processes(url: str, rate: float, seconds: float) -> list[subprocess.Popen[str]]:
    """Each of eight threads, whose hops of five calls follow each other as fast as they are let."""
    command = [sys.executable, "-c", CALLER, url, str(rate), str(seconds)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]


def calls(callers: list[subprocess.Popen[str]]) -> list[float]:
    """When they called, in order."""
    sent = sorted(float(at) for caller in callers for at in caller.communicate(timeout=30)[0].split())
    assert [caller.returncode for caller in callers] == [0, 0]
    return sent


def busiest(sent: list[float]) -> int:
    """The most calls in any second, wherever it begins."""
    return max(bisect_left(sent, start + 1) - place for place, start in enumerate(sent))


def test_two_processes_of_many_threads_keep_one_rate_and_use_it(url: str, redis: Redis) -> None:
    sent = calls(two_processes(url, 50.0, 10.0))
    assert busiest(sent) <= 55
    assert len(sent) / (sent[-1] - sent[0]) >= 48


def test_two_processes_of_many_threads_keep_one_rate_even_when_redis_is_wiped(url: str, redis: Redis) -> None:
    callers = two_processes(url, 100.0, 2.5)
    time.sleep(1.8)
    redis.flushall()
    redis.script_flush()
    sent = calls(callers)
    assert busiest(sent) <= 110 + 8 + 10, "a tenth for a busy machine, and those that had their place already"
    assert len(sent) / (sent[-1] - sent[0]) > 80


def test_after_429s_fewer_calls_go_and_then_as_many_as_before(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 50.0, 4)

    def seconds_for_ten() -> float:
        started = time.monotonic()
        with throttle.admit() as hop:
            for _ in range(11):
                with hop.call():
                    pass
            return time.monotonic() - started

    assert 0.2 <= seconds_for_ten() < 0.4
    for _ in range(3):
        call(throttle, Throttled("429", after=0.0, by_target=True))
        rewind(redis, "cut_at", 1)
    assert 0.5 <= seconds_for_ten() < 1, "19 per second"
    rewind(redis, "cut_at", 40)
    assert 0.2 <= seconds_for_ten() < 0.4


def test_calls_of_a_hop_are_spaced_by_the_rate(redis: Redis) -> None:
    started = time.monotonic()  # the first place is that of the admission
    with Throttle(redis, "odoo-1", 20.0, 4).admit() as hop:
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
    with pytest.raises(Throttled, match="asked for a pause") as refused, fast(redis).admit():
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
    limit = Throttled("429", after=0.0, by_target=True)
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


def test_a_hop_asks_when_it_comes_and_when_it_leaves(redis: Redis) -> None:
    """It takes the places that the hop before needed; what it needs beyond, it asks for call by call."""
    throttle, asked = fast(redis), []
    call(throttle)
    for _ in range(2):
        redis.config_resetstat()
        with throttle.admit() as hop:
            for _ in range(10):
                with hop.call():
                    pass
        asked.append(redis.info("commandstats")["cmdstat_evalsha"]["calls"])
    assert asked == [1 + 9 + 1, 1 + 1]
    assert int(redis.hget("throttle:{odoo-1}", "good")) == 21


def test_places_that_are_not_needed_are_free_for_others(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 50.0, 10)
    with throttle.admit() as hop:
        for _ in range(5):
            with hop.call():
                pass
    with throttle.admit():
        taken = float(redis.hget("throttle:{odoo-1}", "free_at"))
    left = float(redis.hget("throttle:{odoo-1}", "free_at"))
    assert taken - left > 15, "all but those whose time had come"


def test_a_call_for_several_objects_takes_more_places(redis: Redis) -> None:
    """As many as its work is that of calls for one."""
    throttle = Throttle(redis, "odoo-1", 100.0, 10)
    with throttle.admit() as hop:
        started = time.monotonic()
        for _ in range(4):
            with hop.call(3):
                pass
    assert time.monotonic() - started >= 0.08


def test_a_bulk_call_takes_places_by_the_share_of_its_objects(redis: Redis) -> None:
    for size, share, places in ((17, 0.125, 3), (16, 0.02, 1), (16, 1.0, 16), (1, 1.0, 1)):
        with fast(redis).admit() as hop, _calling(hop, lambda: None):
            with _gate(size, share=share):
                pass
            assert hop.leave() == places


def test_a_hop_that_gathers_starts_when_the_rate_takes_calls_again(redis: Redis) -> None:
    throttle = Throttle(redis, "odoo-1", 5.0, 8)
    throttle.gather()
    with throttle.admit() as hop, hop.call(8):
        pass
    with pytest.raises(Throttled, match="the rate of the target is used up"), throttle.admit():
        pass
    throttle.gather()
    with throttle.admit() as hop, hop.call():
        pass


def test_a_hop_of_several_gets_half_of_the_free_slots(redis: Redis) -> None:
    throttle = fast(redis, concurrency=4)
    with throttle.admit(16) as first, throttle.admit(16) as second, throttle.admit(1) as third:
        assert [each.slots.held for each in (first, second, third)] == [2, 1, 1]
        with pytest.raises(Throttled, match="all slots"), throttle.admit(16):
            pass
    assert throttle.state().slots == 0


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
