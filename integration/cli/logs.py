"""`fleet logs`: what the processes of the fleet have logged, in one order."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime

import click
from rich.text import Text

from integration.errors import Failure
from integration.settings import Settings
from integration.terminal import log_files
from integration.terminal.listing import show_rows
from integration.terminal.log_files import EARLIEST, Line, Wanted
from integration.terminal.log_lines import IMPORTANT, LEVELS, for_people
from integration.terminal.nearest import nearest
from integration.terminal.option_types import Moment
from integration.terminal.render import console, visible

COUNT = 50


def _completed(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return [name for name in log_files.names(Settings.load().home / "log") if name.startswith(begun)]


@click.command()
@click.argument("process", nargs=-1, shell_complete=_completed)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(0, 1_000_000), help=f"How many; {COUNT}, or all with --since.")
@click.option("--level", type=click.Choice(LEVELS), default="debug", show_default=True, help="This and above.")
@click.option("--since", type=Moment(), help="Not older: 2h, yesterday, 04:00, 2026-11-20 (UTC).")
@click.option("--json", "as_json", is_flag=True, help="JSON; with --follow one document a line.")
def logs(
    process: tuple[str, ...], follow: bool, lines: int | None, level: str, since: datetime | None, as_json: bool
) -> None:
    """Show what each PROCESS has logged; all of them for none, and `fleet` for the starts and stops.

    \b
    Examples:
      fleet logs
      fleet logs worker-odoo -n 200
      fleet logs --level warning --since 2h
      fleet logs receiver -f
    """
    place = Settings.load().home / "log"
    known = log_files.names(place)
    if not known:
        raise Failure(f"there are no logs in {place}", hint="Start a fleet with `./fleet up`.")
    for name in process:
        if name not in known:
            raise click.UsageError(f"there is no log of {name!r}; {nearest(name, known)}")
    wanted = Wanted(lines if lines is not None or since else COUNT, level, since or EARLIEST)
    chosen = process or tuple(known)
    found = log_files.last(place, chosen, wanted)
    if as_json and not follow:
        show_rows([line.shown for line in found])
        return
    width = max(map(len, chosen))
    for line in found:
        _show(line, width, as_json)
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            for line in log_files.follow(place, chosen, wanted):
                _show(line, width, as_json)


def _show(line: Line, width: int, as_json: bool) -> None:
    if as_json:
        click.echo(visible(json.dumps(line.shown, ensure_ascii=False, default=str)))
        return
    at = "" if line.at == EARLIEST else f"{line.at:%Y-%m-%d %H:%M:%S} "
    style = "yellow" if line.level in IMPORTANT else ""
    text = Text.assemble((f"{at}{line.process:<{width}} ", "dim"), (visible(for_people(line.text)), style))
    console.print(text, soft_wrap=True)
