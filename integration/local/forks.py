"""Starts the programs of a fleet as forks of one process that has imported what they share: `integration.local.warm`.

Whatever that cannot run, and everything where there is no such process, is started as any other command.
"""

from __future__ import annotations

import json
import math
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from integration.local.child_processes import Child, ProcessGroup, Running, spawn, started

LOADS_FOR = 30.0
"""Seconds: a parent that has not imported everything by then is not waited for."""
REPORTED_IN = 2.0
"""Seconds after which nobody reports an end any more."""
LONGEST_TITLE = 200
"""So many characters of its command a forked program can show where processes are listed."""
UNKNOWN = 255
"""The exit code of a program whose parent ended before it."""
SHARED = re.compile(r"(gunicorn|python -m tasks(\.dispatcher| worker| beat))( (?!.*(?:[<>|;&`]|\$\()).*)?")
"""The commands that are forked; what only a shell can do is left to one."""


class Forks:
    """The programs' parent, started when it is first needed, and again when it has gone."""

    works = sys.platform == "linux"
    """Whether programs are forked here; not once a parent could not load what they share."""

    def __init__(self, home: Path, group: ProcessGroup, options: Mapping[str, Any]) -> None:
        """``options`` are those of `subprocess.Popen` for every program: the user and the directory."""
        self._group = group
        self._options = options
        self._child = Child(home / "run" / "warm.pid", group, home / "log" / "warm.log")
        self._parent: Parent | None = None
        self._environment: dict[str, str] = {}

    def prepare(self, environment: Mapping[str, str]) -> Parent:
        """The parent, under way; it may still be loading.  What it forks has the same environment."""
        if self._parent and not self._parent.gone and self._environment == environment:
            return self._parent
        self.close()
        self._environment = dict(environment)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "integration.local.warm", str(theirs.fileno()), " " * LONGEST_TITLE]
            self._child.start(command, env=self._environment, pass_fds=[theirs.fileno()], **self._options)
        self._parent = Parent(ours)
        return self._parent

    def start(self, name: str, command: str, environment: Mapping[str, str], output: int) -> Running:
        """Starts a shell command (no ``;``, no ``&&``), which writes to this descriptor."""
        if self.works and is_shared(command) and (argv := self._words(command, environment)):
            parent = self.prepare(environment)
            if forked := parent.fork(name, argv, output):
                return forked
            self.works = parent.loaded
        shell = ["/bin/sh", "-c", f"exec {command}"]
        return spawn(shell, self._group, output, env=dict(environment), **self._options)

    def close(self) -> None:
        """Ends the parent; what it has forked goes on."""
        if self._parent:
            self._parent.close()
            self._child.signal(signal.SIGTERM)  # it may still be loading
            self._child.wait(5.0)

    def _words(self, command: str, environment: Mapping[str, str]) -> list[str]:
        """The command's words as a shell expands them; none where its program is not one of our own Python."""
        script = f"set -- {command}\nprintf '%s\\0' \"$@\""
        expanded = subprocess.run(
            ["/bin/sh", "-c", script],
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            **self._options,
        )
        program, *rest = expanded.stdout.split("\0")[:-1] or [""]
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
        ours = found and not expanded.returncode and Path(found).parent == Path(sys.executable).parent
        return [str(found), *rest] if ours else []


def is_shared(command: str) -> bool:
    """Whether a command is one of those that are forked."""
    return bool(SHARED.fullmatch(command))


class Parent:
    """A process that forks, on the other side of a socket."""

    def __init__(self, requests: socket.socket) -> None:
        self.gone = False
        self._requests = requests
        self._asking = threading.Lock()
        self._heard = threading.Event()
        self.loaded = False
        self._answers: queue.SimpleQueue[Forked | None] = queue.SimpleQueue()
        self._running: dict[int, Forked] = {}
        threading.Thread(target=self._listen, daemon=True, name="forks").start()

    def fork(self, name: str, argv: list[str], output: int) -> Forked | None:
        """A program under way; None when this parent has gone, or does not come to it."""
        asked = json.dumps({"name": name, "argv": argv}).encode()
        waiting, leave = os.pipe()
        try:
            with self._asking:
                if not self._heard.wait(LOADS_FOR) or self.gone:
                    return None
                socket.send_fds(self._requests, [asked], [output, waiting])
                if forked := self._answers.get():
                    os.write(leave, b".")
                return forked
        except OSError:  # it has gone
            return None
        finally:
            os.close(waiting)
            os.close(leave)

    def close(self) -> None:
        """Lets it end."""
        with suppress(OSError):  # it has ended
            self._requests.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with self._requests:
            while message := self._next():
                answer = json.loads(message)
                if not answer:
                    self.loaded = True
                    self._heard.set()
                elif "code" in answer:
                    self._running.pop(answer["pid"]).end(answer["code"])
                else:
                    forked = self._running[answer["pid"]] = Forked(self, answer["pid"], answer["started"])
                    self._answers.put(forked)
            self.gone = True
        self._heard.set()
        self._answers.put(None)

    def _next(self) -> bytes:
        try:
            return self._requests.recv(4096)
        except OSError:
            return b""


class Forked:
    """A program that a parent has forked, with what `subprocess.Popen` offers.  It outlives its parent."""

    def __init__(self, parent: Parent, pid: int, since: str | None) -> None:
        self.pid = pid
        self._parent = parent
        self._since = since
        self._code: int | None = None
        self._ended = threading.Event()

    def end(self, code: int) -> None:
        """It has ended by this code, or by minus this signal."""
        self._code = code
        self._ended.set()

    def poll(self) -> int | None:
        """As `subprocess.Popen.poll`; `UNKNOWN` for one whose parent ended before it."""
        if not self._ended.is_set() and not self._is_there:
            self._ended.wait(0.0 if self._parent.gone else REPORTED_IN)
            self.end(UNKNOWN if self._code is None else self._code)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """As `subprocess.Popen.wait`."""
        deadline = time.monotonic() + timeout if timeout is not None else math.inf
        while (code := self.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0.0)
            self._ended.wait(min(left, 0.1))
        return code

    def send_signal(self, number: int) -> None:
        """As `subprocess.Popen.send_signal`; may be called from a signal handler."""
        if self._is_there:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As `subprocess.Popen.kill`."""
        self.send_signal(signal.SIGKILL)

    @property
    def _is_there(self) -> bool:
        return self._since is not None and started(self.pid) == self._since
