"""The supervisor: starts the programs of a Procfile, knows when they are ready, restarts what crashes, drains them."""

from __future__ import annotations

import math
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from integration.errors import Failure
from integration.local.account import Account
from integration.local.child_processes import Child, ProcessGroup
from integration.local.forks import Forks, is_shared
from integration.local.ports import answers
from integration.local.state import DOWN, STARTING, UP

PROJECT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 90.0
LONGEST_PAUSE = 30.0
STABLE = 60.0  # seconds without a crash after which the pause before a restart is short again

# What is called worker-… is ready when Celery says so: "odoo@host ready."
WORKER = "worker-"
WORKER_READY = re.compile(r"@[^\s@]+ ready\.")


class Screen(Protocol):
    """Shows what happens."""

    def line(self, name: str, text: str) -> None:
        """A process wrote a line to its log."""

    def note(self, text: str, *, warning: bool = False) -> None:
        """Something an operator wants to know."""

    def ready(self, name: str, waiting_for: list[str]) -> None:
        """One part of the fleet is up; these are still starting."""


@dataclass(frozen=True)
class Program:
    """One line of a Procfile: a name and one shell command (no ``;``, no ``&&``).

    ``bind`` is where it answers HTTP once it is ready, if it does.
    """

    name: str
    command: str
    bind: str | None = None


def read_procfile(path: Path, binds: Mapping[str, str]) -> list[Program]:
    """The programs in the order of the file; raises `Failure` for a line that is none."""
    programs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([\w-]+):\s*(\S.*)", line)
        if not match:
            raise Failure(f"{path.name}, line {number} is not `name: command`", hint="Correct that line.")
        programs.append(Program(match[1], match[2], binds.get(match[1])))
    return programs


class Process:
    """One program, running: its output goes to ``log/<name>.log`` and, line by line, to the screen."""

    def __init__(self, program: Program, home: Path, group: ProcessGroup, forks: Forks, screen: Screen) -> None:
        self.name = program.name
        self.log = home / "log" / f"{program.name}.log"
        self.last_lines: deque[str] = deque(maxlen=12)
        self._program = program
        self._screen = screen
        self._child = Child(home / "run" / f"{program.name}.pid", group, self.log, self._hear)
        self._forks = forks
        self._said_ready = not program.name.startswith(WORKER)
        self._was_ready = False
        self._starts = 0
        self._started_at = 0.0
        self._pause = 0.5

    def start(self, environment: Mapping[str, str]) -> None:
        self._starts += 1
        self._was_ready = False
        self._said_ready = not self.name.startswith(WORKER)
        self._started_at = time.monotonic()
        self.last_lines.clear()
        self._child.begin(partial(self._forks.start, self._program.name, self._program.command, environment))

    @property
    def is_forked(self) -> bool:
        return is_shared(self._program.command)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def ready(self) -> bool:
        return self.running and self._said_ready and (self._program.bind is None or answers(self._program.bind))

    @property
    def restarts(self) -> int:
        """How often it was started after the first time."""
        return max(self._starts - 1, 0)

    @property
    def state(self) -> str:
        """Up from when it was ready first since its last start; before that starting; down when it has ended."""
        if not self.running:
            return DOWN
        self._was_ready = self._was_ready or self.ready
        return UP if self._was_ready else STARTING

    @property
    def ending(self) -> str:
        code = self._child.exit_code
        return f"was killed by signal {-code}" if code and code < 0 else f"ended with exit code {code}"

    @property
    def complaint(self) -> str | None:
        """The line by which it said why it cannot go on (`Failure.line`), if it did."""
        return next((line for line in self.last_lines if line.startswith("error: ")), None)

    def pause(self) -> float:
        """Seconds until it may be started again: doubling while it keeps crashing."""
        lived = time.monotonic() - self._started_at
        self._pause = 1.0 if lived > STABLE else min(self._pause * 2, LONGEST_PAUSE)
        return self._pause

    def signal(self, number: signal.Signals) -> None:
        self._child.signal(number)

    def wait(self, timeout: float) -> None:
        """Waits for its end, by force after ``timeout`` seconds, and for its last words."""
        self._child.wait(timeout)

    def _hear(self, text: str) -> None:
        self.last_lines.append(text)
        self._said_ready = self._said_ready or bool(WORKER_READY.search(text))
        self._screen.line(self.name, text)


class Supervisor:
    """All processes of a fleet.  After `watch` they are kept alive until `stop`."""

    def __init__(self, programs: Iterable[Program], home: Path, screen: Screen, account: Account | None = None) -> None:
        """``account`` is whom the programs run as, None who we are."""
        self._group = ProcessGroup()
        self._screen = screen
        self._forks = Forks(home, self._group, account.options(PROJECT) if account else {"cwd": PROJECT})
        self.processes = {each.name: Process(each, home, self._group, self._forks, screen) for each in programs}
        self._leaving: dict[str, float] = {}
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Starts everything at once, returns when all of it is ready; `Failure` if a process ends or takes too long."""
        if self._forks.works and any(process.is_forked for process in self.processes.values()):
            self._forks.prepare(environment)
        for process in sorted(self.processes.values(), key=lambda process: process.is_forked):
            process.start(environment)
        waiting = [*self.processes.values()]
        deadline = time.monotonic() + START_TIMEOUT
        while waiting:
            for process in self.processes.values():
                if not process.running:
                    process.wait(1)
                    raise _exit_report(process)
                if process in waiting and process.ready:
                    waiting.remove(process)
                    self._screen.ready(process.name, [each.name for each in waiting])
            if time.monotonic() > deadline:
                names = ", ".join(each.name for each in waiting)
                raise Failure(f"not ready after {START_TIMEOUT:.0f} s: {names}", hint=f"See {waiting[0].log}.")
            time.sleep(0.05)

    def watch(self, environment: Mapping[str, str], also: Callable[[], None]) -> None:
        """Restarts what crashes from now on, with growing pauses.  ``also`` is called at every look."""
        self._watcher = threading.Thread(target=self._watch, args=[environment, also], daemon=True, name="supervisor")
        self._watcher.start()

    def restart(self, names: Iterable[str], patience: float) -> None:
        """Ends these processes as `stop` does; the watch, in which this is called, starts each again once it ended."""
        for name in self.processes.keys() & set(names):
            self._screen.note(f"{name} is restarted")
            self._leaving[name] = time.monotonic() + patience
            self.processes[name].signal(signal.SIGTERM)

    def stop(self, stages: Iterable[Callable[[str], bool]], patience: float) -> None:
        """Ends the processes stage by stage: SIGTERM, then SIGKILL for those still there after ``patience`` seconds."""
        self._stopping.set()
        if self._watcher:
            self._watcher.join()
        for belongs in stages:
            stage = [process for process in self.processes.values() if belongs(process.name)]
            for process in stage:
                process.signal(signal.SIGTERM)
            deadline = time.monotonic() + patience
            for process in stage:
                process.wait(max(deadline - time.monotonic(), 0.1))
        self._forks.close()
        self._group.release(kill=True)

    def kill(self) -> None:
        """Ends all at once, from a signal handler too; `stop` still has to be called."""
        for process in self.processes.values():
            process.signal(signal.SIGKILL)

    def _watch(self, environment: Mapping[str, str], also: Callable[[], None]) -> None:
        due: dict[str, float] = {}
        while not self._stopping.wait(0.2):
            also()
            for name, process in self.processes.items():
                if process.running:
                    if time.monotonic() > self._leaving.get(name, math.inf):
                        process.signal(signal.SIGKILL)
                    continue
                if self._leaving.pop(name, None):
                    due.pop(name, None)
                    process.start(environment)
                elif name not in due:
                    pause = process.pause()
                    due[name] = time.monotonic() + pause
                    why = f" ({process.complaint})" if process.complaint else ""
                    self._screen.note(f"{name} {process.ending}{why}; starting it again in {pause:.0f} s", warning=True)
                elif time.monotonic() >= due[name]:
                    del due[name]
                    process.start(environment)


def _exit_report(process: Process) -> Failure:
    if process.complaint:
        reason, _, fix = process.complaint.removeprefix("error: ").removesuffix(")").partition(" (fix: ")
        return Failure(f"{process.name} cannot start: {reason}", hint=fix or f"See {process.log}.")
    last_words = "\n".join(f"  {line}" for line in process.last_lines)
    return Failure(f"{process.name} {process.ending} while it started:\n{last_words}", hint=f"See {process.log}.")
