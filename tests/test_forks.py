"""Programs that are forked from one parent are in everything what they would be had a shell started them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from integration.local.child_processes import Child, ProcessGroup, started
from integration.local.forks import UNKNOWN, Forks, is_shared
from integration.local.processes import PROJECT, read_procfile
from tests.road.world import World

WAITS = "python -m tasks.dispatcher"
"""With a Postgres that does not answer it waits until it is ended."""


class Fork:
    """One program on a parent."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.said: list[str] = []
        self.folder = folder
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "FLEET_HOME": "/nonexistent",
            "DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "FLEET_ENCRYPTION_KEYS": "z3pQ7yq1r0m1bZkq8Xo2v1v8H3v2m6h1o3b1q9w7c5E=",
            **variables,
        }
        self._group = ProcessGroup()
        self.forks = Forks(folder, self._group, {"cwd": PROJECT})
        self.child = Child(folder / "run" / "one.pid", self._group, folder / "one.log", self.said.append)

    def start(self, command: str) -> None:
        self.child.begin(partial(self.forks.start, "one", command, self.environment))

    def run(self, command: str) -> int | None:
        """Runs a command to its end."""
        self.start(command)
        until(lambda: not self.child.running)
        self.child.wait(1)
        return self.child.exit_code

    @property
    def parent(self) -> int:
        return int((self.folder / "run" / "warm.pid").read_text().split()[0])

    def is_forked(self) -> bool:
        return parent_of(self.child.pid or 0) == self.parent

    def close(self) -> None:
        self.child.signal(signal.SIGKILL)
        self.child.wait(5)
        self.forks.close()
        self._group.release(kill=True)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fork]:
    fork = Fork(make(tmp_path_factory.mktemp("forks")), WORD="two words")
    yield fork
    fork.close()


@pytest.fixture
def fork(shared: Fork) -> Iterator[Fork]:
    """One that tests share, with nothing under way."""
    shared.said.clear()
    yield shared
    shared.child.signal(signal.SIGKILL)
    shared.child.wait(5)


def make(folder: Path) -> Path:
    (folder / "log").mkdir()
    return folder


def test_it_says_what_it_says_and_ends_as_it_ends(fork: Fork) -> None:
    assert fork.run("python -m tasks worker --help") == 0
    assert "Usage: python -m tasks worker [OPTIONS]" in fork.said
    assert fork.run('python -m tasks worker --pool "${WORD}"') == 2
    assert any("'two words' is not" in line for line in fork.said), fork.said
    assert fork.run("gunicorn --version") == 0
    assert fork.said[-1].startswith("gunicorn (version ")


def test_it_is_a_child_of_the_parent_and_shown_under_its_own_name(fork: Fork) -> None:
    fork.start(WAITS)
    assert fork.is_forked()
    place = Path(f"/proc/{fork.child.pid}")
    until(lambda: (place / "comm").read_text() == "one\n")
    until(lambda: (place / "cmdline").read_text().rstrip("\0").split("\0") == ["python", "-m", "tasks.dispatcher"])
    assert os.getpgid(fork.child.pid or 0) == os.getpgid(fork.parent)
    assert "Umask:\t0077" in (place / "status").read_text().splitlines()


def test_a_signal_that_ended_it_is_known(fork: Fork) -> None:
    fork.start(WAITS)
    assert fork.child.running
    fork.child.signal(signal.SIGKILL)
    until(lambda: not fork.child.running)
    assert fork.child.exit_code == -signal.SIGKILL
    fork.child.signal(signal.SIGKILL)  # whoever has its pid now is left alone


def test_one_that_does_not_end_is_killed_after_a_while(fork: Fork) -> None:
    fork.start(WAITS)
    os.kill(fork.child.pid or 0, signal.SIGSTOP)
    fork.child.wait(0.2)
    assert fork.child.exit_code == -signal.SIGKILL


def test_without_its_parent_it_goes_on_and_the_next_gets_another(fork: Fork) -> None:
    fork.start(WAITS)
    first, pid = fork.parent, fork.child.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: started(first) is None)
    time.sleep(0.3)
    assert fork.child.running
    os.kill(pid or 0, signal.SIGKILL)
    until(lambda: not fork.child.running)
    assert fork.child.exit_code == UNKNOWN
    fork.start(WAITS)
    assert fork.parent != first
    assert fork.is_forked()


def test_none_begins_of_which_nobody_knows() -> None:
    """Whoever asked for it has ended meanwhile, say."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "integration.local.warm", str(theirs.fileno())]
    parent = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=PROJECT)
    theirs.close()
    assert ours.recv(100) == b"{}"
    (said, output), (waiting, leave) = os.pipe(), os.pipe()
    asked = {"name": "one", "argv": ["python", "-m", "tasks", "worker", "--help"]}
    socket.send_fds(ours, [json.dumps(asked).encode()], [output, waiting])
    for descriptor in (output, waiting, leave):
        os.close(descriptor)
    pid = json.loads(ours.recv(1000))["pid"]
    assert json.loads(ours.recv(1000)) == {"pid": pid, "code": 0}
    assert os.read(said, 100) == b""
    ours.close()
    assert parent.wait(20) == 0


def test_where_the_parent_cannot_start_a_shell_starts_the_programs(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.py").write_text("raise ImportError('broken')")
    fork = Fork(make(tmp_path), PYTHONPATH=str(tmp_path))
    try:
        assert fork.run("python -m tasks worker --help") == 0
        assert "Usage: python -m tasks worker [OPTIONS]" in fork.said
        assert "ImportError: broken" in (tmp_path / "log" / "warm.log").read_text()
        fork.start(WAITS)
        assert parent_of(fork.child.pid or 0) == os.getpid()
    finally:
        fork.close()


@pytest.mark.parametrize(
    "command",
    [
        "python -m tasks flower",
        "python -m tasks worker > log",
        "python -m tasks worker | cat",
        "python -m tasks worker -n $(hostname)",
        "python -m tasks_of_mine worker",
        "python -c 'import time'",
        "env A=b python -m tasks beat",
    ],
)
def test_what_is_no_program_of_ours_is_left_to_a_shell(command: str) -> None:
    assert not is_shared(command)


def test_a_fleet_forks_what_shares_its_imports(world: World) -> None:
    procfile = read_procfile(PROJECT / "Procfile", {})
    forked = [each.name for each in procfile if parent_of(world.pid(each.name)) == world.pid("warm")]
    assert forked == [each.name for each in procfile if each.name != "flower"]
