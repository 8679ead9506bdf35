"""`fleet poll` as a process of its own, on a Postgres and a Valkey of the tests, against the sandbox's pod."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from integration.cli.test import isolated
from integration.local.servers import Valkey
from integration.settings import Settings, variables
from integration.store import cursors, installations
from integration.store.cursors import Cursor
from integration.store.database import Database
from integration.store.installations import Installation
from tests.connectors.fusion_targets import Pod, Shop, pod
from tests.warm import Warm

COMMAND = ["integration.cli", "poll"]
STREAMS = ["orders", "open_orders", "invoices", "customers", "products"]

Poll = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with pod(tmp_path_factory.mktemp("fusion")) as started:
        yield started


@pytest.fixture
def shop(running: Pod) -> Shop:
    running.fake.reset()
    return Shop(running)


@pytest.fixture
def environment(running: Pod, database_url: str, valkey: Valkey, tmp_path: Path) -> dict[str, str]:
    options = {f"FUSION_{name.upper()}": value for name, value in running.system.options.items()}
    return isolated(variables(), str(tmp_path)) | {
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/5",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "CLARITY_URL": "http://127.0.0.1:1",
        **{f"CLARITY_{name}": "http://127.0.0.1:1" for name in ("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET")},
        "FUSION_URL": running.system.url,
        "FUSION_RATE": "500",
        **options,
    }


@pytest.fixture
def poll(environment: dict[str, str], programs: Warm) -> Poll:
    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return programs.run(*COMMAND, *arguments, environment=environment | changes)

    return run


@pytest.fixture
def fusion(environment: dict[str, str], database: Database) -> Installation:
    """The pod as an installation that the fleet knows, with its cursors."""
    with database.transaction() as tx:
        found = installations.register(tx, Settings.load(environment).systems.values())["fusion"]
        cursors.ensure(tx, found.id, tuple(STREAMS))
    return found


def streams(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {each["stream"]: each for each in json.loads(done.stdout)["rows"]}


def test_it_reads_what_is_there_and_takes_it_in_once(poll: Poll, shop: Shop, database: Database) -> None:
    shop.send(shop.two_lines())
    first = poll("fusion", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["target"] == "fusion-1"
    read = streams(first)
    assert list(read) == STREAMS
    assert (read["orders"]["read"], read["orders"]["new"], read["orders"]["by"]) == (1, 1, "this command")

    again = poll("fusion")
    assert again.returncode == 0, again.stderr
    lines = [line.split() for line in again.stdout.splitlines()]
    assert lines == [
        ["stream", "read", "new", "result"],
        ["orders", "1", "0", "ok"],
        ["open_orders", "0", "0", "ok"],
        ["invoices", "0", "0", "ok"],
        ["customers", "0", "0", "ok"],
        ["products", "0", "0", "ok"],
    ]
    assert again.stderr == ""
    with database.transaction() as tx:
        assert tx.value("select count(*) from messages") == 1


def test_since_sets_the_mark_back_and_takes_nothing_in_twice(
    poll: Poll, shop: Shop, fusion: Installation, database: Database
) -> None:
    shop.send(shop.two_lines())
    assert streams(poll("fusion", "--json"))["orders"]["new"] == 1
    with database.transaction() as tx:
        tx.run("update cursors set since = now() + interval '1 hour', swept_at = now()")
    assert streams(poll("fusion", "--json"))["orders"]["read"] == 0

    since = json.loads(poll("fusion", "--since", "2026-01-02", "--json").stdout)
    assert since["since"] == "2026-01-02T00:00:00+00:00"
    orders = next(each for each in since["rows"] if each["stream"] == "orders")
    assert (orders["read"], orders["new"], orders["reason"]) == (1, 0, None)


def test_a_mark_is_set_back_and_never_forward(fusion: Installation, database: Database) -> None:
    """A run that failed halfway begins anew: it would go on behind the mark."""
    halfway = json.dumps({"since": "2026-02-01T00:00:00Z", "offset": 0})
    with database.transaction() as tx:
        tx.run("update cursors set since = '2026-02-01T00:00:00Z', run_since = since, page = %s", halfway)
        for since in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)):
            assert cursors.rewind(tx, fusion.id, since) == len(STREAMS)
        marks = tx.rows("select distinct since, run_since, page from cursors")
    assert marks == [{"since": datetime(2026, 1, 1, tzinfo=UTC), "run_since": None, "page": None}]


def test_a_mark_that_a_poll_holds_is_left_alone(fusion: Installation, database: Database) -> None:
    take(database, fusion)
    with database.transaction() as tx:
        assert cursors.rewind(tx, fusion.id, datetime(2026, 1, 1, tzinfo=UTC)) == len(STREAMS) - 1


def test_a_stream_that_fails_says_why_and_what_to_do(poll: Poll, shop: Shop) -> None:
    shop.send(shop.two_lines())
    shop.pod.fail_next("forbidden", times=9, path="receivablesInvoices")
    done = poll("fusion")
    assert done.returncode == 1
    assert [line.split() for line in done.stdout.splitlines()][1:4] == [
        ["orders", "1", "1", "ok"],
        ["open_orders", "0", "0", "ok"],
        ["invoices", "0", "0", "failed"],
    ]
    assert "the integration user may not read invoices" in done.stdout
    assert "  fix: Give the integration user in Fusion a role that may view receivables" in done.stdout


def test_it_waits_for_a_poll_of_the_fleet_and_then_reads(
    environment: dict[str, str], fusion: Installation, database: Database, shop: Shop
) -> None:
    shop.send(shop.two_lines())
    held = take(database, fusion)
    command = [sys.executable, "-m", *COMMAND, "fusion"]
    waiting = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stderr
    assert waiting.stderr.readline() == "waiting for the poll of fusion-1 that the fleet has under way\n"
    with database.transaction() as tx:
        assert cursors.end(tx, held, None, 60.0)
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert ["orders", "1", "1", "ok"] in [line.split() for line in said.splitlines()]


def test_it_does_not_wait_for_ever(poll: Poll, fusion: Installation, database: Database) -> None:
    take(database, fusion)
    done = poll("fusion", "--wait", "0.5")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: a poll of the fleet still reads fusion-1\nfix: Try again when it has ended" in done.stderr


def take(database: Database, installation: Installation) -> Cursor:
    """As a poll of the fleet does."""
    with database.transaction() as tx:
        cursor = cursors.take(tx, installation.id)
    assert cursor
    return cursor


def test_a_target_that_is_paused_is_not_asked(poll: Poll, fusion: Installation, database: Database) -> None:
    with database.transaction() as tx:
        installations.pause(tx, fusion.id, "wrong key", "Make another.")
    done = poll("fusion")
    assert (done.returncode, done.stderr) == (1, "error: fusion-1 is paused: wrong key\nfix: Make another.\n")


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("odoo", "error: odoo is not configured\nfix: Systems that are polled here: fusion.\n"),
        ("clarity", "error: clarity is not polled: it sends webhooks\nfix: Systems that are polled here: fusion.\n"),
    ],
)
def test_a_system_that_cannot_be_polled(poll: Poll, system: str, said: str) -> None:
    done = poll(system)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sap"], "'sap' is not one of"),
        (["odoo", "--since", "someday"], "'someday' is not a time in UTC"),
        (["odoo", "--since", "2999-01-01"], "2999-01-01 is in the future"),
        (["odoo", "--wait", "-1"], "is not in the range"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(poll: Poll, arguments: list[str], said: str) -> None:
    done = poll(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_without_postgres_it_says_so(poll: Poll) -> None:
    done = poll("fusion", DATABASE_URL="postgresql://127.0.0.1:9/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: Postgres does not answer\n")
