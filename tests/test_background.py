"""A fleet in the background, as its users meet it: started, looked at, restarted and stopped by commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.cli.test import isolated
from integration.local.child_processes import started
from integration.settings import variables as own_variables
from tests.ports import free_ports
from tests.test_up import PROGRAMS, WORKER, eventually

CRASHING = "sh -c 'test -e $FLEET_HOME/wrong && echo error: all wrong && exit 1; exec sleep 600'"
SAYS_RATE = """sh -c 'echo "the rate is $ODOO_RATE"; exec sleep 600'"""


class Background:
    """Commands in one home; whatever they start is ended with the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "worker.py").write_text(WORKER)
        self.variables = isolated(own_variables(), str(home)) | {"CLARITY_URL": "http://127.0.0.1:9/api/v1"}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "integration.cli", *arguments]
        return subprocess.run(
            command, env=self.variables | variables, capture_output=True, text=True, check=False, timeout=120
        )

    def up(self, programs: str = PROGRAMS, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.home / "Procfile").write_text(programs)
        place = ("--procfile", str(self.home / "Procfile"), "--port-base", str(free_ports()))
        return self.run("up", "--detach", *place, *arguments)

    def pids(self) -> dict[str, int]:
        return {file.stem: int(file.read_text().split()[0]) for file in (self.home / "run").glob("*.pid")}

    def supervisor(self) -> int:
        return int((self.home / "run" / "lock").read_text())

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json").stdout))

    def log(self, name: str) -> str:
        return (self.home / "log" / f"{name}.log").read_text()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("background")


@pytest.fixture
def fleet(home: Path) -> Iterator[Background]:
    background = Background(home)
    (home / "wrong").unlink(missing_ok=True)
    yield background
    background.run("stop")
    assert [pid for pid in background.pids().values() if started(pid)] == []


def test_it_outlives_the_command_that_started_it_and_stops_when_it_is_asked_to(fleet: Background) -> None:
    up = fleet.up()
    assert up.returncode == 0, up.stderr
    assert "The fleet is up after" in up.stdout
    assert "/webhooks/clarity" in up.stdout
    supervisor, pids = fleet.supervisor(), fleet.pids()
    assert len(pids) == 5
    assert os.getsid(supervisor) == supervisor
    assert all(started(pid) for pid in pids.values())

    stopped = fleet.run("stop")
    assert (stopped.returncode, stopped.stdout.splitlines()[-1]) == (0, "Stopped.")
    assert "Waiting for " in stopped.stdout
    assert "warm" not in stopped.stdout
    assert [started(pid) for pid in (supervisor, *pids.values())] == [None] * 6
    assert "finished" in fleet.log("worker-one")
    again = fleet.run("stop")
    assert (again.returncode, again.stdout) == (0, f"Nothing runs in {fleet.home}.\n")


def test_one_that_cannot_start_says_why_and_leaves_nothing(fleet: Background) -> None:
    up = fleet.up(PROGRAMS.replace('python "$FLEET_HOME/worker.py"', "python -c 'raise SystemExit(\"no such queue\")'"))
    assert up.returncode == 1
    assert "error: worker-one ended with exit code 1 while it started:\n  no such queue\n" in up.stderr
    assert f"fix: See {fleet.home}/log/worker-one.log.\n" in up.stderr
    assert "Traceback" not in up.stderr
    assert fleet.pids() == {}
    assert '"level": "error"' in fleet.log("fleet")
    status = fleet.run("status")
    assert (status.returncode, status.stdout) == (1, "")
    assert status.stderr == f"error: no fleet runs in {fleet.home}\nfix: Start one with `./fleet up`.\n"


def test_status_shows_every_process_and_what_is_down(fleet: Background) -> None:
    assert fleet.up(PROGRAMS.replace('python -c "import time; time.sleep(600)"', CRASHING)).returncode == 0
    status = fleet.status()
    assert {row["process"]: (row["state"], row["pid"], row["restarts"]) for row in status["rows"]} == {
        name: ("up", pid, 0) for name, pid in fleet.pids().items()
    }
    assert status["pid"] == fleet.supervisor()
    assert status["waiting"] == []
    assert status["urls"]["webhook_url"].endswith("/webhooks/clarity")
    assert any("no order goes anywhere" in warning for warning in status["warnings"])
    credentials = json.loads((fleet.home / "credentials.json").read_text())
    shown = fleet.run("status").stdout
    assert not [name for name, secret in credentials.items() if secret and secret in shown + json.dumps(status)]

    (fleet.home / "wrong").touch()
    os.kill(fleet.pids()["beat"], signal.SIGKILL)
    assert eventually(lambda: fleet.run("status").returncode == 1)
    status_now = fleet.run("status")
    assert "error: not up: beat\n" in status_now.stderr
    assert "beat" in status_now.stdout
    (fleet.home / "wrong").unlink()
    assert eventually(lambda: fleet.run("status").returncode == 0)
    (beat,) = [row for row in fleet.status()["rows"] if row["process"] == "beat"]
    assert beat["restarts"] >= 1


def test_a_restart_of_one_process_leaves_the_others_alone(fleet: Background) -> None:
    assert fleet.up().returncode == 0
    before, logged = fleet.pids(), len(fleet.log("fleet"))
    restart = fleet.run("restart", "worker-one")
    after = fleet.pids()
    assert (restart.returncode, restart.stdout) == (0, f"worker-one is up again, pid {after['worker-one']}.\n")
    assert {name for name in before if before[name] != after[name]} == {"worker-one"}
    assert fleet.log("worker-one").rstrip().endswith("one@host ready.")
    assert "starting it again" not in fleet.log("fleet")[logged:]

    unknown = fleet.run("restart", "worker-on")
    assert unknown.returncode == 2
    assert "there is no process 'worker-on'; did you mean worker-one?" in unknown.stderr


def test_a_restart_of_all_takes_up_new_settings_and_keeps_the_others(fleet: Background) -> None:
    assert fleet.up(PROGRAMS.replace('python -c "import time; time.sleep(600)"', SAYS_RATE)).returncode == 0
    supervisor, before = fleet.supervisor(), fleet.pids()
    refused = fleet.run("restart", ODOO_RATE="fast")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ODOO_RATE is not a positive number: 'fast'\n")
    assert fleet.pids() == before

    assert fleet.run("restart", ODOO_RATE="7").stdout.startswith("The fleet is up again.\n")
    assert (fleet.supervisor(), before.keys()) == (supervisor, fleet.pids().keys())
    assert [name for name, pid in fleet.pids().items() if before[name] == pid] == []
    assert fleet.run("restart").returncode == 0
    assert fleet.log("beat").splitlines()[-2:] == ["the rate is 7", "the rate is 7"]
    assert fleet.run("restart", ODOO_RATE="").returncode == 0
    assert fleet.log("beat").splitlines()[-1] == "the rate is "


def test_a_restart_that_fails_says_why(fleet: Background) -> None:
    assert fleet.up(PROGRAMS.replace('python -c "import time; time.sleep(600)"', CRASHING)).returncode == 0
    supervisor = fleet.supervisor()
    (fleet.home / "wrong").touch()
    alone = fleet.run("restart", "beat")
    assert (alone.returncode, alone.stderr.splitlines()[0]) == (1, "error: beat ended again after its restart")
    restart = fleet.run("restart")
    assert (restart.returncode, restart.stderr.splitlines()[0]) == (1, "error: beat cannot start: all wrong")
    assert started(supervisor) is None
    assert fleet.pids() == {}


def test_logs_come_in_one_order_and_by_level(fleet: Background) -> None:
    (fleet.home / "log" / "worker-one.log").unlink(missing_ok=True)
    assert fleet.up().returncode == 0
    assert fleet.run("stop").returncode == 0
    rows = json.loads(fleet.run("logs", "--json").stdout)["rows"]
    assert {"fleet", "postgres", "valkey"} <= {row["process"] for row in rows}
    times = [row["at"] for row in rows if row["at"]]
    assert times == sorted(times)
    assert fleet.run("logs", "worker-one", "-n", "1").stdout.endswith("worker-one finished\n")
    warnings = fleet.run("logs", "worker-one", "--level", "warning").stdout
    assert "one@host ready" not in warnings
    assert "finishing what it does" in warnings
    unknown = fleet.run("logs", "worker-won")
    assert (unknown.returncode, "did you mean worker-one?" in unknown.stderr) == (2, True)


def test_a_command_with_a_slip_of_the_pen_is_answered_by_the_right_one(fleet: Background) -> None:
    slip = fleet.run("statsu")
    assert slip.returncode == 2
    assert "there is no command 'statsu'; did you mean status" in slip.stderr
