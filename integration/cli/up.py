"""`fleet up`: starts a whole fleet, in this terminal or in the background."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import click
from rich.console import Console

from integration.cli.urls import show, with_link
from integration.local.fleet import Fleet
from integration.local.processes import PROJECT
from integration.local.run import Run, Start, in_background
from integration.settings import home_of, runtime_file, variables
from integration.terminal.option_types import SystemName
from integration.terminal.progress import Terminal


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Return when all is up; the fleet runs on in the background.")
@click.option("--port-base", type=click.IntRange(1024, 65000), help="Use this port and the ones after it.")
@click.option(
    "--sandbox",
    type=SystemName(),
    multiple=True,
    help="Play this system by the sandbox, beside configured ones.",
)
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    default=PROJECT / "Procfile",
    show_default="the Procfile of the project",
    help="Start these processes.",
)
@click.option("--verbose", is_flag=True, help="Show every line the processes log, not only warnings.")
def up(detach: bool, port_base: int | None, sandbox: tuple[str, ...], procfile: Path, verbose: bool) -> None:
    """Start everything and run until Ctrl-C, or with --detach until `fleet stop`.

    With no system configured the sandbox plays all of them; otherwise only configured ones take part.

    \b
    Examples:
      fleet up
      fleet up --detach
      fleet up --port-base 9000
      ODOO_URL=https://odoo.example ... fleet up --sandbox clarity
    """
    console = Console(highlight=False)
    screen = Terminal(console, verbose=verbose)
    start = Start(sandbox, port_base, procfile)
    if detach:
        began = time.monotonic()
        with screen:
            in_background(start, screen)
        home = home_of(variables())
        screen.note(
            f"The fleet is up after {time.monotonic() - began:.1f} s, in the background. "
            f"`fleet stop` stops it; its logs: `fleet logs`, {home}/log"
        )
        show(console, with_link(json.loads(runtime_file(home).read_text())))
        return

    def is_up(fleet: Fleet, seconds: float) -> None:
        screen.note(f"The fleet is up after {seconds:.1f} s. Ctrl-C stops it; its logs: {fleet.home}/log")
        with contextlib.suppress(OSError, SystemExit):
            show(console, with_link(fleet.environment))

    Run(start, screen).until_stopped(is_up, lambda: screen)
