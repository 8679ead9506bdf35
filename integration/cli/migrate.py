"""``fleet migrate``: brings the database up to date."""

from __future__ import annotations

import click

from integration import preflight, publishing
from integration.settings import operator
from integration.store.database import Database, Transaction
from integration.store.migrate import migrate as apply
from integration.terminal.render import say
from integration.vault import Vault


@click.command()
def migrate() -> None:
    """Bring the database up to date, and publish what ships in mappings/ if it is new.

    `fleet up` does this by itself; with a DATABASE_URL of your own, run it before you start the processes.

    \b
    Examples:
      fleet migrate
    """
    settings = preflight.load()
    vault = Vault(settings.encryption_keys)

    def check(tx: Transaction) -> None:
        preflight.check_keys(tx, vault)
        publishing.check_files(tx, settings.kinds)

    applied = apply(settings.database_url, check)
    say("\n".join(f"applied {name}" for name in applied) or "up to date")
    with Database(settings.database_url, connections=1).transaction() as tx:
        if started := publishing.at_start(tx, settings.kinds, operator()):
            say(started.text, err=started.warning)
