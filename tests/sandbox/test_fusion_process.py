"""The fake Fusion as a process: what breaks in the network, and what kill -9 leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.sandbox.fusion_rig import KEY, ORDERS, Caller, an_order
from tests.sandbox.rig import Listener, Sandbox


def test_an_order_whose_answer_was_lost_is_there_and_refused_again(sandbox: Sandbox) -> None:
    pod = Caller(sandbox.url)
    for kind, found in (("reset_before", 404), ("timeout_after_commit", 200)):
        sandbox.fault("fusion", kind, ms=10, path=ORDERS)
        with pytest.raises(requests.ConnectionError):
            pod.create()
        assert pod.call("GET", f"{ORDERS}/{KEY}").status_code == found
    assert pod.call("POST", ORDERS, an_order()).status_code == 400
    [order] = pod.ledger()["orders"]
    assert (order["created"], order["submissions"], order["refused_duplicates"]) == (1, 1, 1)
    assert pod.control("POST", "/reset") == {"status": "empty"}
    assert pod.ledger()["orders"] == []


def test_orders_survive_kill_9(tmp_path: Path, listener: Listener) -> None:
    sandbox = Sandbox(tmp_path, listener.url)
    sandbox.start()
    try:
        pod = Caller(sandbox.url)
        pod.create()
        pod.advance(3)
        before = pod.order()
        sandbox.kill()
        sandbox.start()
        assert pod.order() == before
        assert before["lines"][0]["StatusCode"] == "SHIPPED"
    finally:
        sandbox.stop()
