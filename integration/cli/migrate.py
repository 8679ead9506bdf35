"""``fleet migrate``: brings the database up to date."""

from __future__ import annotations

import click

import mappings
from integration import preflight
from integration.connectors import offers
from integration.store.migrate import migrate as apply
from integration.terminal.render import say
from integration.vault import Vault
from integration.workflow import compiled_definitions


@click.command()
def migrate() -> None:
    """Bring the database up to date, after a check of settings and mappings.

    `fleet up` does this by itself; with a DATABASE_URL of your own, run it before you start the processes.

    \b
    Examples:
      fleet migrate
    """
    settings = preflight.load()
    # The processes that start next must be able to load them.
    compiled_definitions(mappings.FOLDER, offers(settings.kinds))
    vault = Vault(settings.encryption_keys)
    applied = apply(settings.database_url, lambda tx: preflight.check_keys(tx, vault))
    say("\n".join(f"applied {name}" for name in applied) or "up to date")
