"""Strangers: whoever connects and never sends a whole request costs nobody else an answer."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest
import requests

from integration.local.servers import Postgres, Valkey
from tests.conftest import new_database
from tests.receiver.conftest import running, settings
from tests.receiver.webhook import Receiver, event

pytestmark = pytest.mark.timed

STRANGERS = 64
DEADLINE = 3
HEAD = b"POST /webhooks/clarity HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HALVES = {
    "half a request line": b"POST /webhooks/cla",
    "half the headers": HEAD + b"X-Padding: ",
    "half a body": HEAD + b"Content-Length: 5000\r\n\r\n{",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1388\r\n{",
}


@pytest.fixture(scope="module")
def receiver(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    environment = settings(new_database(postgres.url, template), valkey.url, tmp_path_factory.mktemp("strangers"))
    with running(environment, FLEET_WEBHOOK_DEADLINE=str(DEADLINE)) as receiver:
        yield receiver


@contextmanager
def dripping(url: str, halves: list[bytes], more: bytes = b"x") -> Iterator[list[socket.socket]]:
    """Connections that have sent these beginnings, and send one byte more every second."""
    parts = urlsplit(url)
    connections = [
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=DEADLINE + 4) for _ in halves
    ]
    for connection, half in zip(connections, halves, strict=True):
        connection.sendall(half)
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(1):
            for connection in connections:
                try:
                    connection.send(more)
                except OSError:
                    continue  # it was ended

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield connections
    finally:
        ended.set()
        thread.join()
        for connection in connections:
            connection.close()


def slowest(receiver: Receiver, seconds: float) -> float:
    """The longest that a look at the health, or a real webhook, took to be answered in that time."""
    worst, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        assert requests.get(f"{receiver.url}/healthz", timeout=2).status_code == 200
        between = time.monotonic()
        assert receiver.post(event()).status_code == 202
        worst = max(worst, between - began, time.monotonic() - between)
    return worst


def slow(receiver: Receiver) -> int:
    return int(receiver.value("select coalesce(sum(count), 0) from refusals where reason = 'slow'"))


def test_sixty_four_halves_hold_nobody_up_and_are_ended(receiver: Receiver) -> None:
    halves = [*HALVES.values()] * (STRANGERS // len(HALVES))
    before = slow(receiver)
    with dripping(receiver.url, halves) as connections:
        worst = slowest(receiver, DEADLINE - 1)
        assert worst < 1, f"answered after {worst:.1f} s"
        for connection in connections:
            answer = connection.makefile("rb").read()
            assert answer.split(b" ", 2)[1] == b"408", answer
            assert b'"code":"slow"' in answer
    deadline = time.monotonic() + 20
    while slow(receiver) < before + STRANGERS:
        assert time.monotonic() < deadline, slow(receiver)
        time.sleep(0.2)
    log = receiver.log.read_text()
    assert '"reason": "slow"' in log
    assert "X-Padding" not in log
    text = requests.get(f"{receiver.operations}/metrics", timeout=10).text
    assert f'fleet_refused_total{{reason="slow",source="-"}} {slow(receiver)}.0' in text


@pytest.mark.parametrize("half", HALVES)
def test_the_deadline_counts_from_the_first_byte(receiver: Receiver, half: str) -> None:
    with dripping(receiver.url, [HALVES[half]]) as (connection,):
        began = time.monotonic()
        assert connection.recv(4096).startswith(b"HTTP/1.")
        assert DEADLINE - 0.5 < time.monotonic() - began < DEADLINE + 4


def test_a_connection_that_is_kept_alive_is_not_slow(receiver: Receiver) -> None:
    with requests.Session() as session:
        for pause in (DEADLINE + 1.5, 0):
            assert session.get(f"{receiver.url}/healthz", timeout=10).status_code == 200
            time.sleep(pause)
        assert len(session.adapters["http://"].poolmanager.pools) == 1  # type: ignore[attr-defined]
        (key,) = session.adapters["http://"].poolmanager.pools.keys()  # type: ignore[attr-defined]
        assert session.adapters["http://"].poolmanager.pools[key].num_connections == 1  # type: ignore[attr-defined]


def test_a_kept_connection_is_read_again_at_once(receiver: Receiver) -> None:
    """Not only when the loop looks by itself, which it does once a second."""
    with requests.Session() as session:
        seconds = [session.get(f"{receiver.url}/healthz", timeout=10).elapsed.total_seconds() for _ in range(7)]
        assert median(seconds) < 0.5


def test_a_crowd_of_idle_connections_makes_room(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path: Path
) -> None:
    """Each process takes forty; two hundred that say nothing are ended after a second each, not after thirty."""
    environment = settings(new_database(postgres.url, template), valkey.url, tmp_path)
    with (
        running(environment, GUNICORN_CMD_ARGS="--worker-connections 40") as receiver,
        dripping(receiver.url, [b""] * 200, more=b""),
    ):
        began = time.monotonic()
        assert requests.get(f"{receiver.url}/healthz", timeout=60).status_code == 200
        assert time.monotonic() - began < 20, f"answered after {time.monotonic() - began:.1f} s"


def test_operators_are_answered_whatever_strangers_do(receiver: Receiver) -> None:
    with dripping(receiver.url, [HALVES["half a body"]] * STRANGERS):
        began = time.monotonic()
        assert requests.get(f"{receiver.operations}/readyz", timeout=10).status_code == 200
        assert time.monotonic() - began < 2


def test_what_has_arrived_is_answered_when_the_receiver_stops(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path: Path
) -> None:
    """While the table of messages is locked, forty webhooks wait; then the receiver is asked to stop."""
    answers: list[int] = []
    with running(settings(new_database(postgres.url, template), valkey.url, tmp_path)) as receiver:
        threads = [
            threading.Thread(target=lambda: answers.append(receiver.post(event()).status_code)) for _ in range(40)
        ]
        with receiver.database.transaction() as tx:
            tx.run("lock table messages in exclusive mode")
            for thread in threads:
                thread.start()
            time.sleep(2)
            os.kill(receiver.pid, 15)
            time.sleep(1)
            assert answers == []
        for thread in threads:
            thread.join(30)
        assert answers == [202] * 40
        assert receiver.value("select count(*) from messages") == 40
