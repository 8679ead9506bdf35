"""What the fleet is measured against, on the same machine and the same sandbox."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import redis
import requests
from rich.console import Console

from tests.benchmarks.load import Sandbox, order_of, send
from tests.benchmarks.measure import cpu_seconds, percentile, pss_mib, tree
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
QUEUE = "celery"
NO_OPS = 5000
INSERTS = 3000
PATIENCE = 120.0


@dataclass(frozen=True)
class Result:
    """One row of the table: rates are per second, times in seconds, ``cpu`` per order, ``pss`` in MiB when idle.

    ``idle`` is how many messages a minute a fleet accepts to which nothing new is sent.
    """

    name: str
    accepted: float | None = None
    orders: float | None = None
    p50: float | None = None
    p99: float | None = None
    answer_p99: float | None = None
    cpu: float | None = None
    pss: float | None = None
    lost: int | None = None
    doubled: int | None = None
    idle: float | None = None


def measure(environment: Mapping[str, str], sandbox: Sandbox, orders: int, console: Console) -> list[Result]:
    """The naive way with the same orders; then a Celery task that does nothing, and a Flask route with an insert."""
    with console.status("naive Celery"):
        naive = _naive(environment, sandbox, orders)
    with console.status("raw Celery"):
        raw = _no_ops(environment)
    with console.status("Flask and an insert"):
        insert = _insert(environment)
    return [naive, raw, insert]


def doubled(sandbox: Sandbox, run: str) -> int:
    """How many orders of a run exist more than once in Odoo."""
    made = sandbox.control("GET", "ledger")["odoo"]["orders"]
    counts = Counter(order["origin"] for order in made if str(order["origin"]).startswith(f"B-{run}"))
    return sum(count > 1 for count in counts.values())


def _naive(environment: Mapping[str, str], sandbox: Sandbox, count: int) -> Result:
    own = _own(environment, 5)
    broker = redis.Redis.from_url(own["REDIS_URL"])
    with _web("naive", own) as (url, web), _worker("naive", own, "-P", "prefork", "-c", "4") as worker:
        idle = pss_mib(tree(web, worker))
        for run, number in (("warm", 50), ("run", count)):
            placed = sandbox.orders(number, f"naive-{run}")
            before = cpu_seconds(tree(web, worker))
            began = time.monotonic()
            sent = send(url, "whsec_" + "A" * 32, placed, f"naive-{run}")
            _drained(broker)
            seconds = time.monotonic() - began
        cpu = cpu_seconds(tree(web, worker)) - before
    pushed = sandbox.control("GET", "ledger")["clarity"]["status_pushes"]
    arrived = {push["order_id"] for push in pushed if push["order_id"].startswith("naive-run-")}
    return Result(
        "naive Celery",
        accepted=count / sent.seconds,
        orders=count / seconds,
        answer_p99=percentile(sent.answers, 0.99),
        cpu=cpu / count,
        pss=idle,
        lost=count - len(arrived),
        doubled=doubled(sandbox, "naive-run"),
    )


def _no_ops(environment: Mapping[str, str]) -> Result:
    own = _own(environment, 6)
    broker = redis.Redis.from_url(own["REDIS_URL"])
    publish = f"from tests.benchmarks.floors import nothing\nfor n in range({NO_OPS}): nothing.delay(n)"
    with _worker("floors", own, "-P", "prefork", "-c", "2"):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", publish], env=own, cwd=ROOT, check=True)
        _drained(broker)
        return Result("raw Celery, a task that does nothing", orders=NO_OPS / (time.monotonic() - began))


def _insert(environment: Mapping[str, str]) -> Result:
    own = _own(environment, 7)
    connection = psycopg2.connect(own["DATABASE_URL"])
    connection.autocommit = True
    connection.cursor().execute("create table if not exists floor (id bigserial primary key, body bytea)")
    with _web("floors", own) as (url, _):
        sent = send(url, "whsec_" + "A" * 32, [order_of(f"i-{number}") for number in range(INSERTS)], "insert")
    connection.cursor().execute("drop table floor")
    connection.close()
    return Result(
        "Flask, one insert, commit",
        accepted=INSERTS / sent.seconds,
        answer_p99=percentile(sent.answers, 0.99),
    )


def _own(environment: Mapping[str, str], database: int) -> dict[str, str]:
    """The fleet's environment with another Redis database."""
    server = environment["REDIS_URL"].rpartition("/")[0] if environment["REDIS_URL"].count("/") > 2 else None
    return {**environment, "REDIS_URL": f"{server or environment['REDIS_URL']}/{database}", "PYTHONPATH": str(ROOT)}


def _drained(broker: redis.Redis[Any]) -> None:
    """Waits until nothing is queued or under way."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not broker.llen(QUEUE) and not broker.hlen("unacked"):
            return
        time.sleep(0.05)


@contextmanager
def _web(module: str, environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The module's Flask application under gunicorn's threads, as one would start it: its URL and pid."""
    port = free_port()
    command = ["gunicorn", f"tests.benchmarks.{module}:web", "--bind", f"127.0.0.1:{port}"]
    options = ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
    with _running([sys.executable, "-m", *command, *options], environment) as pid:
        for _ in range(100):
            try:
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/webhooks/clarity", pid


@contextmanager
def _worker(module: str, environment: Mapping[str, str], *options: str) -> Iterator[int]:
    """A Celery worker of the module's application, once it answers."""
    command = [sys.executable, "-m", "celery", "-A", f"tests.benchmarks.{module}", "worker", "-l", "ERROR"]
    with _running([*command, "--without-gossip", "--without-mingle", *options], environment) as pid:
        time.sleep(5)
        yield pid


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        command, env=dict(environment), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
