"""What dies takes nothing with it: the same orders, judged by the ledger of the other side, while things break."""

from __future__ import annotations

import os
import signal
import time

import pytest
import requests

from tests.road.world import World


def test_redis_is_wiped_while_webhooks_arrive(road: World) -> None:
    ids: list[str] = []
    for _ in range(4):
        ids += road.generate(5)
        road.redis.flushall()
        time.sleep(0.2)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)
    road.balanced()


def test_the_receiver_accepts_while_redis_is_down(road: World) -> None:
    pid = int(road.redis.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        url = f"http://{road.settings.binds['receiver']}/readyz"
        (id,) = road.generate()
        road.until(lambda: bool(road.deliveries(id)), 10)
        assert requests.get(url, timeout=20).json()["postgres"] == "ok"
    finally:
        os.kill(pid, signal.SIGKILL)
    road.finished(id, seconds=60)
    road.exactly_once([id])


def test_a_worker_is_killed_in_mid_post(road: World) -> None:
    road.fault("odoo", "latency", path="sale.order/load", ms=1500, times=1)
    ids = road.generate(3)
    road.until(lambda: any("running" in state for id in ids for state in road.states(id)), 10)
    time.sleep(0.5)
    road.restart("worker-odoo")
    road.finished(*ids, seconds=90)
    road.exactly_once(ids)
    road.balanced()


@pytest.mark.parametrize("path", ["res.partner/load", "sale.order/load", "action_confirm", "sale.order/write"])
def test_the_connection_breaks_after_odoo_has_committed(road: World, path: str) -> None:
    road.fault("odoo", "timeout_after_commit", path=path, ms=50, times=1)
    ids = road.generate(2)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)
    road.balanced()


def test_the_connection_breaks_after_clarity_has_committed(road: World) -> None:
    road.fault("clarity", "timeout_after_commit", path="/status", ms=50, times=1)
    ids = road.generate(2)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)


@pytest.mark.parametrize("kind", ["500", "502_html", "503", "429", "reset_before", "html", "truncated_json"])
@pytest.mark.parametrize("target", ["odoo", "clarity"])
def test_odd_answers_cost_time_and_nothing_else(road: World, target: str, kind: str) -> None:
    road.fault(target, kind, times=2)
    ids = road.generate(2)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)


def test_an_expired_token_is_renewed(road: World) -> None:
    road.fault("clarity", "401_expire", path="/status", times=1)
    ids = road.generate(2)
    road.finished(*ids)
    road.exactly_once(ids)


def test_the_dispatcher_dies(road: World) -> None:
    road.restart("dispatcher")
    ids = road.generate(5)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)
