"""`fleet targets`: every state a target can be in, with Redis and without, and what an operator decides about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from integration.cli import main
from integration.local.servers import Valkey
from integration.store import cursors, installations
from integration.store.database import Database
from integration.throttle import Throttle
from tests.store.road import Road

ADDRESS = "http://127.0.0.1:1"
SINCE = r"odoo-1: paused by {} since 20\d\d-\d\d-\d\d \d\d:\d\d UTC: "

Fleet = Targets = Callable[..., Result]


@pytest.fixture
def limits(valkey: Valkey) -> redis.Redis:
    client = redis.Redis.from_url(f"{valkey.url.rpartition('/')[0]}/6")
    client.flushdb()
    return client


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


@pytest.fixture
def fleet(database_url: str, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/6",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLEET_HOME": str(tmp_path_factory.mktemp("home")),
        "FLEET_USER": "anna",
        "CLARITY_URL": ADDRESS,
        "ODOO_URL": ADDRESS,
        "COLUMNS": "9999",
    }
    return lambda *arguments, **changes: CliRunner(env=environment | changes).invoke(main, arguments)


@pytest.fixture
def targets(fleet: Fleet) -> Targets:
    return lambda *arguments, **changes: fleet("targets", "ls", *arguments, **changes)


def by_name(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return {row["name"] or row["kind"]: row for row in json.loads(result.output)["rows"]}


def cells(result: Result, name: str) -> list[str]:
    assert result.exit_code == 0, result.output
    return next(line.split() for line in result.output.splitlines() if line.startswith(f"{name} "))


def throttle(limits: redis.Redis, name: str = "odoo-1") -> Throttle:
    return Throttle(limits, name, 10.0, 4)


def test_a_target_that_may_be_called(targets: Targets, road: Road, limits: redis.Redis) -> None:
    road.delivery("evt-1")
    with throttle(limits).admit():
        assert cells(targets(), "odoo-1") == ["odoo-1", ADDRESS, "ok", "10/s", "1", "of", "4", "1"]
        row = by_name(targets("--json"))["odoo-1"]
    assert (row["state"], row["configured"], row["open"], row["limiter"]) == ("ok", True, 1, "ok")
    assert row["rate"] == {"configured": 10.0, "set": None, "now": 10.0}
    assert row["concurrency"] == {"configured": 4, "set": None, "taken": 1}


def test_a_paused_target_says_by_whom_why_and_what_to_do(targets: Targets, road: Road, limits: redis.Redis) -> None:
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "Odoo does not accept the API key", "Make another.")
    shown = targets()
    assert cells(shown, "odoo-1")[2] == "paused"
    assert re.search(
        SINCE.format("the fleet") + r"Odoo does not accept the API key\n  fix: Make another\.", shown.output
    )
    row = by_name(targets("--json"))["odoo-1"]
    assert (row["state"], row["paused_by"], row["hint"]) == ("paused", "fleet", "Make another.")
    assert row["paused_at"]


def test_an_open_breaker_and_a_target_that_slows_us_down(targets: Targets, road: Road, limits: redis.Redis) -> None:
    for _ in range(5):
        throttle(limits).report("bad", "somebody")
    throttle(limits, "clarity-1").report("slow", "somebody", pause=30.0)
    rows = by_name(targets("--json"))
    assert (rows["odoo-1"]["state"], rows["odoo-1"]["breaker"]) == ("breaker open", "open")
    assert rows["odoo-1"]["reason"].startswith("too many calls failed: no call for ")
    assert rows["clarity-1"]["state"] == "throttled"
    assert "asked for a pause of 30 s" in rows["clarity-1"]["reason"]

    limits.flushdb()
    throttle(limits, "clarity-1").report("slow", "somebody", pause=0.001)
    slowed = by_name(targets("--json"))["clarity-1"]
    assert slowed["state"] == "throttled"
    assert slowed["rate"]["now"] < slowed["rate"]["configured"] == 20.0
    assert "of 20/s" in " ".join(cells(targets(), "clarity-1"))


def test_without_redis_it_answers_all_the_same(targets: Targets, road: Road) -> None:
    road.delivery("evt-1")
    away = {"REDIS_URL": "redis://127.0.0.1:9"}
    shown = targets(**away)
    assert cells(shown, "odoo-1") == ["odoo-1", ADDRESS, "ok", "10/s", "?", "of", "4", "1"]
    assert "unknown: Redis cannot be reached" in shown.output
    row = by_name(targets("--json", **away))["odoo-1"]
    assert (row["limiter"], row["rate"]["now"]) == ("unknown: Redis cannot be reached", None)


def test_what_is_not_configured_is_listed_while_something_waits_for_it(
    targets: Targets, road: Road, limits: redis.Redis
) -> None:
    elsewhere = {"ODOO_URL": "http://127.0.0.1:2"}
    rows = by_name(targets("--json", **elsewhere))
    assert list(rows) == ["clarity-1", "odoo"]
    assert (rows["odoo"]["state"], rows["odoo"]["name"]) == ("new", None)

    road.delivery("evt-1")
    row = by_name(targets("--json", **elsewhere))["odoo-1"]
    assert (row["configured"], row["state"], row["open"]) == (False, "not configured", 1)
    assert row["reason"] == "1 deliveries wait until ODOO_URL is this URL again"


def test_polls_with_their_age_and_their_failure(targets: Targets, road: Road, limits: redis.Redis) -> None:
    with road.database.transaction() as tx:
        cursors.ensure(tx, road.odoo.id, ("pickings", "invoices"))
        tx.run("update cursors set polled_at = now() - interval '3 minutes' where stream = 'pickings'")
        tx.run("update cursors set due_at = 'epoch' where stream = 'invoices'")
        cursor = cursors.take(tx, road.odoo.id)
        assert cursor
        assert cursor.stream == "invoices"
        cursors.fail(tx, cursor, "misconfigured", "invoices cannot be read", "Give the right.")
    shown = targets().output
    polls = shown.split("Polls\n")[1].splitlines()
    assert polls[0].split() == ["target", "stream", "polled", "at", "read", "up", "to", "next", "result"]
    assert polls[1].split()[:2] + polls[1].split()[-1:] == ["odoo-1", "invoices", "failed"]
    assert "3 min ago" in polls[2]
    assert polls[2].endswith("ok    ")
    assert "odoo-1 invoices: invoices cannot be read\n  fix: Give the right.\n" in shown
    pickings, invoices = sorted(by_name(targets("--json"))["odoo-1"]["polls"], key=lambda poll: str(poll["reason"]))
    assert (pickings["stream"], pickings["failures"], invoices["failures"]) == ("pickings", 0, 1)
    assert (invoices["code"], invoices["hint"]) == ("misconfigured", "Give the right.")


def test_no_credentials_are_shown(targets: Targets, road: Road, limits: redis.Redis) -> None:
    secret = {"ODOO_URL": "http://anna:hunter2@127.0.0.1:2/odoo"}
    for result in (targets(**secret), targets("--json", **secret)):
        assert result.exit_code == 0
        assert "http://127.0.0.1:2/odoo" in result.output
        assert "hunter2" not in result.output


def test_nothing_configured(targets: Targets) -> None:
    assert targets(CLARITY_URL="", ODOO_URL="").output == "No system is configured.\n"


def decided(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def audited(fleet: Fleet) -> list[tuple[str, str, dict[str, Any]]]:
    rows = json.loads(fleet("audit", "ls", "--json").stdout)["rows"]
    return [(row["who"], row["action"], row["detail"]) for row in reversed(rows)]


def test_limits_set_by_hand_hold_at_once_and_are_shown_beside_those_of_the_settings(
    fleet: Fleet, targets: Targets, road: Road, limits: redis.Redis
) -> None:
    assert decided(fleet("targets", "limit", "odoo", "90/min")) == "odoo-1 is limited: `fleet targets ls`.\n"
    decided(fleet("targets", "limit", "odoo-1", "--concurrency", "2", "--breaker", "off"))
    state = throttle(limits).state()
    assert (state.rate, state.cap, state.concurrency) == (1.5, 1.5, 2)
    shown = targets()
    assert " ".join(cells(shown, "odoo-1")[2:]) == "ok 1.5/s (settings: 10/s) 0 of 2 (settings: 4) 0"
    assert "odoo-1: the breaker is switched off by hand" in shown.stdout
    assert "fix: `fleet targets limit odoo-1 --breaker on`" in shown.stdout
    row = by_name(targets("--json"))["odoo-1"]
    assert row["rate"] == {"configured": 10.0, "set": 1.5, "now": 1.5}
    assert (row["concurrency"], row["breaker"]) == ({"configured": 4, "set": 2, "taken": 0}, "off")

    assert decided(fleet("targets", "limit", "odoo", "--reset")) == "odoo-1 has the limits of its settings.\n"
    state = throttle(limits).state()
    assert (state.cap, state.concurrency) == (10, 4)
    assert cells(targets(), "odoo-1")[2:] == ["ok", "10/s", "0", "of", "4", "0"]
    assert audited(fleet) == [
        ("anna", "limit", {"target": "odoo-1", "rate": 1.5}),
        ("anna", "limit", {"target": "odoo-1", "breaker": False, "concurrency": 2}),
        ("anna", "limit", {"target": "odoo-1", "reset": True}),
    ]


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ("0", "pause it instead, `fleet targets pause NAME`"),
        ("0.0/min", "pause it instead"),
        ("fast", "'fast' is not a rate such as 5/s or 300/min"),
        ("5/h", "is not a rate"),
        ("nan", "is not a rate"),
        ("1e9", "is not a rate"),
        ("\u0665/s", "is not a rate"),
        ("", "is not a rate"),
        ("9999999/s", "faster than"),
    ],
)
def test_what_is_no_rate(fleet: Fleet, road: Road, rate: str, said: str) -> None:
    result = fleet("targets", "limit", "odoo", rate)
    assert result.exit_code == 2
    assert said in result.stderr
    assert audited(fleet) == []


@pytest.mark.parametrize("arguments", [(), ("5/s", "--reset"), ("--concurrency", "0"), ("--breaker", "maybe")])
def test_limits_that_say_nothing_or_too_much(fleet: Fleet, road: Road, arguments: tuple[str, ...]) -> None:
    assert fleet("targets", "limit", "odoo", *arguments).exit_code == 2


@pytest.mark.parametrize("command", [("limit", "fusion", "5/s"), ("pause", "fusion"), ("resume", "odoo-2")])
def test_an_unknown_target(fleet: Fleet, road: Road, command: tuple[str, ...]) -> None:
    result = fleet("targets", *command)
    assert result.exit_code == 1
    assert result.stderr == f"error: there is no target {command[1]}\nfix: Targets are: clarity-1, odoo-1.\n"


def test_a_kind_is_the_installation_that_is_configured_now(fleet: Fleet, road: Road) -> None:
    elsewhere = {"ODOO_URL": "http://127.0.0.1:2"}
    assert "there is no target odoo" in fleet("targets", "pause", "odoo", **elsewhere).stderr
    assert fleet("targets", "pause", "odoo-1", **elsewhere).exit_code == 0, "one of the past may be meant by its name"


def test_what_a_person_pauses_is_paused_until_a_person_resumes_it(
    fleet: Fleet, targets: Targets, road: Road, limits: redis.Redis
) -> None:
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "wrong key", "Make another.")
        cursors.ensure(tx, road.odoo.id, ("pickings",))
        tx.run("update cursors set failures = 3, reason = 'wrong key'")
    decided(fleet("targets", "pause", "odoo", "--reason", "upgrade"))
    assert throttle(limits).state().paused
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "wrong key", "Make another.")
        assert not installations.resume(tx, road.odoo.id), "the fleet resumes what it has paused itself, and no more"
    shown = targets().stdout
    assert re.search(SINCE.format("anna") + r"upgrade\n  fix: `fleet targets resume odoo-1` resumes it\.", shown)
    assert "odoo-1 pickings" not in shown, "it does not fail, it rests"
    assert shown.split("Polls\n")[1].splitlines()[1].split()[-2:] == ["-", "resting"]
    row = by_name(targets("--json"))["odoo-1"]
    assert (row["state"], row["paused_by"], row["paused_user"], row["pause_reason"]) == (
        "paused", "operator", "anna", "upgrade",
    )  # fmt: skip
    assert row["polls"][0]["resting"]

    assert decided(fleet("targets", "resume", "odoo")) == "odoo-1 goes on.\n"
    assert not throttle(limits).state().paused
    assert by_name(targets("--json"))["odoo-1"]["state"] == "ok"
    assert decided(fleet("targets", "resume", "odoo")) == "odoo-1 is not paused.\n"
    assert audited(fleet) == [
        ("anna", "pause", {"target": "odoo-1", "reason": "upgrade"}),
        ("anna", "resume", {"target": "odoo-1"}),
    ]


def test_what_the_fleet_has_paused_may_be_resumed_by_hand(fleet: Fleet, road: Road, limits: redis.Redis) -> None:
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "wrong key", "Make another.")
    assert decided(fleet("targets", "resume", "odoo")) == "odoo-1 goes on.\n"


def test_what_is_decided_without_redis_is_stored(fleet: Fleet, targets: Targets, road: Road) -> None:
    away = {"REDIS_URL": "redis://127.0.0.1:9"}
    result = fleet("targets", "limit", "odoo", "5", **away)
    assert (result.exit_code, result.stderr) == (
        0,
        "Redis cannot be reached: the decision is stored, and holds as soon as Redis returns.\n",
    )
    assert " ".join(cells(targets(**away), "odoo-1")[3:6]) == "5/s (settings: 10/s)"
