"""`fleet targets ls`: every state a target can be in, with Redis and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from integration.cli import main
from integration.embedded import Valkey
from integration.store import cursors, installations
from integration.store.database import Database
from integration.throttle import Throttle
from tests.store.road import Road

ADDRESS = "http://127.0.0.1:1"

Targets = Callable[..., Result]


@pytest.fixture
def limits(valkey: Valkey) -> redis.Redis:
    client = redis.Redis.from_url(f"{valkey.url.rpartition('/')[0]}/6")
    client.flushdb()
    return client


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


@pytest.fixture
def targets(database_url: str, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Targets:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/6",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLEET_HOME": str(tmp_path_factory.mktemp("home")),
        "CLARITY_URL": ADDRESS,
        "ODOO_URL": ADDRESS,
        "COLUMNS": "9999",
    }
    return lambda *arguments, **changes: CliRunner(env=environment | changes).invoke(
        main, ["targets", "ls", *arguments]
    )


def by_name(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return {row["name"] or row["kind"]: row for row in json.loads(result.output)}


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
    assert (row["rate"], row["concurrency"]) == ({"configured": 10.0, "now": 10.0}, {"configured": 4, "taken": 1})


def test_a_paused_target_says_by_whom_why_and_what_to_do(targets: Targets, road: Road, limits: redis.Redis) -> None:
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "Odoo does not accept the API key", "Make another.")
    shown = targets()
    assert cells(shown, "odoo-1")[2] == "paused"
    assert "odoo-1: paused by fleet: Odoo does not accept the API key\n  fix: Make another.\n" in shown.output
    row = by_name(targets("--json"))["odoo-1"]
    assert (row["state"], row["paused_by"], row["hint"]) == ("paused", "fleet", "Make another.")
    assert row["paused_at"]


def test_an_open_breaker_and_a_target_that_slows_us_down(targets: Targets, road: Road, limits: redis.Redis) -> None:
    for _ in range(5):
        throttle(limits).tell("bad", "somebody")
    throttle(limits, "clarity-1").tell("slow", "somebody", 30.0)
    rows = by_name(targets("--json"))
    assert (rows["odoo-1"]["state"], rows["odoo-1"]["breaker"]) == ("breaker open", "open")
    assert rows["odoo-1"]["reason"].startswith("too many calls failed: none for ")
    assert rows["clarity-1"]["state"] == "throttled"
    assert "asked everybody to wait 30 s" in rows["clarity-1"]["reason"]

    limits.flushdb()
    throttle(limits, "clarity-1").tell("slow", "somebody", 0.001)
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
    secret = {"ODOO_URL": "http://anna:hunter2@127.0.0.1:2/odoo?key=hunter2"}
    for result in (targets(**secret), targets("--json", **secret)):
        assert result.exit_code == 0
        assert "http://127.0.0.1:2/odoo" in result.output
        assert "hunter2" not in result.output


def test_nothing_configured(targets: Targets) -> None:
    assert targets(CLARITY_URL="", ODOO_URL="").output == "No system is configured.\n"
