"""`fleet stop`: stops the running fleet, wherever it was started."""

from __future__ import annotations

import click

from integration.local.stopping import stop as stop_fleet
from integration.settings import Settings
from integration.terminal.render import say


@click.command()
def stop() -> None:
    """Stop the running fleet, and wait until all of it has ended.

    Work in hand is finished first, for up to 30 s; what is not goes on at the next start.

    \b
    Examples:
      fleet stop
    """
    home = Settings.load().home
    stopped = stop_fleet(home, lambda names: say(f"Waiting for {', '.join(names)}."))
    say("Stopped." if stopped else f"Nothing runs in {home}.")
