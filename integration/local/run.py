"""A fleet from its start until somebody stops it, in this terminal or in the background."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from integration.errors import Failure
from integration.local.fleet import Fleet
from integration.local.journal import log_file
from integration.local.processes import Screen
from integration.settings import home_of, variables


@dataclass(frozen=True)
class Start:
    """How a fleet is to be started: `Fleet.start` has these."""

    sandbox: tuple[str, ...]
    port_base: int | None
    procfile: Path


class Run:
    """One run.  The first SIGINT, SIGTERM or SIGHUP stops the fleet in order, the second at once."""

    def __init__(self, start: Start, screen: Screen) -> None:
        self._start = start
        self._screen = screen
        self._variables = variables()
        self._fleet = self._made()
        self._asked = False
        self._again = False

    def until_stopped(
        self,
        up: Callable[[Fleet, float], None],
        while_starting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Returns when the fleet was asked to stop and has.  ``up`` is called after each start, with its seconds.

        Raises the `Failure` of a start that was not possible; nothing is left running then.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            while True:
                began = time.monotonic()
                with while_starting():
                    self._fleet.start(
                        sandbox=self._start.sandbox, port_base=self._start.port_base, procfile=self._start.procfile
                    )
                up(self._fleet, time.monotonic() - began)
                self._start_anew(self._fleet.asked.get())
        except KeyboardInterrupt:
            if not self._asked:
                raise
        finally:
            if self._fleet.working:
                self._screen.note("Stopping: work in hand is finished first. Ctrl-C again stops at once.")
            self._fleet.stop()
        self._screen.note("Stopped.")

    def _start_anew(self, settings: dict[str, str]) -> None:
        """Stops everything and makes the fleet that comes next."""
        self._again = True
        self._screen.note("Restarting: work in hand is finished first.")
        self._fleet.stop()
        self._variables |= settings
        self._fleet = self._made()
        self._again = False

    def _made(self) -> Fleet:
        return Fleet(self._variables, screen=self._screen, restartable=True)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked or self._fleet.stopping and not self._again:
            self._fleet.force()
        else:
            self._asked = True
            raise KeyboardInterrupt


def in_background(start: Start, screen: Screen) -> None:
    """Starts a fleet that outlives this process and its terminal; returns when it is up.

    Its progress is shown on the ``screen``.  Raises the `Failure` of a start that was not possible.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _run_detached(start, Piped(writing))
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8") as progress:
            _show(progress, screen)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # a Ctrl-C reaches this process alone
        os.waitpid(pid, 0)
        raise


def _show(progress: TextIO, screen: Screen) -> None:
    """Shows what comes through the pipe until the fleet is up."""
    for line in progress:
        match json.loads(line):
            case ["line", name, text]:
                screen.line(name, text)
            case ["note", text, warning]:
                screen.note(text, warning=warning)
            case ["ready", name, waiting]:
                screen.ready(name, waiting)
            case ["failed", reason, hint]:
                raise Failure(reason, hint=hint)
            case ["up"]:
                return
    raise Failure("the fleet ended while it started", hint=f"See {log_file(home_of(variables()))}.")


class Piped:
    """A screen at the other end of a pipe, for as long as somebody reads there."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "w", encoding="utf-8")

    def line(self, name: str, text: str) -> None:
        self.send("line", name, text)

    def note(self, text: str, *, warning: bool = False) -> None:
        self.send("note", text, warning)

    def ready(self, name: str, waiting_for: list[str]) -> None:
        self.send("ready", name, waiting_for)

    def send(self, *words: object) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more; it is closed
            self._pipe.write(json.dumps(words) + "\n")
            self._pipe.flush()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.close()


def _run_detached(start: Start, screen: Piped) -> NoReturn:
    """The life of the process in the background: no terminal, and its last words in the fleet's own log."""
    code = 0
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)

        def up(fleet: Fleet, _seconds: float) -> None:
            log = os.open(log_file(fleet.home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.dup2(log, 2)
            os.close(log)
            screen.send("up")
            screen.close()

        Run(start, screen).until_stopped(up)
    except Failure as failure:
        screen.send("failed", failure.reason, failure.hint)
        code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        screen.close()
        os._exit(code)
