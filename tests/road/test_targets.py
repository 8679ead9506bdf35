"""A target is respected: what an operator decides holds for the whole fleet; an outage costs one attempt at most."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

import tasks.runtime
from integration.cli import main
from integration.store import installations
from tasks import upkeep
from tasks.dispatcher import Dispatcher
from tasks.runtime import Runtime
from tests.road.world import World

Targets = Callable[..., Any]


@pytest.fixture
def targets(road: World) -> Iterator[Targets]:
    """`fleet targets` on the world; at the end everything is as it was."""
    runner = CliRunner(env={**road.fleet.environment, "FLEET_USER": "jane", "COLUMNS": "9999"})

    def run(*arguments: str) -> str:
        result = runner.invoke(main, ["targets", *arguments])
        assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
        return result.stdout

    yield run
    run("limit", "odoo", "--reset")
    run("resume", "odoo")


def now(targets: Targets) -> dict[str, Any]:
    return next(row for row in json.loads(targets("ls", "--json"))["rows"] if row["name"] == "odoo-1")


def calls(road: World) -> int:
    """How many calls have reached Odoo since the counting began."""
    return sum(each["hits"] for each in road.control("GET", "faults") if each["kind"] == "latency")


def count_calls(road: World) -> None:
    road.fault("odoo", "latency", ms=0)


def say(road: World, ids: list[str]) -> list[list[str]]:
    return [road.all(id) for id in ids]


def attempts(road: World, ids: list[str]) -> list[int]:
    return [row["attempts"] for id in ids for row in road.deliveries(id)]


def test_a_paused_target_is_not_called_and_what_is_for_it_waits(road: World, targets: Targets) -> None:
    count_calls(road)
    before = road.generate(5, "shared")
    targets("pause", "odoo", "--reason", "upgrade")
    time.sleep(1)  # for the answers that are on their way
    called = calls(road)
    ids = before + road.generate(3, "shared")
    road.until(lambda: all("fusion-1 enrich done" in road.states(id) for id in ids), 30, lambda: say(road, ids))
    time.sleep(3)  # polls are due twice in that time, hops all the time
    assert calls(road) == called
    row = now(targets)
    assert (row["state"], row["paused_user"], row["pause_reason"]) == ("paused", "jane", "upgrade")
    assert {(poll["resting"], poll["failures"]) for poll in row["polls"]} == {(True, 0)}
    assert "done" not in {row["state"] for id in ids[5:] for row in road.at("odoo", id)}
    targets("resume", "odoo")
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)
    assert set(attempts(road, ids)) == {0}


def test_a_limit_holds_at_once_even_when_redis_is_wiped(road: World, targets: Targets) -> None:
    count_calls(road)
    targets("limit", "odoo", "2/s")
    ids = road.generate(6)
    road.until(lambda: calls(road) > 2, 20)
    began, called = time.monotonic(), calls(road)
    time.sleep(4)
    road.redis.flushall()
    time.sleep(4)
    passed = calls(road) - called
    assert passed <= 2 * (time.monotonic() - began) + 6, "twice a second; some more at the moment of the wipe"
    assert passed >= 8
    row = now(targets)
    assert (row["rate"]["set"], row["rate"]["now"]) == (2, 2)
    assert row["rate"]["configured"] > 100
    targets("limit", "odoo", "--reset")
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)


def test_an_outage_costs_no_delivery_more_than_one_attempt(road: World) -> None:
    road.fault("odoo", "502_html", duration=12)
    ids = road.generate(15)
    road.until(lambda: all(len(road.at("odoo", id)) > 0 for id in ids), 60)
    road.finished(*ids, seconds=90)
    road.exactly_once(ids)
    assert max(attempts(road, ids)) <= 1


@pytest.fixture
def own(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """One process, which the tasks find; its Redis is empty."""
    monkeypatch.setattr(tasks.runtime, "_runtime", runtime)
    monkeypatch.setattr(tasks.runtime, "_owner", os.getpid())
    runtime.redis.flushdb()
    yield runtime
    runtime.redis.flushdb()


def test_the_dispatcher_brings_what_is_decided_to_redis_again_and_again(own: Runtime) -> None:
    dispatcher, odoo = Dispatcher(own), own.installations["odoo"].id
    dispatcher.tick()
    assert own.throttles["odoo"].state().cap == 10
    with own.database.transaction() as tx:
        installations.limit(tx, odoo, "jane", rate=5.0)
        installations.pause(tx, odoo, "upgrade", None, who="jane")
    time.sleep(1.1)
    dispatcher.tick()
    state = own.throttles["odoo"].state()
    assert (state.cap, state.paused, own.throttles["clarity"].state().cap) == (5, True, 20)
    own.redis.flushdb()
    dispatcher.tick()
    state = own.throttles["odoo"].state()
    assert (state.cap, state.paused) == (5, True)


class Answering:
    """A system that knows us, and how often it was asked."""

    asked = 0

    def whoami(self) -> str:
        self.asked += 1
        return "fleet"


@pytest.mark.parametrize(("who", "remains"), [(None, None), ("jane", "operator")])
def test_upkeep_resumes_what_the_fleet_has_paused_and_leaves_the_rest(
    own: Runtime, who: str | None, remains: str | None
) -> None:
    own._connectors["odoo"] = system = Answering()  # type: ignore[assignment]
    with own.database.transaction() as tx:
        installations.pause(tx, own.installations["odoo"].id, "wrong key", None)
        if who:
            installations.pause(tx, own.installations["odoo"].id, "upgrade", None, who=who)
    upkeep.probe_paused.apply(throw=True)
    assert system.asked == (0 if who else 1)
    with own.database.transaction() as tx:
        assert tx.value("select paused_by from installations where kind = 'odoo'") == remains
