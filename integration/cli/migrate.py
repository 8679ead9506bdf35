"""``fleet migrate``: brings the database up to date."""

from __future__ import annotations

import click

from integration.cli.render import say
from integration.settings import Settings
from integration.store.migrate import migrate as apply


@click.command()
def migrate() -> None:
    """Bring the database up to date.  `fleet up` does this by itself; with DATABASE_URL of your own, run it first."""
    applied = apply(Settings.load().need_stores().database_url)
    say("\n".join(f"applied {name}" for name in applied) or "up to date")
