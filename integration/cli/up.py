"""`fleet up`: starts a whole fleet, shows its progress, and stops it on Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import threading
import time
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from integration.cli.urls import addresses, show
from integration.local.fleet import Fleet
from integration.local.processes import PROJECT
from integration.settings import variables
from integration.terminal.option_types import SystemName
from integration.terminal.render import visible

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
LEVEL = re.compile(r'\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|"level": ?"(\w+)"|^\[([DIWEC]) ')
IMPORTANT = {"WARNING", "ERROR", "CRITICAL", "W", "E", "C"}


@click.command()
@click.option("--port-base", type=click.IntRange(1024, 65000), help="Use this port and the ones after it.")
@click.option(
    "--sandbox",
    type=SystemName(),
    multiple=True,
    help="Play this system by the sandbox, beside configured ones.",
)
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=PROJECT / "Procfile",
    show_default="the Procfile of the project",
    help="Start these processes.",
)
@click.option("--verbose", is_flag=True, help="Show every line the processes log, not only warnings.")
def up(port_base: int | None, sandbox: tuple[str, ...], procfile: Path, verbose: bool) -> None:
    """Start everything and run until Ctrl-C.

    With no system configured the sandbox plays all of them; otherwise only configured ones take part.

    \b
    Examples:
      fleet up
      fleet up --port-base 9000
      ODOO_URL=https://odoo.example ... fleet up --sandbox clarity
    """
    began = time.monotonic()
    console = Console(highlight=False)
    screen = Terminal(console, verbose=verbose)
    fleet = Fleet(variables(), screen=screen)
    asked = threading.Event()
    _stop_on_signals(fleet, asked)
    try:
        with screen:
            fleet.start(sandbox=sandbox, port_base=port_base, procfile=procfile)
        screen.note(
            f"The fleet is up after {time.monotonic() - began:.1f} s. Ctrl-C stops it; its logs: {fleet.home}/log"
        )
        with contextlib.suppress(OSError, SystemExit):
            show(console, addresses(fleet.environment))
        asked.wait()
    except KeyboardInterrupt:
        if not asked.is_set():
            raise
    finally:
        if fleet.working:
            screen.note("Stopping: work in hand is finished first. Ctrl-C again stops at once.")
        fleet.stop()
    screen.note("Stopped.")


class Terminal:
    """Shows progress and the important lines of the logs; a spinner only in a terminal."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._spinner: Status | None = None
        self._colours: dict[str, str] = {}
        self._important: dict[str, bool] = {}
        self._began = time.monotonic()

    def __enter__(self) -> None:
        if self._console.is_terminal:
            self._spinner = self._console.status("starting", refresh_per_second=4)
            self._spinner.start()

    def __exit__(self, *_: object) -> None:
        if self._spinner:
            self._spinner.stop()

    def line(self, name: str, text: str) -> None:
        if self._verbose or self._is_important(name, text):
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            self._print(Text.assemble((f"{name:>14} ", colour), "| ", visible(_for_people(text))))

    def note(self, text: str, *, warning: bool = False) -> None:
        self._print(Text(text, style="yellow" if warning else ""))

    def ready(self, name: str, waiting_for: list[str]) -> None:
        self._print(Text.assemble(("✓ ", "green"), f"{name:<15} {time.monotonic() - self._began:5.1f} s"))
        if self._spinner:
            self._spinner.update(f"waiting for {', '.join(waiting_for)}" if waiting_for else "starting")

    def _print(self, text: Text) -> None:
        # A closed terminal or pipe must not keep the fleet from running on, or from stopping in order.
        with contextlib.suppress(OSError, SystemExit):
            self._console.print(text, soft_wrap=True)

    def _is_important(self, name: str, text: str) -> bool:
        """By its level; a line without one belongs to the line before, as in a traceback."""
        if found := LEVEL.search(text):
            self._important[name] = next(filter(None, found.groups())).upper() in IMPORTANT
        elif text.startswith("Traceback "):
            self._important[name] = True
        return self._important.get(name, False) and bool(text.strip())


def _for_people(text: str) -> str:
    """A structured log line as ``level event (name=value ...)``; every other line as it is."""
    try:
        entry = json.loads(text) if text.startswith("{") else None
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or "event" not in entry:
        return text
    level, event, trace = entry.pop("level", ""), entry.pop("event"), entry.pop("exception", "")
    known = {"timestamp", "process", "logger"}
    rest = " ".join(f"{name}={value}" for name, value in entry.items() if name not in known)
    return f"{level} {event}" + (f" ({rest})" if rest else "") + (f"\n{trace}" if trace else "")


def _stop_on_signals(fleet: Fleet, asked: threading.Event) -> None:
    """The first Ctrl-C (or SIGTERM, or a closed terminal) stops the fleet in order, the second at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if fleet.stopping or asked.is_set():
            fleet.force()
        else:
            asked.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
