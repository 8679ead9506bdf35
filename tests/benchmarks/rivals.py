"""What the fleet is measured against, on the same machine and the same target."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import redis
import requests
from rich.console import Console

from tests.benchmarks.load import order_of, send
from tests.benchmarks.measure import cpu_seconds, percentile, pss_mib, tree
from tests.benchmarks.report import Result
from tests.benchmarks.targets import Target, doubled
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
QUEUE = "celery"
NO_OPS = 5000
INSERTS = 3000
PATIENCE = 120.0


def naive(environment: Mapping[str, str], target: Target, orders: int, console: Console) -> Result:
    """The naive way with the same orders on the same target."""
    with console.status(f"naive Celery ({target.name})"):
        return _naive(environment, target, orders)


def floors(environment: Mapping[str, str], console: Console) -> list[Result]:
    """A Celery task that does nothing, and a Flask route with an insert."""
    with console.status("raw Celery"):
        raw = _no_ops(environment)
    with console.status("Flask and an insert"):
        return [raw, _insert(environment)]


def _naive(environment: Mapping[str, str], target: Target, count: int) -> Result:
    own = _own(environment, 5)
    broker = redis.Redis.from_url(own["REDIS_URL"])
    with _web("naive", own) as (url, web), _worker("naive", own, "-P", "prefork", "-c", "4") as worker:
        idle = pss_mib(tree(web, worker))
        for run, number in (("warm", 50), ("run", count)):
            placed = target.orders(number, f"naive-{run}")
            before = cpu_seconds(tree(web, worker))
            began = time.monotonic()
            sent = send(url, "whsec_" + "A" * 32, placed, f"naive-{run}")
            _drained(broker)
            seconds = time.monotonic() - began
        cpu = cpu_seconds(tree(web, worker)) - before
    arrived = {id for id in target.pushed() if id.startswith("naive-run-")}
    return Result(
        "naive Celery",
        target.name,
        accepted=count / sent.seconds,
        orders=count / seconds,
        answer_p99=percentile(sent.answers, 0.99),
        cpu=cpu / count,
        pss=idle,
        lost=count - len(arrived),
        doubled=doubled(target, "naive-run"),
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
            except (requests.ConnectionError, requests.Timeout):
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
