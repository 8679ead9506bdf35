"""``fleet mapping publish`` and what belongs to it: the versions of the definitions, and what differs between them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import mappings
from integration import preflight, publishing
from integration.errors import Failure
from integration.rules.definition_changes import Change, changes
from integration.rules.in_force import InForce
from integration.rules.mapping_check import check_definitions
from integration.rules.workflow import Definitions, load_definitions
from integration.settings import operator
from integration.store import audit, publications
from integration.store.database import Database
from integration.terminal.definitions import in_force
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Share
from integration.terminal.render import json_option, limit_option, say, table
from integration.terminal.session import open_database

COLUMNS = ("version", "in_force", "at", "who", "orders", "note")
VERSION = click.IntRange(1, 2**31 - 1)
folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the mappings are, if not the project's own.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command()
@click.option("--note", default="", help="Why, for whoever reads the list of versions.")
@folder_option
@click.option("--canary", type=Share(), help="For this share of the objects only, such as 10%.")
@yes_option
def publish(note: str, folder: Path | None, canary: int | None, yes: bool) -> None:
    """Put the mappings in force as a new version, at once and without a restart; shows what changes, and asks.

    Nothing is published unless every sample passes.  Deliveries that are under way keep the version they have.  A
    canary is for a share of the objects: one object always gets the same version.  Publishing for all ends it.

    \b
    Examples:
      fleet mapping publish --note "boxes of 33"
      fleet mapping publish --canary 10%
    """
    place = folder or mappings.FOLDER
    where = f" --folder {shlex.quote(str(folder))}" if folder else ""
    for checked in check_definitions(place):
        if checked.problems:
            more = f" (and {len(checked.problems) - 1} more)" if len(checked.problems) > 1 else ""
            raise Failure(
                f"nothing is published: {checked.name}: {checked.problems[0]}{more}",
                hint=f"`fleet mapping check{where}` lists everything that is wrong.",
            )
    kinds = preflight.load().kinds
    fresh = publishing.publishable(place, kinds)
    with open_database() as database:
        known = in_force(database)
        found = changes(known.whole.definitions.rows(), fresh.rows())
        if not found and (canary or not known.canary):
            say(f"Nothing to publish: version {known.whole.version} in force is the same.")
            return
        shown = f"for {canary} % of the objects" if canary else "for all objects"
        _ask(found, f"Publish this {shown}?", yes=yes)
        _publish(database, known, fresh, note, share=canary, from_files=place.resolve() == mappings.FOLDER.resolve())


@click.command()
@click.argument("version", type=VERSION, required=False)
@click.option("--note", default="", help="Why, for whoever reads the list of versions.")
@yes_option
def rollback(version: int | None, note: str, yes: bool) -> None:
    """Publish an older VERSION again, as a new version for all; by default the one before that in force.

    During a canary the default is to end it: the version for all objects is published again.

    \b
    Examples:
      fleet mapping rollback
      fleet mapping rollback 4
    """
    with open_database() as database:
        known = in_force(database)
        back_to = version or _one_before(database, known)
        older = _of_version(database, back_to).compiled()
        found = changes((known.canary or known.whole).definitions.rows(), older.rows())
        if not found and not known.canary:
            say(f"Nothing to publish: version {known.whole.version} in force is the same as version {back_to}.")
            return
        _ask(found, f"Publish version {back_to} again, for all objects?", yes=yes)
        _publish(database, known, older, note or f"version {back_to} again")


@click.command()
@limit_option
@json_option
def versions(limit: int, as_json: bool) -> None:
    """List what was published, newest first, and how many orders were last translated by each version.

    \b
    Examples:
      fleet mapping versions
      fleet mapping versions --json
    """
    with open_database() as database:
        known = in_force(database)
        with database.transaction() as tx:
            rows = publications.versions(tx, limit)
    shares = {known.whole.version: "all"} | ({known.canary.version: f"{known.share} %"} if known.canary else {})
    if as_json:
        show_rows([{**row, "in_force": row["version"] in shares} for row in rows])
        return
    shown = [{**row, "in_force": shares.get(row["version"], ""), "note": row["note"] or "-"} for row in rows]
    table(COLUMNS, shown, empty="")


@click.command()
@click.argument("a", type=VERSION, required=False)
@click.argument("b", type=VERSION, required=False)
@folder_option
@json_option
def diff(a: int | None, b: int | None, folder: Path | None, as_json: bool) -> None:
    """Say what changes from version A to version B; by default from the version in force to the files.

    \b
    Examples:
      fleet mapping diff
      fleet mapping diff 3
      fleet mapping diff 3 4
    """
    with open_database() as database:
        old = _of_version(database, a) if a else in_force(database).whole.definitions
        new = _of_version(database, b) if b else load_definitions(folder or mappings.FOLDER)
    found = changes(old.rows(), new.rows())
    if as_json:
        show_rows([each._asdict() for each in found])
    else:
        _show(found)


def _of_version(database: Database, version: int) -> Definitions:
    """The definitions of a version; `Failure` for one that there is not."""
    with database.transaction() as tx:
        rows = publications.of_version(tx, version)
    if not rows:
        raise Failure(f"there is no version {version}", hint="`fleet mapping versions` lists those there are.")
    return InForce.from_rows(rows).whole.definitions


def _one_before(database: Database, known: InForce) -> int:
    if known.canary:
        return known.whole.version
    with database.transaction() as tx:
        older = publications.before(tx, known.whole.version)
    if older is None:
        raise Failure(f"version {known.whole.version} is the first", hint="There is none to go back to.")
    return older


def _ask(found: Sequence[Change], question: str, *, yes: bool) -> None:
    _show(found)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Say --yes to publish this.")
    click.confirm(question, abort=True)


def _show(found: Sequence[Change]) -> None:
    for each in found:
        say(f"{each.document}: {each.change}")
    if not found:
        say("Nothing differs.")


def _publish(
    database: Database,
    known: InForce,
    chosen: Definitions,
    note: str,
    *,
    share: int | None = None,
    from_files: bool = False,
) -> None:
    """Publishes what was shown and asked about, unless somebody else has published since."""
    who = operator()
    with database.transaction() as tx:
        version = publications.publish(
            tx, chosen.rows(), who, note=note, share=share, from_files=from_files, after=known.newest
        )
        if version is None:
            raise Failure(
                "another version was published meanwhile", hint="`fleet mapping diff` shows what would change now."
            )
        audit.note(tx, who, "publish", [None], version=version, **({"share": share} if share else {}))
    say(f"Version {version} is in force {f'for {share} % of the objects' if share else 'for all objects'}.")
