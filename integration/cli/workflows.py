"""``fleet workflows``: which events lead where."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from integration.cli.mapping import folder_option
from integration.connectors import offers
from integration.rules.definition_problems import found_in
from integration.rules.in_force import InForce
from integration.rules.offers import lead_nowhere
from integration.rules.workflow import Workflow, compiled_definitions, load_definitions
from integration.settings import Settings
from integration.terminal.definitions import in_force
from integration.terminal.listing import show_rows
from integration.terminal.render import json_option, say, table
from integration.terminal.session import open_database

COLUMNS = ("name", "on", "source", "target", "fulfils", "needs", "then", "pin")


@click.group()
def workflows() -> None:
    """See which events lead to which target.

    \b
    Examples:
      fleet workflows ls
      fleet workflows check
    """


@workflows.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="List those in these files instead, such as mappings.",
)
@json_option
def ls(folder: Path | None, as_json: bool) -> None:
    """List the workflows in force, with the events that start them and the pin that deliveries keep.

    \b
    Examples:
      fleet workflows ls
      fleet workflows ls --folder mappings
    """
    known = None
    if not folder:
        with open_database() as database:
            known = in_force(database)
    rows = [
        {
            "mapping_version": version,
            "name": each.name,
            "source": each.source,
            "target": each.target,
            "entity": each.entity,
            "on": sorted(each.on),
            "fulfils": each.fulfils if as_json else _fulfils(each),
            "transform": [mapping.name for mapping in each.transform],
            "needs": [entity for entity, _ in each.needs],
            "then": dict(each.then) if as_json else [f"{key} {_shown(value)}" for key, value in each.then.items()],
            "pin": each.pin if as_json else each.pin[:12],
        }
        for version, each in _listed(known, folder)
    ]
    if as_json:
        show_rows(rows)
        return
    table(COLUMNS, rows, empty="No workflows.")
    if known:
        also = f", and version {known.canary.version} for {known.share} % of the objects" if known.canary else ""
        say(f"Version {known.whole.version} is in force{also}.")


@workflows.command()
@folder_option
@json_option
def check(folder: Path, as_json: bool) -> None:
    """Compile every workflow; exit 1 with every problem at once; list the events that lead nowhere.

    A workflow cannot work if it names a system, an event, an entity or a mapping that is not there, or if a mapping or
    value table that it may use has a problem.  An event leads nowhere when no workflow takes it: it is stored and
    skipped.

    \b
    Examples:
      fleet workflows check
      fleet workflows check --json
    """
    offered = offers(Settings.load().kinds)
    if problems := found_in(folder, offered):
        if as_json:
            show_rows([vars(each) for each in problems], ok=False, workflows=[], lead_nowhere={})
        else:
            say("\n".join(map(str, problems)))
        sys.exit(1)
    found = compiled_definitions(folder, offered).workflows
    nowhere = lead_nowhere(found, offered)
    if as_json:
        show_rows([], ok=True, workflows=[each.name for each in found], lead_nowhere=nowhere)
        return
    say("\n".join(f"{each.name}: all well" for each in found))
    for source, events in nowhere.items():
        say(f"warning: no workflow takes these events of {source}: {', '.join(events)}")


def _listed(known: InForce | None, folder: Path | None) -> Iterator[tuple[int | None, Workflow]]:
    """The workflows with the version they are in force by; of a canary those that differ."""
    if known is None:
        assert folder
        yield from ((None, each) for each in load_definitions(folder).workflows)
        return
    seen: set[str] = set()
    for published in filter(None, (known.whole, known.canary)):
        yield from ((published.version, each) for each in published.current.values() if each.pin not in seen)
        seen |= set(published.pins.values())


def _fulfils(workflow: Workflow) -> str:
    """Which lines the target fulfils, of what has lines."""
    if not workflow.fulfils:
        return "a copy for the books"
    return "its lines" if workflow.split else "all"


def _shown(value: Any) -> str:
    """A status, a condition or a system as it is; statuses by stage on one line."""
    return " | ".join(f"{stage}: {status}" for stage, status in value.items()) if isinstance(value, dict) else value
