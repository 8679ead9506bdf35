"""``fleet demo``: a dozen varied orders, shown on their way from the shop to the ERP and back."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
import requests
from rich.live import Live
from rich.table import Table

from integration.cli.fleet import Fleet, runs
from integration.cli.render import console
from integration.cli.urls import addresses, show
from integration.errors import Failure
from integration.settings import Settings, runtime_file, variables
from integration.store import views
from integration.store.database import Database, Row

PATIENCE = 90.0
STEPS = {"transform": "▸ transform", "validate": "▸ validate", "enrich": "▸▸ enrich", "post": "▸▸ post"}
ENDED = {"done", "skipped", "held", "dead"}


@click.command()
@click.option("--keep/--stop", default=None, help="Leave the fleet running afterwards; by default in a terminal only.")
def demo(keep: bool | None) -> None:
    """Send a dozen varied orders and watch them travel.

    Uses the running sandbox fleet, or starts one.  In a terminal it leaves the fleet running until Ctrl-C.
    """
    with _fleet() as (environment, ours):
        complete = _show(environment)
        show(console, addresses(environment))
        console.print("[dim]Look: the sandbox's page for the orders, Flower for the tasks, `fleet messages ls`.[/]")
        if ours and (sys.stdout.isatty() if keep is None else keep):
            console.print("The fleet keeps running.  Ctrl-C stops it.")
            _wait_for_interrupt()
    if not complete:
        raise Failure("not every order arrived", hint="`fleet held ls` and `fleet dead ls` say why; the logs say more.")


@contextmanager
def _fleet() -> Iterator[tuple[Mapping[str, str], bool]]:
    """The environment of a sandbox fleet, and whether it was started here.  Refuses where a real system is set up."""
    home = Settings.load().home
    if runs(home):
        environment = json.loads(runtime_file(home).read_text())
        _refuse_real(environment)
        yield environment, False
        return
    _refuse_real(variables())
    fleet = Fleet(variables())
    with console.status("starting a fleet of Postgres, Valkey, workers and a sandbox"):
        fleet.start()
    try:
        yield fleet.environment, True
    finally:
        with console.status("stopping the fleet"):
            fleet.stop()


def _refuse_real(environment: Mapping[str, str]) -> None:
    sandbox = environment.get("FLEET_SANDBOX_URL", "nowhere")
    real = [kind for kind, system in Settings.load(environment).systems.items() if not system.url.startswith(sandbox)]
    if real:
        raise Failure(
            f"a real system is configured: {', '.join(real)}",
            hint="The demo sends invented orders.  Unset its URL, or use a FLEET_HOME of its own.",
        )


def _show(environment: Mapping[str, str]) -> bool:
    """Places the orders and draws their journeys until all have ended; whether all took effect."""
    database = Database(environment["DATABASE_URL"], connections=1)
    orders = _place(environment)
    deadline = time.monotonic() + PATIENCE
    journeys: dict[str, Row] = {}
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        while time.monotonic() < deadline:
            with database.transaction() as tx:
                rows = views.journeys(tx, [order["id"] for order in orders])
            journeys = {row["object_id"]: row for row in rows}
            live.update(_table(orders, journeys))
            if len(journeys) == len(orders) and all(_ended(row) for row in journeys.values()):
                break
            time.sleep(0.1)
    database.close()
    return [row["pushed"] for row in journeys.values()] == ["done"] * len(orders)


def _place(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    answer = requests.post(
        f"{environment['FLEET_SANDBOX_URL']}/_sandbox/orders/demo",
        json={"seed": time.time_ns() % 1_000_000},
        headers={"X-Sandbox-Token": environment["FLEET_SANDBOX_TOKEN"]},
        timeout=10,
    )
    answer.raise_for_status()
    orders: list[dict[str, Any]] = answer.json()
    return orders


def _table(orders: list[dict[str, Any]], journeys: Mapping[str, Row]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("Clarity", "what is special", "total", "Odoo", "status pushed", "seconds"):
        table.add_column(name, justify="right" if name in {"total", "seconds"} else "left")
    for order in orders:
        row = journeys.get(order["id"])
        seconds = f"{row['seconds']:.2f}" if row and row["seconds"] and _ended(row) else ""
        total = f"{order['total']} {order['currency']}"
        table.add_row(order["number"], order["story"], total, _at_odoo(row), _pushed(row), seconds)
    return table


def _at_odoo(row: Row | None) -> str:
    if row is None:
        return "[dim]…[/]"
    if row["state"] == "done":
        return f"[green]{row['theirs']}[/]"
    if row["state"] in ENDED:
        return f"[yellow]{row['state']}: {row['reason']}[/]"
    return f"[cyan]{STEPS.get(row['step'], row['step'])}[/]"


def _pushed(row: Row | None) -> str:
    match row and row["pushed"]:
        case None:
            return "[dim]…[/]"
        case "done":
            return "[green]processing ✓[/]"
        case state:
            return f"[cyan]{state}[/]"


def _ended(row: Row) -> bool:
    return row["pushed"] in ENDED or (row["state"] in ENDED and row["state"] != "done")


def _wait_for_interrupt() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print()
