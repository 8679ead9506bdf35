"""What the fleet depends on: Postgres and Valkey stopped, emptied, frozen, full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2

from tests.faults.trial import Trial, fault

FULL = "262144"
"""Bytes beyond which no file of Postgres may be written while its disk is full."""
FROZEN = 30.0
HELD = 6.0
OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> all (%s)"
)


@fault(short=True)
def valkey_emptied(trial: Trial) -> None:
    """FLUSHALL, four times at random moments: every nudge, limit and breaker is gone."""
    with trial.traffic():
        for _ in range(4):
            trial.moment(1.0)
            trial.world.redis.flushall()


@fault(short=True)
def postgres_stopped_at_once(trial: Trial) -> None:
    """An immediate shutdown: no transaction ends, no client is notified; the supervisor starts it again."""
    with trial.traffic():
        trial.moment()
        trial.world.restart("postgres", signal.SIGQUIT)
        trial.moment()


@fault()
def valkey_comes_back_empty(trial: Trial) -> None:
    """It dies, and its file is lost."""
    with trial.traffic():
        trial.moment()
        trial.world.kill("valkey", signal.SIGSTOP)
        shutil.rmtree(trial.world.fleet.home / "valkey" / "appendonlydir")
        trial.world.restart("valkey")
        trial.moment()


@fault()
def valkey_frozen(trial: Trial) -> None:
    """It takes connections and answers nobody; webhooks are accepted all the while."""
    orders = trial.withheld(1)
    with trial.traffic():
        trial.moment()
        with trial.world.frozen("valkey"):
            order = trial.world.order(orders[0])
            event = {"id": f"evt_{order['id']}_frozen", "type": "order.created", "timestamp": order["updatedDate"]}
            assert trial.world.send({**event, "data": order}).status_code == 202
            time.sleep(FROZEN)


@fault()
def valkey_hangs_up(trial: Trial) -> None:
    """Every client is disconnected, five times."""
    with trial.traffic():
        for _ in range(5):
            trial.moment(1.0)
            trial.world.redis.client_kill_filter(_type="normal", skipme=True)
            trial.world.redis.client_kill_filter(_type="pubsub", skipme=True)


@fault()
def valkey_out_of_memory(trial: Trial) -> None:
    """It refuses every write."""
    with trial.traffic():
        trial.moment()
        trial.world.redis.config_set("maxmemory", "1")
        trial.moment(HELD)
        trial.world.redis.config_set("maxmemory", "0")


@fault()
def postgres_killed(trial: Trial) -> None:
    """Its postmaster dies, and what it leaves behind is cleared away."""
    with trial.traffic():
        trial.moment()
        trial.world.restart("postgres")
        trial.moment()


@fault()
def postgres_hangs_up(trial: Trial) -> None:
    """Every connection ends in the midst of whatever it was doing, three times."""
    with trial.traffic():
        for _ in range(3):
            trial.moment(1.0)
            _hang_up(_connect(trial))


@fault()
def postgres_frozen(trial: Trial) -> None:
    """Its backends freeze for a while, with their connections open."""
    with trial.traffic():
        trial.moment()
        _signal(trial, signal.SIGSTOP)
        try:
            time.sleep(HELD)
        finally:
            _signal(trial, signal.SIGCONT)


@fault()
def no_connection_left(trial: Trial) -> None:
    """Somebody else takes every connection that Postgres allows, those of the fleet among them."""
    with trial.traffic():
        trial.moment()
        taken = [_connect(trial)]
        for _ in range(3):
            with suppress(psycopg2.OperationalError):
                while True:
                    taken.append(_connect(trial))
            _hang_up(taken[0], *taken[1:])
        time.sleep(HELD)
        for connection in taken:
            connection.close()


@fault()
def disk_full(trial: Trial) -> None:
    """Postgres can write no file beyond some size, its own log of changes among them, and gives up."""
    with trial.traffic():
        trial.moment()
        _limit(trial, FULL)
        time.sleep(HELD)
        assert "File too large" in (trial.world.fleet.home / "log" / "postgres.log").read_text(), "it was never full"
        _limit(trial, "unlimited")


def _connect(trial: Trial) -> psycopg2.extensions.connection:
    connection = psycopg2.connect(trial.world.settings.database_url, connect_timeout=5)
    connection.autocommit = True
    return connection


def _hang_up(*ours: psycopg2.extensions.connection) -> None:
    """Ends the connections of everybody else."""
    with ours[0].cursor() as cursor:
        cursor.execute(OTHERS, ([each.info.backend_pid for each in ours],))


def _family(trial: Trial) -> Iterator[int]:
    """The postmaster, and then the children that it has by now."""
    postmaster = trial.world.pid("postgres")
    yield postmaster
    yield from map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())


def _signal(trial: Trial, number: signal.Signals) -> None:
    for pid in _family(trial):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _limit(trial: Trial, size: str) -> None:
    """How far into a file Postgres may write, in bytes.  Nobody but its own user is sure to be allowed to say so."""
    with suppress(FileNotFoundError):  # it has given up, and the one that is started next has no limit
        for pid in _family(trial):
            owner = Path(f"/proc/{pid}").stat()
            as_owner: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
            command = ["prlimit", f"--pid={pid}", f"--fsize={size}:"]
            subprocess.run(command, check=False, capture_output=True, **as_owner if os.geteuid() == 0 else {})
