"""Child processes and their pid files."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.local.child_processes import Child, ProcessGroup


@pytest.fixture
def group() -> Iterator[ProcessGroup]:
    group = ProcessGroup()
    yield group
    group.release(kill=True)


def test_a_pid_file_is_whole_at_any_moment_between_two_starts(group: ProcessGroup, tmp_path: Path) -> None:
    pid_file = tmp_path / "sleeper.pid"
    child = Child(pid_file, group, tmp_path / "sleeper.log")
    child.start(["sleep", "60"])
    ended, seen = threading.Event(), set[str]()

    def look() -> None:
        while not ended.is_set():
            try:
                words = pid_file.read_text().split()
            except FileNotFoundError:
                words = []
            seen.add("whole" if len(words) == 2 and all(map(str.isdigit, words)) else f"{words}")

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(30):
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
        child.start(["sleep", "60"])
    ended.set()
    reader.join()
    assert seen == {"whole"}
    child.signal(signal.SIGKILL)
    child.wait(5)
    assert not pid_file.exists()
