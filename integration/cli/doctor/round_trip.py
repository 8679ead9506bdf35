"""The round trip of ``fleet doctor``: one order through a whole fleet whose systems are all sandboxes, and back."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from integration.cli.test import isolated
from integration.connectors.contract import Finding
from integration.local.fleet import Fleet, runs
from integration.local.servers import free_port
from integration.settings import Settings, runtime_file, variables
from integration.store import views
from integration.store.database import Database, Row
from integration.systems import KINDS, of_role

PATIENCE = 60.0
"""Seconds for the whole of it."""
STEP = 0.05
AGE_SECONDS = "0.5"
"""Seconds the sandboxes take for each of shipped, billed and paid."""
ERPS = of_role("erp", {name: name for name in KINDS})
ENDED = {"held", "dead"}
COMPLETE = "complete"
BACK = ("shipments", "invoices")


def findings(settings: Settings) -> Iterator[Finding]:
    """The order's milestones and their times; no real system is called."""
    began = time.monotonic()
    with round_trip_fleet(settings.home) as (environment, ours):
        took = time.monotonic() - began
        fleet = f"a fleet of its own was started in {took:.1f} s" if ours else "the running fleet is used"
        yield Finding("fleet", "ok", f"{fleet}; the sandbox plays every system")
        yield from _journey(environment, _place(environment))


@contextmanager
def round_trip_fleet(home: Path) -> Iterator[tuple[Mapping[str, str], bool]]:
    """The environment of a fleet of sandboxes, and whether it was started for this: in a home of its own, on free
    ports, without any setting that could lead it to a real system."""
    if runs(home) and runtime_file(home).exists():
        environment = json.loads(runtime_file(home).read_text())
        if is_sandbox(environment):
            yield environment, False
            return
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-doctor-") as temporary:
        Path(temporary).chmod(0o711)  # the user that Postgres runs as has to pass through
        kept = {name: value for name, value in variables().items() if name == "FLEET_RUN_AS"}
        binds = {f"FLEET_{name}_BIND": f"127.0.0.1:{free_port()}" for name in ("RECEIVER", "FLOWER", "SANDBOX", "OPS")}
        quick = {"FLEET_SANDBOX_AGE_SECONDS": AGE_SECONDS}
        fleet = Fleet(isolated(variables(), temporary) | kept | binds | quick)
        fleet.start()
        try:
            yield fleet.environment, True
        finally:
            fleet.stop()


def is_sandbox(environment: Mapping[str, str]) -> bool:
    """Whether the sandbox plays every system of a fleet with this environment."""
    sandbox = environment.get("FLEET_SANDBOX_URL", "nowhere")
    systems = Settings.load(environment).systems
    return KINDS.keys() <= systems.keys() and all(each.url.startswith(sandbox) for each in systems.values())


def _place(environment: Mapping[str, str]) -> str:
    """Places an order in the sandbox's Clarity; its id."""
    answer = requests.post(
        f"{environment['FLEET_SANDBOX_URL']}/_sandbox/orders/generate",
        json={"count": 1, "seed": time.time_ns() % 1_000_000, "traits": ["plain+shared"]},
        headers={"X-Sandbox-Token": environment["FLEET_SANDBOX_TOKEN"]},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()[0]["id"])


def _journey(environment: Mapping[str, str], id: str) -> Iterator[Finding]:
    began = time.monotonic()
    database = Database(environment["DATABASE_URL"], connections=1)
    reached: set[str] = set()
    rows: Sequence[Row] = ()
    while COMPLETE not in reached and time.monotonic() - began < PATIENCE:
        time.sleep(STEP)
        with database.transaction() as tx:
            rows = views.journeys(tx, [id])
        for about, says in _milestones(rows):
            if about not in reached:
                yield Finding(about, "ok", f"{says} after {time.monotonic() - began:.1f} s")
            reached.add(about)
        if any(row["state"] in ENDED for row in rows):
            break
    database.close()
    if COMPLETE not in reached:
        yield Finding("order", "error", _stuck(rows), "Run `fleet demo`, and see `fleet held ls` and `fleet dead ls`.")


def _milestones(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """What has been reached by now."""
    posted = [row for row in rows if row["state"] == "done"]
    for row in posted:
        yield row["target"], f"has its part of the order as {row['theirs']}"
    elsewhere = sum(row["state"] == "skipped" for row in rows)  # at an ERP that fulfils no line of it
    all_there = bool(posted) and len(posted) + elsewhere == len(ERPS)
    if all_there and all(row["stage"] is not None for row in posted):
        yield "status", "Clarity shows the order as processing"
    for row in posted:
        for what in BACK:
            if row[what]:
                yield f"{row['target']} {what}", "Clarity has them"
    if all_there and not any(row["open"] or row["reporting"] for row in posted):
        yield COMPLETE, "shipped, billed, paid, and reported to Clarity"


def _stuck(rows: Sequence[Row]) -> str:
    if not rows:
        return "Clarity's webhook has not arrived"
    states = (
        f"{row['target']} {row['state']} ({row['reason'] or ', '.join(f'{row[what]} {what}' for what in BACK)})"
        for row in rows
    )
    return f"it was not completed: {', '.join(states)}"
