"""Child processes that end when we end: a leash for the ungraceful end, pid files for whoever comes after it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

LEFTOVER_PATIENCE = 10.0


class Leash:
    """A process group whose members get SIGTERM when this process ends, even by ``kill -9``.

    A shell at the head of the group waits on a pipe that only this process holds open.  As the group is not the
    terminal's, a Ctrl-C reaches this process alone, which can then stop its children in order.
    """

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", 'trap "" HUP INT TERM; read _; kill -TERM 0'],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def group(self) -> int:
        return self._shell.pid

    def release(self, *, kill: bool = False) -> None:
        """Ends the group: SIGTERM, or SIGKILL when ``kill``, to whatever is left in it."""
        if self._shell.poll() is None and kill:
            os.killpg(self.group, signal.SIGKILL)
        if self._shell.stdin:
            self._shell.stdin.close()
        self._shell.wait()


class Child:
    """One child process on a leash, recorded in a pid file.  ``start`` first ends what an earlier owner left behind.

    From one start to the next the pid file is never missing or half written: whoever reads it finds a whole entry.
    """

    def __init__(self, pid_file: Path, leash: Leash) -> None:
        self._pid_file = pid_file
        self._leash = leash
        self._process: subprocess.Popen[str] | None = None

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts the command with these `subprocess.Popen` options; its standard input is empty."""
        stop_leftover(self._pid_file)
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, text=True, errors="replace", process_group=self._leash.group, **options
        )
        self._record(self._process.pid)
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How the process ended (negative: by that signal); None while it runs and before it was started."""
        return self._process.poll() if self._process else None

    def signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def wait(self, timeout: float) -> None:
        """Waits for the end; kills the process when ``timeout`` seconds have passed."""
        if not self._process:
            return
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _record(self, pid: int) -> None:
        self._pid_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._pid_file.with_suffix(".new")
        fresh.write_text(f"{pid} {started(pid)}")
        fresh.rename(self._pid_file)


def stop_leftover(pid_file: Path, number: signal.Signals = signal.SIGTERM) -> None:
    """Ends the process a pid file names, if it is still that process.  The file stays, until another replaces it."""
    try:
        pid_text, _, since = pid_file.read_text().partition(" ")
        pid = int(pid_text)
    except (FileNotFoundError, ValueError):
        return
    deadline = time.monotonic() + LEFTOVER_PATIENCE
    while started(pid) == since:
        overdue = time.monotonic() > deadline
        os.kill(pid, signal.SIGKILL if overdue else number)
        time.sleep(0.1)


def started(pid: int) -> str | None:
    """When the process started, which with its pid tells it from any other; None when it is gone or a zombie."""
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else fields[18]


def _started_by_ps(pid: int) -> str | None:
    found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, since = found.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else since.strip()
