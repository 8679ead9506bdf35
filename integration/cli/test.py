"""`fleet test`: linters, types, layers and the tests, untouched by the settings of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from integration.local.processes import PROJECT
from integration.settings import variables
from integration.systems import KINDS, variable
from integration.terminal.render import say

CHECKS = {
    "style": ["ruff", "check", ".", "fleet"],
    "format": ["ruff", "format", "--check", ".", "fleet"],
    "types": ["mypy"],
    "layers": ["lint-imports"],
}
SETTINGS = (
    "FLEET_",
    *(variable(name, "") for name in KINDS),
    "FLOWER_",
    "CELERY_",
    "GUNICORN_",
    "PG",
    "DATABASE_URL",
    "REDIS_URL",
)
KEPT = "FLEET_LIVE_ODOO_"


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--faults", is_flag=True, help="Break things instead, one after the other, under load.")
@click.option("--seed", type=int, help="With --faults: begin with this one; every trial prints its own.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="With --faults: go round for so long.")
@click.option("--only", metavar="NAME", help="With --faults: those called so, or whose name has this in it.")
@click.option("--json", "as_json", is_flag=True, help="With --faults: JSON instead of a table.")
@click.option("--fuzz", type=click.IntRange(1), metavar="N", help="Run the fuzzers only, each with so many cases.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(pytest_arguments: tuple[str, ...], faults: bool, fuzz: int | None, **of_faults: object) -> None:
    """Run all checks and tests; with arguments, only pytest with these.

    Starts its own Postgres and Valkey, and ignores every setting of the environment but FLEET_LIVE_ODOO_*.

    With --faults, every process, server and system is broken in every way there is, on fleets of its own; each trial
    is judged by what stands in the sandbox.  Interrupted, it goes on from the seed that was printed last.

    \b
    Examples:
      fleet test
      fleet test -k receiver -x
      fleet test --live           # also against the Odoo that FLEET_LIVE_ODOO_* names
      fleet test --faults         # each fault once, three quarters of an hour
      fleet test --faults --only valkey --minutes 10
      fleet test --fuzz 100000 -k requests    # the raw requests only; a seed is printed when one fails
    """
    chosen = _options(of_faults)
    if faults and fuzz:
        raise click.UsageError("--faults and --fuzz are two runs")
    if faults and pytest_arguments or chosen and not faults:
        raise click.UsageError(f"only with --faults: {' '.join(chosen)}" if chosen else "--faults runs no pytest")
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-test-") as home:
        environment = isolated(variables(), home)
        if faults:
            steps = {"faults": [sys.executable, "-m", "tests.faults", *chosen]}
        else:
            steps = {} if pytest_arguments or fuzz else dict(CHECKS)
            fuzzers = ["tests/fuzz", f"--fuzz={fuzz}"] if fuzz else []
            steps["tests"] = ["pytest", *fuzzers, *pytest_arguments]
        failed = [name for name, command in steps.items() if not _passes(name, command, environment)]
    if failed:
        say(f"failed: {', '.join(failed)}", err=True)
        raise SystemExit(1)


def _options(given: Mapping[str, object]) -> list[str]:
    """What was given of these options, as one would write it."""
    return [
        f"--{name.removeprefix('as_')}" + ("" if value is True else f"={value}")
        for name, value in given.items()
        if value not in (None, False)
    ]


def isolated(variables: Mapping[str, str], home: str) -> dict[str, str]:
    """These variables without any setting that could lead a test to somebody's systems, with an empty home."""
    kept = {name: value for name, value in variables.items() if name.startswith(KEPT) or not name.startswith(SETTINGS)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "FLEET_HOME": home, "PATH": path}


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    click.secho(f"== {name}: {' '.join(command)}", bold=True, err=True)
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode == 0
