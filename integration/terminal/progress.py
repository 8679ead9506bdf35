"""A screen for a fleet that starts and runs: its progress, and the important lines of its logs."""

from __future__ import annotations

import contextlib
import time

from rich.console import Console
from rich.status import Status
from rich.text import Text

from integration.terminal.log_lines import IMPORTANT, for_people, level_of
from integration.terminal.render import visible

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")


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
            self._print(Text.assemble((f"{name:>14} ", colour), "| ", visible(for_people(text))))

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
        if level := level_of(text):
            self._important[name] = level in IMPORTANT
        return self._important.get(name, False) and bool(text.strip())
