"""What operators' tools are answered: ready or not, and never later than after two seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
import redis
import requests

from integration.local.servers import Postgres, Valkey
from integration.store.migrate import migrate
from tests.benchmarks.measure import frozen, tree
from tests.conftest import new_database
from tests.receiver.conftest import running, settings
from tests.receiver.webhook import Receiver, event

pytestmark = pytest.mark.timed

SOON = 2.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Valkey]]:
    """Servers of their own: what is done to them here stops everybody else's."""
    home = tmp_path_factory.mktemp("servers")
    postgres, valkey = Postgres(home), Valkey(home)
    postgres.start()
    valkey.start()
    yield postgres, valkey
    valkey.stop()
    postgres.stop()


@pytest.fixture(scope="module")
def receiver(servers: tuple[Postgres, Valkey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with running(_settings(servers, tmp_path_factory.mktemp("operations"))) as receiver:
        yield receiver


def _settings(servers: tuple[Postgres, Valkey], home: Path) -> dict[str, str]:
    postgres, valkey = servers
    migrate(url := new_database(postgres.url))
    return settings(url, valkey.url, home)


def ready(receiver: Receiver) -> tuple[int, dict[str, str]]:
    began = time.monotonic()
    answer = requests.get(f"{receiver.operations}/readyz", timeout=30)
    assert time.monotonic() - began < SOON, f"answered after {time.monotonic() - began:.1f} s"
    return answer.status_code, answer.json()


def comes_back(receiver: Receiver) -> None:
    deadline = time.monotonic() + 15
    while ready(receiver) != (200, {"postgres": "ok", "redis": "ok"}):
        assert time.monotonic() < deadline, ready(receiver)
        time.sleep(0.1)


@contextmanager
def read_only(postgres: Postgres) -> Iterator[None]:
    """As a server is whose disk ran full, or one that was made a standby."""
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        for value in ("on", "off"):
            cursor.execute("set transaction_read_only = off")
            cursor.execute(f"alter system set default_transaction_read_only = {value}")
            cursor.execute("select pg_reload_conf()")
            time.sleep(0.5)
            if value == "on":
                yield
    finally:
        connection.close()


def test_ready_and_metrics_are_not_for_strangers(receiver: Receiver) -> None:
    comes_back(receiver)
    assert requests.get(f"{receiver.url}/healthz", timeout=20).json() == {"status": "ok"}
    for path in ("/readyz", "/metrics"):
        assert requests.get(receiver.url + path, timeout=20).status_code == 404
        assert requests.get(receiver.operations + path, timeout=20).status_code == 200
    assert requests.post(f"{receiver.operations}/webhooks/clarity", timeout=20).status_code == 404


def test_a_read_only_postgres_is_not_ready(receiver: Receiver, servers: tuple[Postgres, Valkey]) -> None:
    comes_back(receiver)
    with read_only(servers[0]):
        assert ready(receiver) == (503, {"postgres": "read-only", "redis": "ok"})
        answer = receiver.post(event())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    comes_back(receiver)


@pytest.mark.parametrize("how", ["a replica", "full"])
def test_a_redis_that_takes_no_writes_is_not_ready(
    receiver: Receiver, servers: tuple[Postgres, Valkey], how: str
) -> None:
    comes_back(receiver)
    client = redis.Redis.from_url(servers[1].url)
    if how == "full":
        client.config_set("maxmemory", "1")
    else:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert ready(receiver) == (503, {"postgres": "ok", "redis": "read-only"})
        assert receiver.post(event()).status_code == 202, "webhooks need no Redis"
    finally:
        client.config_set("maxmemory", "0")
        client.execute_command("REPLICAOF", "NO", "ONE")
    comes_back(receiver)


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=["Postgres", "Redis", "both"])
def test_a_frozen_server_is_reported_within_two_seconds(
    receiver: Receiver, servers: tuple[Postgres, Valkey], which: tuple[int, ...]
) -> None:
    comes_back(receiver)
    pids = tree(*(servers[each].pid or 0 for each in which))
    with frozen(pids):
        for _ in range(5):
            status, state = ready(receiver)
            assert status == 503
            for each, name in enumerate(("postgres", "redis")):
                assert state[name] == "ok" if each not in which else state[name] in ("does not answer", "away")
        if 0 in which:
            began = time.monotonic()
            assert requests.get(f"{receiver.operations}/metrics", timeout=30).status_code == 503
            assert time.monotonic() - began < SOON
        assert requests.get(f"{receiver.url}/healthz", timeout=5).status_code == 200
    comes_back(receiver)


def test_a_receiver_ends_though_a_server_is_frozen(servers: tuple[Postgres, Valkey], tmp_path: Path) -> None:
    postgres, _ = servers
    with running(_settings(servers, tmp_path)) as receiver:
        while receiver.log.read_text().count("Serving: ") < 2:  # one that starts waits for Postgres
            time.sleep(0.1)
        with frozen(tree(postgres.pid or 0)):
            assert ready(receiver)[0] == 503
            began = time.monotonic()
            os.kill(receiver.pid, 15)
            while Path(f"/proc/{receiver.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                assert time.monotonic() - began < 15
                time.sleep(0.1)
