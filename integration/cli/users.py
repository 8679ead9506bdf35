"""``fleet users``: who may use the console."""

from __future__ import annotations

import click

from integration.errors import Failure
from integration.settings import Settings, operator
from integration.store import users as stored
from integration.store.database import Transaction
from integration.terminal.listing import show_rows
from integration.terminal.render import json_option, say, table
from integration.terminal.session import open_database

COLUMNS = ("name", "role", "password", "sessions", "made_at", "made_by")
ROLE = click.option("--role", type=click.Choice(stored.ROLES), default="viewer", show_default=True,
                    help="A viewer looks, an operator repairs, an admin may do everything.")  # fmt: skip


@click.group()
def users() -> None:
    """Who may use the console, and in which role.

    \b
    Examples:
      fleet users add eva --role operator
      fleet users link jane
      fleet users ls
    """


@users.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the users, and in how many browsers each is signed in.

    \b
    Examples:
      fleet users ls
      fleet users ls --json
    """
    with open_database() as database, database.transaction() as tx:
        rows = stored.listed(tx)
    if as_json:
        show_rows(rows)
    else:
        table(COLUMNS, rows, empty="Nobody may use the console yet: `fleet users add NAME`.")


@users.command("add")
@click.argument("name")
@ROLE
def add(name: str, role: stored.Role) -> None:
    """Add a user, and print a link that signs them in once; a password is set in the console.

    \b
    Examples:
      fleet users add eva --role operator
    """
    if not name.isprintable() or not 0 < len(name.strip()) <= 100:
        raise click.UsageError("A name has 1 to 100 printable characters")
    with open_database() as database, database.transaction() as tx:
        if not stored.add(tx, name, role, operator()):
            raise Failure(f"there is a user {name} already", hint=f"`fleet users role {name} {role}` changes the role.")
        link = link_of(tx, name)
    say(f"{name} is {role}.  This signs them in once, within 15 minutes:")
    say(link)


@users.command("link")
@click.argument("name")
def link(name: str) -> None:
    """Print a link that signs a user in once, within 15 minutes: for a first time, or a forgotten password.

    \b
    Examples:
      fleet users link jane
    """
    with open_database() as database, database.transaction() as tx:
        say(link_of(tx, name))


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(stored.ROLES))
def role(name: str, role: stored.Role) -> None:
    """Give a user another role, and sign them out everywhere.

    \b
    Examples:
      fleet users role jane admin
    """
    with open_database() as database, database.transaction() as tx:
        _known(tx, name)
        stored.change_role(tx, name, role, operator())
    say(f"{name} is {role}.")


@users.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a user; they are signed out at once.

    \b
    Examples:
      fleet users remove jane
    """
    with open_database() as database, database.transaction() as tx:
        _known(tx, name)
        stored.remove(tx, name, operator())
    say(f"{name} is removed.")


def link_of(tx: Transaction, name: str) -> str:
    """The address that signs a user in once; `Failure` where there is no such user."""
    _known(tx, name)
    return f"http://{Settings.load().binds['console']}/sign-in/{stored.make_link(tx, name)}"


def _known(tx: Transaction, name: str) -> None:
    if all(row["name"] != name for row in stored.listed(tx)):
        raise Failure(f"there is no user {name}", hint="`fleet users ls` lists those there are.")
