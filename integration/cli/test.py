"""`fleet test`: linters, types, layers and the tests, untouched by the settings of the machine.

The tests run in three stages, distinguished by two markers of pytest:

- ``tests``: what carries neither marker, shared among processes, with servers of its own for each;
- ``fleet``: what uses a fleet that tests share, one after the other on each of two fleets, beside that stage and the
  static checks;
- ``timed``: what bounds how long something takes, when nothing else runs any more, two tests for each processor: what
  they do is to wait.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
PROCESSORS = os.cpu_count() or 1


FLEETS = 2
"""So many fleets side by side: each waits most of the time, for polls, leases and processes that start again."""


def _stage(markers: str, processes: int, *options: str) -> list[str]:
    options = options or ("--dist", "worksteal")
    return ["pytest", "-n", str(processes), *options, "-m", f"{markers} and not faults_long"]


# One test at a time to each, in the order of `tests/conftest.py`.
FLEET = {"fleet": _stage("fleet", FLEETS, "--dist", "loadgroup", "--no-loadscope-reorder")}
TESTS = {"tests": _stage("not fleet and not timed", PROCESSORS + 2)}  # two more, because many of them wait mostly
TIMED = {"timed": _stage("timed and not fleet", 2 * PROCESSORS)}  # they sleep most of the time
SAYS = {"fleet": ("mark.fleet", ": World"), "timed": ("mark.timed",)}
"""What a test file says that has tests of a marker; `tests/conftest.py` makes sure of it."""
SETTINGS = (
    "FLEET_",
    *(variable(name, "") for name in KINDS),
    "FLOWER_",
    "CELERY_",
    "GUNICORN_",
    "PG",
    "DATABASE_URL",
    "REDIS_URL",
    "PYTHONDONTWRITEBYTECODE",  # or each of some hundred processes compiles everything anew
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
    Without arguments, checks, tests and those of a fleet run side by side; what bounds times runs last, alone.

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
            results = list(_shown({"faults": [sys.executable, "-m", "tests.faults", *chosen]}, environment))
        elif pytest_arguments or fuzz:
            fuzzers = ["tests/fuzz", f"--fuzz={fuzz}"] if fuzz else []
            results = list(_shown({"tests": ["pytest", *fuzzers, *pytest_arguments]}, environment))
        else:
            results = _everything(environment)
    if failed := [result.name for result in results if not result.passed]:
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


@dataclass(frozen=True)
class Result:
    """How a command ended; what it printed, if that was not shown at once."""

    name: str
    passed: bool
    seconds: float
    printed: str = ""


def _everything(environment: Mapping[str, str]) -> list[Result]:
    """Every check and stage; the output of what runs beside the tests is shown at the end, if it failed."""
    began = time.monotonic()
    click.secho(f"== beside the tests, shown at the end: {', '.join([*CHECKS, *FLEET])}", bold=True, err=True)
    with ThreadPoolExecutor(2) as pool:
        commands = (CHECKS, _in_files("fleet", FLEET))
        beside = [pool.submit(lambda each: [*_quiet(each, environment)], each) for each in commands]
        results = [*_shown(TESTS, environment)]
        results += [result for each in beside for result in each.result()]
    results += _shown(_in_files("timed", TIMED), environment)
    for result in results:
        if not result.passed and result.printed:
            click.secho(f"== {result.name}", bold=True, err=True)
            click.echo(result.printed)
    for result in results:
        last = result.printed.strip().rpartition("\n")[2] if result.name in FLEET else ""
        say(f"{result.name:8} {'passed' if result.passed else 'FAILED'} {result.seconds:5.0f} s  {last}".rstrip())
    say(f"all      {time.monotonic() - began:12.0f} s")
    return results


def _in_files(marker: str, commands: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """These commands with the test files of a marker: to collect all others would be much of the work."""
    files = [
        str(file.relative_to(PROJECT))
        for file in sorted((PROJECT / "tests").rglob("test_*.py"))
        if any(word in file.read_text() for word in SAYS[marker])
    ]
    return {name: [*command, *files] for name, command in commands.items()}


def _shown(commands: Mapping[str, list[str]], environment: Mapping[str, str]) -> Iterator[Result]:
    for name, command in commands.items():
        click.secho(f"== {name}: {' '.join(command)}", bold=True, err=True)
        began = time.monotonic()
        ended = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
        yield Result(name, ended.returncode == 0, time.monotonic() - began)


def _quiet(commands: Mapping[str, list[str]], environment: Mapping[str, str]) -> Iterator[Result]:
    for name, command in commands.items():
        began = time.monotonic()
        ended = subprocess.run(
            command, cwd=PROJECT, env=environment, check=False, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
        yield Result(name, ended.returncode == 0, time.monotonic() - began, ended.stdout)
