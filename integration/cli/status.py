"""`fleet status`: what of the fleet runs, where it is, and what waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from integration.cli.urls import addresses
from integration.errors import Failure
from integration.local import state
from integration.local.fleet import runs
from integration.local.state import UP, FleetState, ProcessState
from integration.operations import jobs
from integration.settings import Settings, runtime_file
from integration.store import views
from integration.store.database import UNAVAILABLE, Database, Transaction
from integration.terminal.jobs import so_far
from integration.terminal.listing import show_rows
from integration.terminal.render import console, fields, json_option, remark, table

ADDRESSES = ("console_url", "webhook_url", "operations_url", "flower_url", "sandbox_url")
"""Those that hold no secret; `fleet urls` has all."""


MOST_JOBS = 100


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show which processes run, where the fleet is, and what waits. Exit code 1 if something is down.

    \b
    Examples:
      fleet status
      fleet status --json
    """
    home = Settings.load().home
    if not runs(home):
        raise Failure(f"no fleet runs in {home}", hint="Start one with `./fleet up`.")
    fleet = state.read(home)
    if fleet is None or not runtime_file(home).exists():
        raise Failure(f"the fleet in {home} is starting or stopping", hint="`fleet logs fleet` shows how far it is.")
    urls = addresses(json.loads(runtime_file(home).read_text()))
    found: dict[str, Any] = {
        "home": str(home),
        "pid": fleet.pid,
        "since": fleet.since,
        "urls": {name: url for name, url in urls.items() if name.endswith(ADDRESSES)},
        "warnings": list(fleet.warnings),
        "waiting": None,
        "jobs": None,
        **_from_database(home),
    }
    rows = [*map(_row, fleet.servers), *map(_row, fleet.programs)]
    if as_json:
        show_rows(rows, **found)
    else:
        _draw(rows, found)
    if down := _not_up(fleet):
        raise Failure(f"not up: {', '.join(down)}", hint="It is started again by itself; `fleet logs NAME` says why.")


def _row(process: ProcessState) -> dict[str, Any]:
    return {
        "process": process.name,
        "state": process.state,
        "pid": process.pid,
        "since": process.since,
        "restarts": process.restarts,
    }


def _not_up(fleet: FleetState) -> list[str]:
    return [each.name for each in (*fleet.servers, *fleet.programs) if each.state != UP]


def _from_database(home: Path) -> dict[str, Any]:
    """What is not finished, by queue, and the jobs that have not ended; nothing without a database."""
    database = Database(json.loads(runtime_file(home).read_text())["DATABASE_URL"], connections=1)
    try:
        with database.transaction() as tx:
            return {"waiting": _waiting(tx), "jobs": jobs.listed(tx, jobs.UNDER_WAY, MOST_JOBS).rows}
    except UNAVAILABLE:
        return {}
    finally:
        database.close()


def _waiting(tx: Transaction) -> list[dict[str, Any]]:
    """What is not finished by queue, with the seconds that the oldest due one has waited."""
    oldest = {row["queue"]: round(row["seconds"], 1) for row in views.oldest_due(tx)}
    counts: dict[str, int] = {}
    for row in views.open_by_state(tx):
        if row["state"] not in {"held", "dead"}:
            counts[row["queue"]] = counts.get(row["queue"], 0) + row["count"]
    return [{"queue": queue, "open": count, "oldest_seconds": oldest.get(queue)} for queue, count in counts.items()]


def _draw(rows: list[dict[str, Any]], found: Mapping[str, Any]) -> None:
    fields({"home": found["home"], "pid": found["pid"], "since": f"{found['since']:%Y-%m-%d %H:%M:%S} UTC"})
    fields({name.removesuffix("_url"): url for name, url in found["urls"].items()})
    for warning in found["warnings"]:
        remark("warning", warning, None)
    console.print()
    table(("process", "state", "pid", "since", "restarts"), rows, empty="no process")
    console.print()
    if found["waiting"] is None:
        console.print("The database does not answer.", style="yellow")
    for each in found["waiting"] or ():
        since = f", the oldest due for {each['oldest_seconds']} s" if each["oldest_seconds"] is not None else ""
        console.print(Text(f"{each['queue']}: {each['open']} open{since}"), soft_wrap=True)
    if found["waiting"] == []:
        console.print("Nothing waits.")
    for each in found["jobs"] or ():
        console.print(Text(f"{so_far(each)}."), soft_wrap=True)
