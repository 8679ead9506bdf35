"""Who watches while Redis, beat or worker-upkeep is down, and what is reported while Postgres is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

import tasks.watch
from integration.local.servers import Postgres
from integration.settings import Settings
from tasks.runtime import Runtime
from tasks.watch import StandIn
from tests.alerts.conftest import Watched
from tests.alerts.inbox import Hook

ROOT = Path(__file__).parents[2]


def unasked(fleet: Watched, seconds: float) -> None:
    """Nobody has asked for the watch for so long."""
    fleet.road.run("update watch set asked_at = now() - make_interval(secs => %(seconds)s)", {"seconds": seconds})


def standing_in(runtime: Runtime) -> StandIn:
    """A stand-in that has begun to expect the others."""
    stand_in = StandIn(runtime)
    stand_in.look()
    return stand_in


@contextmanager
def no_redis(fleet: Watched) -> Iterator[None]:
    """Where Redis should be nobody listens."""
    settings = fleet.runtime.settings
    for url in ("redis://127.0.0.1:1/0", settings.redis_url):
        fleet.runtime.settings = replace(settings, redis_url=url)
        fleet.runtime.__dict__.pop("redis", None)
        fleet.runtime.__dict__.pop("throttles", None)
        if url != settings.redis_url:
            yield


@contextmanager
def no_postgres(postgres: Postgres, fleet: Watched) -> Iterator[None]:
    """Postgres ends the connections to the fleet's database and lets nobody in."""
    name = fleet.runtime.settings.database_url.rpartition("/")[2]
    server = psycopg2.connect(postgres.url)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"alter database {name} allow_connections false")
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        try:
            yield
        finally:
            cursor.execute(f"alter database {name} allow_connections true")
            server.close()


def test_it_leaves_the_watch_to_those_who_are_asked(fleet: Watched) -> None:
    stand_in = standing_in(fleet.runtime)
    fleet.pause()
    unasked(fleet, 25)
    stand_in.look()
    assert fleet.hook.notices == [], "beat may be late"
    fleet.hook.status = 500
    fleet.look()
    fleet.hook.status = 200
    fleet.road.run("update notices set due_at = now()")
    stand_in.look()
    assert fleet.hook.notices == []


def test_what_was_before_the_fleet_was_started_does_not_count(fleet: Watched) -> None:
    fleet.pause()
    unasked(fleet, 3600)
    standing_in(fleet.runtime).look()
    assert fleet.hook.notices == []


def test_it_reports_what_is_wrong_when_nobody_asks_for_the_watch(fleet: Watched) -> None:
    stand_in = standing_in(fleet.runtime)
    fleet.pause()
    unasked(fleet, 31)
    stand_in.look()
    assert fleet.hook.titles == ["clarity-fleet: credentials refused: odoo-1"]
    unasked(fleet, 61)
    stand_in.look()
    assert fleet.hook.titles[1:] == ["clarity-fleet: beat or worker-upkeep is down: fleet"]
    fleet.later(61)
    assert fleet.hook.titles[2:] == ["clarity-fleet: resolved: beat or worker-upkeep is down: fleet"]


def test_an_outage_of_redis_is_reported_and_nothing_else_is_blamed(fleet: Watched) -> None:
    stand_in = standing_in(fleet.runtime)
    with no_redis(fleet):
        for seconds in (31, 36, 61, 300):
            unasked(fleet, seconds)
            stand_in.look()
        assert fleet.hook.titles == ["clarity-fleet: Redis does not answer: fleet"]
        assert "It does not answer (ConnectionError)." in fleet.hook.notices[0]["message"]
    stand_in.look()
    fleet.later(61)
    assert fleet.hook.titles[1:] == ["clarity-fleet: resolved: Redis does not answer: fleet"]


def test_beat_that_does_not_come_back_with_redis_is_reported(fleet: Watched) -> None:
    stand_in = standing_in(fleet.runtime)
    with no_redis(fleet):
        unasked(fleet, 40)
        stand_in.look()
    unasked(fleet, 120)
    fleet.road.run("update alerts set seen_at = seen_at - interval '61 seconds'")
    for _ in range(2):
        stand_in.look()
    assert [title.split(": ", 1)[1] for title in fleet.hook.titles] == [
        "Redis does not answer: fleet",
        "resolved: Redis does not answer: fleet",
        "beat or worker-upkeep is down: fleet",
    ]


def test_two_dispatchers_report_once(fleet: Watched, environment: dict[str, str]) -> None:
    processes = [Runtime(Settings.load(environment)) for _ in range(4)]
    dispatchers = [standing_in(runtime) for runtime in processes]
    fleet.pause()
    unasked(fleet, 31)
    fleet.hook.seconds = 0.3
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(dispatcher.look) for dispatcher in dispatchers]:
            each.result()
    assert len(fleet.hook.notices) == 1
    for dispatcher in dispatchers:
        dispatcher.look()
    assert len(fleet.hook.notices) == 1
    for runtime in processes:
        runtime.database.close()


def test_an_outage_of_postgres_is_reported_once_and_so_is_its_end(
    fleet: Watched, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Hook()
    fleet.set(urls=(fleet.hook.url, other.url))
    stand_in = standing_in(fleet.runtime)
    with no_postgres(postgres, fleet):
        stand_in.look()
        assert fleet.hook.notices == [], "a restart is no news"
        monkeypatch.setattr(tasks.watch, "AWAY_FOR", 0.0)
        other.status = 500
        stand_in.look()
        other.status = 200
        stand_in.look()
        stand_in.look()
        assert fleet.hook.titles == other.titles == ["clarity-fleet: Postgres does not answer"]
    unasked(fleet, 61)
    for _ in range(2):
        stand_in.look()
    assert fleet.hook.titles[1:] == other.titles[1:] == ["clarity-fleet: resolved: Postgres does not answer"]
    other.close()


def test_a_dispatcher_does_it_without_redis(fleet: Watched, environment: dict[str, str]) -> None:
    fleet.pause()
    unasked(fleet, 3600)
    without = {**environment, "PATH": os.environ["PATH"], "REDIS_URL": "redis://127.0.0.1:1/0"}
    dispatcher = subprocess.Popen([sys.executable, "-m", "tasks.dispatcher"], env=without, cwd=ROOT)
    try:
        wait_until(fleet, "select asked_at > now() - interval '1 minute' from watch")
        assert fleet.hook.notices == [], "the others may be starting, too"
        unasked(fleet, 31)
        wait_until(fleet, "select count(*) = 1 from notices where sent_at is not null")
        assert fleet.hook.titles == [
            "clarity-fleet: 2 alerts - Redis does not answer: fleet; credentials refused: odoo-1"
        ]
    finally:
        dispatcher.terminate()
        assert dispatcher.wait(20) == 0


def wait_until(fleet: Watched, sql: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not fleet.road.value(sql):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
