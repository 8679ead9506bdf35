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
from integration.store.database import Database
from tests.operations.orders import Orders

RUN = {
    "fleet alerts ls": "",
    "fleet audit ls": "",
    "fleet customers ls": "",
    "fleet customers show": "c-77",
    "fleet products ls": "",
    "fleet products show": "MUG-01",
    "fleet dead ls": "",
    "fleet dead show": "{dead}",
    "fleet decisions ls": "",
    "fleet find": "WEB-1001",
    "fleet held ls": "",
    "fleet held show": "{held}",
    "fleet ledger": "",
    "fleet mapping check": "odoo.out.customer",
    "fleet mapping diff": "",
    "fleet mapping functions": "",
    "fleet mapping versions": "",
    "fleet messages ls": "",
    "fleet messages refused": "",
    "fleet messages show": "{message}",
    "fleet orders ls": "",
    "fleet orders show": "WEB-1001",
    "fleet targets ls": "",
    "fleet workflows check": "",
    "fleet workflows ls": "",
}
"""Those that a database is enough for, with their arguments; the others need a fleet, a system or a decision, or set up
the logs of their process."""


def with_json(group: click.Group = main, path: str = "fleet") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from with_json(command, f"{path} {name}")
        elif command and any("--json" in each.opts for each in command.params):
            yield f"{path} {name}", command


COMMANDS = dict(with_json())
READING = sorted(COMMANDS)


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


@pytest.fixture
def ids(orders: Orders) -> dict[str, int]:
    """One object in every state, and the ids of some of its deliveries."""
    orders.end(orders.post(orders.order("1001"), "S00012", "12"), State.DONE)
    held, dead = orders.order("1002"), orders.order("1003")
    orders.end(held, State.HELD, code="unknown_sku", reason="unknown SKU X", hint="Add it.")
    orders.end(dead, State.DEAD, code="http_400", reason="Odoo refuses it", hint="Look at it.")
    orders.customer("c-77")
    orders.product("p-7", "MUG-01")
    orders.order("1004")
    message = orders.value("select message from deliveries where id = %s", held)
    return {"held": held, "dead": dead, "message": int(str(message))}


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
    assert set(RUN) <= set(COMMANDS)
    assert len(READING) > 25


@pytest.mark.parametrize("name", READING)
def test_whatever_reads_prints_its_json_in_one_way(name: str) -> None:
    """By its source: who prints JSON by another function prints it in another shape."""
    callback = COMMANDS[name].callback
    assert callback
    module = Path(inspect.unwrap(callback).__code__.co_filename).read_text()
    assert not re.search(r"if as_json:\n\s+(show_json|click\.echo)\((?!visible)", module), "another shape"


@pytest.mark.parametrize("name", sorted(RUN))
def test_rows_and_next_are_at_the_top(name: str, fleet: Callable[..., Any], ids: dict[str, int]) -> None:
    arguments = RUN[name].format(**ids).split()
    result = fleet(*name.split()[1:], *arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    said = json.loads(result.stdout)
    assert isinstance(said, dict)
    assert isinstance(said["rows"], list)
    assert said["next"] is None or isinstance(said["next"], int)
    assert all(isinstance(row, dict) for row in said["rows"])
