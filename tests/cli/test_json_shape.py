"""Every command that reads prints JSON of one shape, {"rows": [...], "next": KEY}: each is run, or looked at."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from integration.cli import main
from integration.message import State
from integration.operations import jobs
from integration.operations.selection import WAITING, Selection
from integration.store import decisions
from integration.store.database import Database
from tests.operations.orders import Orders

SAMPLE = Path(__file__).parents[2] / "mappings" / "samples" / "clarity.in.customer" / "person.json"
ACTS = frozenset(
    f"fleet {each}"
    for each in (
        *("up", "stop", "restart", "demo", "test", "bench", "migrate", "send", "trigger", "replay", "poll", "doctor"),
        *(
            "users add",
            "users link",
            "users role",
            "users remove",
            "alerts test",
            "decisions revoke",
            "targets limit",
            "targets pause",
            "targets resume",
        ),
        *("held approve", "held edit", "held replay", "held resolve", "dead edit", "dead replay", "dead resolve"),
        *("jobs pause", "jobs resume", "jobs cancel", "jobs undo"),
        *("keys rotate", "mapping publish", "mapping rollback"),
    )
)
"""They start, change or send something.  Whatever else there is reads, and is run below."""
OF_A_RUNNING_FLEET = frozenset({"fleet status", "fleet urls"})
ARGUMENTS = {
    "fleet customers show": "c-77",
    "fleet products show": "MUG-01",
    "fleet returns show": "RMA-1001",
    "fleet dead show": "{dead}",
    "fleet decisions show": "{decision}",
    "fleet find": "WEB-1001",
    "fleet held show": "{held}",
    "fleet jobs show": "{job}",
    "fleet mapping check": "odoo.out.customer",
    "fleet mapping run": "clarity.in.customer {event}",
    "fleet messages show": "{message}",
    "fleet orders show": "WEB-1001",
}


def every(group: click.Group = main, path: str = "fleet") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every(command, f"{path} {name}")
        elif command:
            yield f"{path} {name}", command


COMMANDS = dict(every())
READING = sorted(set(COMMANDS) - ACTS)
WITH_JSON = sorted(name for name, each in COMMANDS.items() if any("--json" in option.opts for option in each.params))


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


@pytest.fixture
def ids(orders: Orders, tmp_path: Path) -> dict[str, object]:
    """One object in every state, and the ids of some of its deliveries."""
    orders.end(orders.post(orders.order("1001"), "S00012", "12"), State.DONE)
    held, dead = orders.order("1002"), orders.order("1003")
    orders.end(held, State.HELD, code="unknown_sku", reason="unknown SKU X", hint="Add it.")
    orders.end(dead, State.DEAD, code="http_400", reason="Odoo refuses it", hint="Look at it.")
    orders.customer("c-77")
    orders.product("p-7", "MUG-01")
    orders.returned("ret-1001", "RMA-1001")
    orders.order("1004")
    message = orders.value("select message from deliveries where id = %s", held)
    differs = orders.order("1005")
    orders.end(differs, State.HELD, code="totals_mismatch", reason="sums differ", hint="Look.", about="digest")
    with orders.database.transaction() as tx:
        job = jobs.preview(tx, "replay", Selection(WAITING), 9, "jane").id
        decision = decisions.approve(tx, [differs], "jane")[differs]
    event, log = tmp_path / "event.json", tmp_path / "log" / "receiver.log"
    event.write_text(json.dumps(json.loads(SAMPLE.read_text())["given"]))
    log.parent.mkdir()
    log.write_text('{"event": "receiver.ready", "level": "info"}\n')
    return {"held": held, "dead": dead, "message": message, "job": job, "decision": decision, "event": event}


@pytest.fixture
def fleet(database_url: str, orders: Orders, tmp_path: Path) -> Callable[..., Any]:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": orders.key,
        "FLEET_HOME": str(tmp_path),
        "ODOO_URL": "http://127.0.0.1:9",
        "ODOO_API_KEY": "k",
    }
    return lambda *arguments: CliRunner(env=environment).invoke(main, [str(each) for each in arguments])


def test_the_tables_name_commands_that_there_are() -> None:
    assert set(ARGUMENTS) <= set(READING)
    assert set(COMMANDS) >= ACTS | OF_A_RUNNING_FLEET


def test_whatever_reads_has_json() -> None:
    assert set(READING) <= set(WITH_JSON)


@pytest.mark.parametrize("name", WITH_JSON)
def test_whatever_reads_prints_its_json_in_one_way(name: str) -> None:
    """By its source: who prints JSON by another function prints it in another shape."""
    callback = COMMANDS[name].callback
    assert callback
    module = Path(inspect.unwrap(callback).__code__.co_filename).read_text()
    assert not re.search(r"if as_json:\n\s+(show_json|click\.echo)\((?!visible)", module), "another shape"


@pytest.mark.parametrize("name", sorted(set(READING) - OF_A_RUNNING_FLEET))
def test_rows_and_next_are_at_the_top(name: str, fleet: Callable[..., Any], ids: dict[str, object]) -> None:
    arguments = ARGUMENTS.get(name, "").format(**ids).split()
    result = fleet(*name.split()[1:], *arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    said = json.loads(result.stdout)
    assert isinstance(said, dict)
    assert isinstance(said["rows"], list)
    assert said["next"] is None or isinstance(said["next"], int)
    assert all(isinstance(row, dict) for row in said["rows"])
