"""Child processes that end when we end: a group for the ungraceful end, pid files for whoever comes after it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any, Protocol

LEFTOVER_PATIENCE = 10.0
LOG_SIZE = 10_000_000
LOGS_KEPT = 3
"""Bytes of one log file, and how many older ones stay beside it."""


class ProcessGroup:
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


class Running(Protocol):
    """A process under way: what `subprocess.Popen` offers of it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def kill(self) -> None: ...


def spawn(command: list[str], group: ProcessGroup, output: int, /, **options: Any) -> Running:
    """Starts a command on a group, with these options of `subprocess.Popen`; its standard input is empty."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=group.group,
        umask=0o077,
        **options,
    )


class Child:
    """One child process on a group, recorded in a pid file.  ``start`` first ends what an earlier owner left behind.

    What it writes to its standard output and error goes to its ``log``, whose size is bounded, and line by line to
    ``heard``.  It creates no file that others may read.

    From one start to the next the pid file is never missing or half written: whoever reads it finds a whole entry.
    """

    def __init__(
        self, pid_file: Path, group: ProcessGroup, log: Path, heard: Callable[[str], None] = lambda _: None
    ) -> None:
        self._pid_file = pid_file
        self._group = group
        self._log = log
        self._heard = heard
        self._process: Running | None = None
        self._reader = threading.Thread()

    def start(self, command: list[str], **options: Any) -> None:
        """Starts the command with these `subprocess.Popen` options; its standard input is empty."""
        self.begin(lambda output: spawn(command, self._group, output, **options))

    def begin(self, start: Callable[[int], Running]) -> None:
        """Starts it by a function, which is given the descriptor that the output is to go to."""
        stop_leftover(self._pid_file)
        reading, writing = os.pipe()
        try:
            self._process = start(writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._record(self._process.pid)
        output = os.fdopen(reading, encoding="utf-8", errors="replace")
        self._reader = threading.Thread(target=self._read, args=[output], daemon=True, name=f"log of {self._log.stem}")
        self._reader.start()

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
        """Waits for the end and the last words; kills the process when ``timeout`` seconds have passed."""
        if not self._process:
            return
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(1)
        self._pid_file.unlink(missing_ok=True)

    def _record(self, pid: int) -> None:
        self._pid_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._pid_file.with_suffix(".new")
        with private_file(fresh, "w") as file:
            file.write(f"{pid} {started(pid)}")
        fresh.rename(self._pid_file)

    def _read(self, output: IO[str]) -> None:
        log = PrivateLog(self._log, maxBytes=LOG_SIZE, backupCount=LOGS_KEPT, encoding="utf-8", errors="replace")
        with output:
            for line in output:
                text = line.rstrip("\n")
                log.emit(logging.makeLogRecord({"msg": text}))
                self._heard(text)
        log.close()


class PrivateLog(RotatingFileHandler):
    """A log of bounded size that only its owner may read."""

    def _open(self) -> TextIOWrapper:
        return private_file(Path(self.baseFilename), self.mode)


def private_file(path: Path, mode: str) -> TextIOWrapper:
    """Opens a text file; one that is made now may be read by its owner only."""
    flags = {"a": os.O_APPEND, "w": os.O_TRUNC, "x": os.O_EXCL}[mode]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")


def keep_private(tree: Path) -> None:
    """Makes a directory for its owner only, also of one that others might read so far."""
    tree.mkdir(mode=0o700, exist_ok=True)
    if tree.stat().st_mode & 0o077:
        for path in (*tree.rglob("*"), tree):
            path.chmod(path.stat().st_mode & ~0o077)


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
    """When the process started, which with its pid identifies it; None when it is gone or a zombie."""
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
