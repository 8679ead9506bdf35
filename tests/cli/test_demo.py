"""`fleet demo` as a process of its own, with a fleet of its own, in a terminal and without one."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from integration.cli.demo import journeys
from integration.cli.test import isolated
from integration.message import State
from integration.settings import variables
from integration.store import views
from integration.store.database import Database
from tests.ports import free_port
from tests.store.road import Road

COMMAND = [sys.executable, "-m", "integration.cli", "demo"]
HEADING = ["Clarity", "what is special", "total", "Odoo", "Fusion", "posted", "shipped", "billed", "status"]
CAME_ROUND = re.compile(
    r"WEB-\d+ .+ [A-Z]{3}  (?P<odoo>S\d{5}|-) +(?P<fusion>\d+|-) +\d+\.\d\d s +\d* +\d+  completed ✓"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    binds = {f"FLEET_{name}_BIND": f"127.0.0.1:{free_port()}" for name in ("RECEIVER", "FLOWER", "SANDBOX", "OPS")}
    return isolated(variables(), str(tmp_path_factory.mktemp("demo"))) | binds


@pytest.mark.own_fleet
def test_without_a_terminal_it_prints_the_table_and_stops(environment: dict[str, str]) -> None:
    demo = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert demo.returncode == 0, demo.stderr
    heading, *rows, last = demo.stdout.splitlines()
    assert re.split(r" {2,}", heading.rstrip()) == HEADING
    found = [CAME_ROUND.fullmatch(row.rstrip()) for row in rows]
    assert [row for row, match in zip(rows, found, strict=True) if not match] == []
    carried = {
        row: (match["odoo"] != "-", match["fusion"] != "-") for row, match in zip(rows, found, strict=True) if match
    }
    assert set(carried.values()) == {(True, False), (False, True), (True, True)}
    for row, by in carried.items():
        assert by == (
            "split by product" in row or "company" not in row.lower(),
            "split by product" in row or "company" in row,
        ), row
    assert all("completed" in row for row in rows), "the downloads too, of which nothing ships"
    assert len(rows) == 12
    assert last == "Stopped."
    assert demo.stdout.endswith("\n")


@pytest.mark.own_fleet
def test_in_a_terminal_it_stays_until_ctrl_c(environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    terminal = environment | {"COLUMNS": "120", "TERM": "xterm"}
    demo = subprocess.Popen(COMMAND, env=terminal, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"Ctrl-C stops it." not in said:
        said += os.read(ours, 4096)
    assert demo.poll() is None
    assert f"http://{environment['FLEET_FLOWER_BIND']}" in said.decode()
    demo.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass  # Linux: nobody holds the other end any more
    os.close(ours)
    assert demo.wait(30) == 0, said.decode()
    assert said.decode().splitlines()[-1].endswith("Stopped.")


def test_what_is_held_and_what_is_under_way(database: Database, tmp_path: Path) -> None:
    road = Road(database)
    road.delivery("evt-1", order="1001")
    held = road.claim(road.delivery("evt-2", order="1002"))
    assert held
    road.move(held, State.HELD, reason="no product [red]has\x1b[2J the SKU")
    orders = [
        {"id": id, "number": f"WEB-{id}", "story": "-", "total": "1.00", "currency": "EUR"} for id in ("1001", "1002")
    ]
    with database.transaction() as tx:
        rows = views.journeys(tx, ["1001", "1002"])
    with (tmp_path / "said").open("w+") as file:
        Console(file=file, width=200).print(journeys(orders, ["odoo", "fusion"], rows))
        file.seek(0)
        said = [re.split(r" {2,}", line.strip()) for line in file]
    assert said[0] == HEADING
    assert said[1:] == [
        ["WEB-1001", "-", "1.00 EUR", "▸ transform", "…", "…"],
        ["WEB-1002", "-", "1.00 EUR", r"held: no product [red]has\u001b[2J the SKU", "…", "-"],
    ]
