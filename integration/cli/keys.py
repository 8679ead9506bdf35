"""``fleet keys``: lists the encryption keys, makes a new one, and seals everything that is stored under it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
from rich.progress import Progress

from integration import preflight
from integration.errors import Failure, Hold
from integration.local.credentials import FILE, Credentials
from integration.settings import Environment, Settings, operator, variables
from integration.store import audit, secrets
from integration.store.database import Database
from integration.store.secrets import SEALED, Column, Key, Renewed
from integration.terminal.listing import show_rows
from integration.terminal.render import console, json_option, say, table
from integration.terminal.session import open_database
from integration.vault import Vault, fingerprint, new_key

COLUMNS = ("key", "fingerprint", "seals", "opens")
BATCH = 50
"""Values at a time: the largest are of a megabyte."""
MOST_PASSES = 5
PAUSE = 1.0
"""Seconds after which a concurrent change of a value has ended."""

MADE = """\
A new encryption key was made; the old one still opens everything.
  1. fleet restart
  2. fleet keys rotate"""

STEPS = """\
The fleet has one encryption key.  To replace it while the fleet runs:
  1. fleet keys new                     prints a new key
  2. FLEET_ENCRYPTION_KEYS=<old>,<new>  then restart the receiver and every worker, in any order: all can open it
  3. FLEET_ENCRYPTION_KEYS=<new>,<old>  then restart them all again: all seal under it
  4. fleet keys rotate                  brings what is stored under the new key
  5. FLEET_ENCRYPTION_KEYS=<new>        then restart them all, and keep the old key no longer than your backups
`fleet restart` starts all anew at once, with what is set where you run it: leave out step 2."""

MAY_GO = """\
The old key may go: `fleet keys rotate --drop-old` removes it from the fleet's home.  Backups still need it."""
GONE = "The old key is gone; the running fleet knows it until `fleet restart`.  Backups still need it."
TAKE_OUT = """\
The old key may go: leave it out of FLEET_ENCRYPTION_KEYS and run `fleet restart`.  Backups still need it."""


@dataclass
class Tally:
    """What a pass over everything sealed has found.

    ``renewed`` were sealed anew, ``left`` would have been, had they not been changed meanwhile; no key opens the
    ``unreadable``.
    """

    values: int = 0
    renewed: int = 0
    left: int = 0
    unreadable: int = 0


@click.group()
def keys() -> None:
    """The keys under which bodies, documents and secrets are stored."""


@keys.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the keys, newest first, each by a fingerprint, with how many stored values it opens.

    Reads everything that is stored, in small batches.  A key that opens nothing may go; backups may still need it.

    \b
    Examples:
      fleet keys ls
      fleet keys ls --json
    """
    known = preflight.load().encryption_keys
    vault, opened = Vault(known), Counter[int | None]()
    with open_database() as database:
        for value in _values(database, quiet=as_json):
            try:
                opened[vault.opener(value)] += 1
            except Hold:
                opened[None] += 1
    rows = [
        {"key": place + 1, "fingerprint": fingerprint(key), "seals": not place, "opens": opened[place]}
        for place, key in enumerate(known)
    ]
    if as_json:
        show_rows(rows, unreadable=opened[None])
        return
    table(COLUMNS, rows, empty="")
    if opened[None]:
        say(f"Values opened by no key, for one is missing or they were altered: {opened[None]}")


@keys.command()
@json_option
def new(as_json: bool) -> None:
    """Print a new key for FLEET_ENCRYPTION_KEYS.

    \b
    Examples:
      fleet keys new
    """
    key = new_key()
    if as_json:
        show_rows([{"key": key, "fingerprint": fingerprint(key)}])
    else:
        click.echo(key)


@keys.command()
@click.option("--drop-old", is_flag=True, help="Remove old keys that `up` made, once nothing is left under them.")
@click.pass_context
def rotate(ctx: click.Context, drop_old: bool) -> None:
    """Bring everything that is stored under the newest key, while the fleet runs.

    Works in small batches that block no delivery.  May be interrupted and started again at any time: what is under the
    newest key already is only read.  Where `up` made the key, makes a new one first; otherwise prints the steps.

    \b
    Examples:
      fleet keys rotate
      fleet keys rotate --drop-old
    """
    settings = preflight.load()
    made = _made_by_up(settings)
    if made and len(made.encryption_keys) == 1:
        made.with_keys(settings.home, (new_key(), *made.encryption_keys))
        click.echo(MADE)
        return
    if made and made.encryption_keys[0] != settings.encryption_keys[0]:
        raise Failure(
            "the fleet does not use its new key yet",
            hint="Run `fleet restart`, then this again.",
        )
    if len(settings.encryption_keys) == 1:
        click.echo(STEPS)
        return
    unreadable = _rotate_all(Vault(settings.encryption_keys))
    if made and drop_old:
        made.with_keys(settings.home, made.encryption_keys[:1])
    click.echo(TAKE_OUT if not made else GONE if drop_old else MAY_GO)
    ctx.exit(1 if unreadable else 0)


def _made_by_up(settings: Settings) -> Credentials | None:
    """The credentials in the fleet's home if it runs with the keys that are kept there."""
    if Environment(variables(), {}).get("FLEET_ENCRYPTION_KEYS") or not (settings.home / FILE).exists():
        return None
    kept = Credentials.load(settings.home)
    return kept if set(kept.encryption_keys) & set(settings.encryption_keys) else None


def _rotate_all(vault: Vault) -> int:
    """Passes over everything until there is nothing to do; how much no key opens."""
    with open_database() as database:
        renewed = 0
        for _ in range(MOST_PASSES):
            tally = _pass(database, vault)
            renewed += tally.renewed
            if not tally.renewed + tally.left:
                break
            time.sleep(PAUSE if tally.left else 0.0)
        else:
            raise Failure(
                "values are still being sealed under an old key",
                hint="A process runs with the old key in front: put the new one first in FLEET_ENCRYPTION_KEYS, run "
                "`fleet restart`, then this again.",
            )
        with database.transaction() as tx:
            audit.note(tx, operator(), "keys rotate", [None], renewed=renewed, unreadable=tally.unreadable)
    say(f"{tally.values} values are stored; {renewed} were brought under the newest key.")
    if tally.unreadable:
        say(f"{tally.unreadable} of them cannot be opened by any key: a key is missing, or they were altered.")
    return tally.unreadable


def _pass(database: Database, vault: Vault) -> Tally:
    tally = Tally()
    for column, values in _batches(database):
        _renew(database, vault, column, values, tally)
    return tally


def _values(database: Database, *, quiet: bool) -> Iterator[bytes]:
    for _, values in _batches(database, quiet=quiet):
        yield from (value for _, value in values)


def _batches(database: Database, *, quiet: bool = False) -> Iterator[tuple[Column, Sequence[tuple[Key, bytes]]]]:
    """All that is sealed, column by column; shows how far it is, unless it is to be quiet."""
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        for column in SEALED:
            with database.statement() as tx:
                bar = progress.add_task(f"{column.table}.{column.name}", total=secrets.count(tx, column))
            last = column.before_first
            while True:
                with database.statement() as tx:
                    values = secrets.read(tx, column, last, BATCH)
                if not values:
                    break
                yield column, values
                last = values[-1][0]
                progress.advance(bar, len(values))


def _renew(database: Database, vault: Vault, column: Column, values: Sequence[tuple[Key, bytes]], tally: Tally) -> None:
    """Brings these values under the newest key and adds them to the tally."""
    renewed = []
    for key, old in values:
        try:
            fresh = vault.rotate(old)
        except Hold:
            tally.unreadable += 1
            continue
        if fresh is not None:
            renewed.append(Renewed(key, old, fresh))
    done = 0
    if renewed:
        with database.statement() as tx:
            done = secrets.replace(tx, column, renewed)
    tally.values += len(values)
    tally.renewed += done
    tally.left += len(renewed) - done
