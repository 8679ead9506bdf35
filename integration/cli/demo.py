"""``fleet demo``: a dozen varied orders, shown on their way from Clarity to the ERPs and back."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import requests
from rich.live import Live
from rich.table import Table
from rich.text import Text

from integration.cli.urls import show, with_link
from integration.errors import Failure
from integration.local.fleet import Fleet, runs
from integration.settings import Settings, runtime_file, variables
from integration.store import views
from integration.store.database import Database, Row
from integration.systems import of_role
from integration.terminal.render import cell, console

PATIENCE = 90.0
STEPS = {"transform": "▸ transform", "validate": "▸ validate", "enrich": "▸▸ enrich", "post": "▸▸ post"}
ENDED = {"done", "skipped", "held", "dead"}
COMPLETED = {"done", "skipped"}
"""An order is skipped at the ERP that fulfils no line of it."""
STATUSES = ("processing", "partially shipped", "shipped", "completed")
"""Clarity's status at each stage."""


LOOK = "Look: the console has the orders and their stories, the sandbox's page what each system has of them."


@click.command()
@click.option("--keep/--stop", default=None, help="Leave the fleet running afterwards; by default in a terminal only.")
def demo(keep: bool | None) -> None:
    """Send a dozen varied orders and watch them travel to the ERPs and back.

    Each is posted, shipped (some in parts), billed and paid there, and Clarity receives every shipment and invoice.

    Uses the running sandbox fleet, or starts one.  In a terminal it leaves the fleet running until Ctrl-C.

    \b
    Examples:
      fleet demo
      fleet demo --stop
    """
    with _fleet() as (environment, ours):
        complete = _show(environment)
        waits = ours and (sys.stdout.isatty() if keep is None else keep)
        if waits or not ours:
            show(console, with_link(environment))
            console.print(LOOK, style="dim")
        if waits:
            _wait_for_interrupt()
    if not complete:
        hint = "With the fleet up, `fleet held ls` and `fleet dead ls` say why."
        raise Failure("not every order was completed", hint=hint)


@contextmanager
def _fleet() -> Iterator[tuple[Mapping[str, str], bool]]:
    """The environment of a sandbox fleet, and whether it was started here.  Refuses where a real system is set up."""
    home = Settings.load().home
    if runs(home):
        environment = json.loads(runtime_file(home).read_text())
        refuse_real(environment)
        yield environment, False
        return
    refuse_real(variables())
    fleet = Fleet(variables())
    with console.status("starting a fleet of Postgres, Valkey, workers and a sandbox"):
        fleet.start()
    try:
        yield fleet.environment, True
    finally:
        with console.status("stopping the fleet"):
            fleet.stop()
        console.print("Stopped.")


def refuse_real(environment: Mapping[str, str]) -> None:
    """Raises `Failure` where what is invented could reach a system that is not the sandbox's."""
    sandbox = environment.get("FLEET_SANDBOX_URL", "nowhere")
    real = [name for name, system in Settings.load(environment).systems.items() if not system.url.startswith(sandbox)]
    if real:
        raise Failure(
            f"a real system is configured: {', '.join(real)}",
            hint="What is sent is invented.  Unset its URL, or use a FLEET_HOME of its own.",
        )


def _show(environment: Mapping[str, str]) -> bool:
    """Places the orders and draws their journeys until all have ended; whether all were completed."""
    settings = Settings.load(environment)
    erps = [name for name in of_role("erp", settings.kinds) if name in settings.systems]
    database = Database(environment["DATABASE_URL"], connections=1)
    orders = _place(environment)
    deadline = time.monotonic() + PATIENCE
    ended = False
    # Without a terminal only the last table is printed, at the end.
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while not ended and time.monotonic() < deadline:
            time.sleep(0.1)
            with database.transaction() as tx:
                rows = views.journeys(tx, [order["id"] for order in orders])
            drawn = journeys(orders, erps, rows)
            live.update(drawn)
            ended = len(rows) == len(orders) * len(erps) and all(map(_ended, rows))
    console.print(drawn)
    database.close()
    completed = {row["object_id"] for row in rows if row["state"] == "done"}
    return ended and len(completed) == len(orders) and all(row["state"] in COMPLETED for row in rows)


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


def journeys(orders: Sequence[Mapping[str, Any]], erps: Sequence[str], rows: Sequence[Row]) -> Table:
    """Where each order is, with a column for each ERP; ``rows`` as `views.journeys` has them."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = ("Clarity", "what is special", "total", *map(str.capitalize, erps), "posted", "shipped", "billed", "status")
    for name in names:
        table.add_column(name, justify="right" if name in {"total", "posted", "shipped", "billed"} else "left")
    for order in orders:
        roads = {row["target"]: row for row in rows if row["object_id"] == order["id"]}
        total = f"{order['total']} {order['currency']}"
        cells = (order["number"], order["story"], total, *(_at_erp(roads.get(name)) for name in erps))
        table.add_row(*map(cell, cells), *_back([roads.get(name) for name in erps]))
    return table


def _at_erp(row: Row | None) -> Text:
    if row is None:
        return Text("…", style="dim")
    if row["state"] == "done":
        return _coloured(row["theirs"], "green")
    if row["state"] == "skipped":
        return Text("-", style="dim")
    if row["state"] in ENDED:
        return _coloured(f"{row['state']}: {row['reason']}", "yellow")
    return _coloured(STEPS.get(row["step"], row["step"]), "cyan")


def _back(roads: Sequence[Row | None]) -> Iterator[Text]:
    """The time it took to the ERPs, the shipments and invoices that came back, and the status at Clarity."""
    rows = [row for row in roads if row and row["state"] != "skipped"]
    done = [row for row in rows if row["state"] == "done"]
    all_there = bool(done) and None not in roads and len(done) == len(rows)
    yield Text(f"{max(row['seconds'] or 0 for row in rows):.2f} s" if all_there else "")
    for what in ("shipments", "invoices"):
        yield Text(str(sum(row[what] for row in done) or ""))
    stages = [row["stage"] for row in done if row["stage"] is not None]
    ended = bool(rows) and all(map(_ended, rows))
    if not stages:
        yield Text("-" if ended and not done else "…", style="dim")
    else:
        yield Text(STATUSES[max(stages)] + (" ✓" if ended else " …"), style="green" if ended else "cyan")


def _coloured(text: str | None, colour: str) -> Text:
    shown = cell(text)
    shown.stylize(colour)
    return shown


def _ended(row: Row) -> bool:
    """Held, dead or skipped; or shipped, paid, and all of it reported to Clarity."""
    return row["state"] in ENDED and (row["state"] != "done" or not (row["open"] or row["reporting"]))


def _wait_for_interrupt() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's background job starts with Ctrl-C ignored
        signal.signal(number, signal.default_int_handler)
    try:
        console.print("The fleet keeps running.  Ctrl-C stops it.")  # which may come at once
        signal.pause()
    except KeyboardInterrupt:
        console.print()
