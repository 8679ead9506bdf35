"""`fleet restart`: starts processes of the running fleet anew, or all of it."""

from __future__ import annotations

import json

import click

import mappings
from integration import connectors, preflight
from integration.errors import Failure
from integration.local import state, stopping
from integration.rules.workflow import compiled_definitions
from integration.settings import Environment, Settings, runtime_file, variables
from integration.terminal.nearest import nearest
from integration.terminal.render import say


def _completed(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    running = state.read(Settings.load().home)
    return [each.name for each in running.programs if each.name.startswith(begun)] if running else []


@click.command()
@click.argument("process", nargs=-1, shell_complete=_completed)
def restart(process: tuple[str, ...]) -> None:
    """Start each PROCESS of the running fleet anew; all of it, servers too, for none.

    Work in hand is finished first. Only a restart of all takes up the settings that are set here, on top of those that
    the fleet has: set one to nothing to take it out. Changed mappings are published with it; `fleet mapping publish`
    does that without a restart. What cannot work is refused before anything is stopped.

    \b
    Examples:
      fleet restart
      fleet restart worker-odoo beat
      ODOO_RATE=5 fleet restart
    """
    settings = Settings.load()
    running = state.read(settings.home)
    known = [each.name for each in running.programs] if running else []
    for name in process:
        if running and name not in known:
            raise click.UsageError(f"there is no process {name!r}; {nearest(name, known)}")
    changed = {}
    if not process:
        preflight.checked(settings)
        compiled_definitions(mappings.FOLDER, connectors.offers(settings.kinds))
        changed = _settings_here(settings)
    now = stopping.restart(settings.home, process, changed)
    if process:
        for each in now.programs:
            if each.name in process:
                say(f"{each.name} is up again, pid {each.pid}.")
        return
    say("The fleet is up again.")
    for warning in now.warnings:
        say(f"warning: {warning}")


def _settings_here(settings: Settings) -> dict[str, str]:
    """What is set in this command's own environment, files read."""
    try:
        running = json.loads(runtime_file(settings.home).read_text())
    except FileNotFoundError as error:
        raise Failure(f"no fleet runs in {settings.home}", hint="Start one with `./fleet up`.") from error
    here = Environment(variables(), {}).resolved()
    names = Environment(here, running).settings() - {"FLEET_HOME"}
    return {name: value for name, value in here.items() if name in names}
