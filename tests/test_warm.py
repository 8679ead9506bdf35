"""A program forked from a parent that has imported the project ends and prints as one that is started anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from integration.local.processes import PROJECT
from tests.warm import Warm


@pytest.mark.parametrize(
    "argv",
    [
        ["integration.cli", "--version"],
        ["integration.cli", "poll", "nobody"],
        ["integration.cli", "mapping", "check", "--nothing"],
        ["json.tool", "/nonexistent"],
        ["json.tool", "pyproject.toml"],
    ],
    ids=" ".join,
)
def test_it_prints_and_ends_as_it_would_on_its_own(programs: Warm, argv: list[str]) -> None:
    command = [sys.executable, "-m", *argv]
    alone = subprocess.run(
        command, cwd=PROJECT, env=os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    forked = programs.run(*argv, environment=os.environ)
    assert (forked.returncode, forked.stdout) == (alone.returncode, alone.stdout)
    assert forked.stderr.splitlines()[-1:] == alone.stderr.splitlines()[-1:]  # above it a traceback has our frames


def test_it_has_the_variables_that_are_given_and_no_others(programs: Warm) -> None:
    home = {"FLEET_HOME": "/nonexistent"}
    command = ("integration.cli", "held", "ls")
    stores = home | {"DATABASE_URL": "postgresql://127.0.0.1:9/x"}
    assert programs.run(*command, environment=stores).stderr.startswith("error: REDIS_URL is not set")
    assert programs.run(*command, environment=home).stderr.startswith("error: DATABASE_URL is not set")


def test_one_that_does_not_end_is_killed_and_the_next_one_runs(programs: Warm) -> None:
    server = ["http.server", "--bind", "127.0.0.1", "0"]
    assert programs.run(*server, environment=os.environ, timeout=1).returncode == -signal.SIGALRM
    assert programs.run("integration.cli", "--version", environment=os.environ).returncode == 0
