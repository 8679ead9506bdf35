"""``fleet mapping``: try the mappings on documents, and hold them against their samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click

from integration.canonical import parse_json
from integration.canonical.hints import fill_for
from integration.cli.publications import diff, publish, rollback, versions
from integration.connectors import offers
from integration.errors import Failure
from integration.rules.carried import not_carried
from integration.rules.functions import FUNCTIONS
from integration.rules.mapping_check import Checked, check_definitions
from integration.rules.workflow import load_definitions
from integration.settings import Settings
from integration.store.database import Row
from integration.terminal.listing import show_rows
from integration.terminal.render import json_option, say, show_json
from mappings import FOLDER

folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=FOLDER,
    help="Where the mappings are, if not the project's own.",
)


@click.group()
def mapping() -> None:
    """Try mappings on documents, check them against their samples, and publish them.

    \b
    Examples:
      fleet mapping check
      fleet mapping run clarity.in.order order.json
      fleet mapping publish
    """


for command in (publish, diff, versions, rollback):
    mapping.add_command(command)


@mapping.command()
@click.argument("name", required=False)
@click.option("--accept", is_flag=True, help="Write what the mappings make now into the samples, for review.")
@folder_option
@json_option
def check(name: str | None, accept: bool, folder: Path, as_json: bool) -> None:
    """Check every document, then run all samples; exit 1 with every problem at once, each with its line and column.

    NAME is one mapping, for example odoo.out.order, whose samples are run; without it those of all are, and no field
    may be carried in both directions.  A row without a sample is a problem; fields that no row reads are listed.

    \b
    Examples:
      fleet mapping check
      fleet mapping check odoo.out.order --accept
      fleet mapping check --json
    """
    checked = check_definitions(folder, name, accept=accept, offers=offers(Settings.load().kinds))
    sound = not any(each.problems for each in checked)
    if as_json:
        rows = [{"checked": each.name, **vars(problem)} for each in checked for problem in each.problems]
        show_rows(rows, ok=sound, checked=[_without_problems(each) for each in checked])
    else:
        for each in checked:
            _print_checked(each)
    sys.exit(0 if sound else 1)


@mapping.command()
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@folder_option
@json_option
def run(name: str, file: BinaryIO, folder: Path, as_json: bool) -> None:
    """Translate FILE (- is standard input) by the mapping NAME and print the result as JSON.

    FILE is a document, or a webhook's envelope with the document in its data.  Fields of it that no row reads are
    listed on standard error, but for those that the mapping leaves out on purpose (left_out).  With --json the result
    is the only row, and not_carried lists these fields.

    \b
    Examples:
      fleet mapping run clarity.in.order order.json
      fleet mapping run odoo.out.order - < canonical.json
      fleet mapping run odoo.out.order canonical.json --json
    """
    document = parse_json(file.read(), names_keys=True)
    if isinstance(document, dict) and "type" in document and isinstance(document.get("data"), dict):
        document = document["data"]
    found = load_definitions(folder).mapping(name)
    try:
        made = found(document)
    except Failure as failure:
        failure.hint = fill_for(failure.hint, found.source)
        raise
    dropped = not_carried(found.body, [document])
    if as_json:
        show_rows([made], not_carried=dropped)
        return
    show_json(made)
    if dropped:
        say(f"Not carried over by {name}: {', '.join(dropped)}", err=True)


@mapping.command()
@json_option
def functions(as_json: bool) -> None:
    """List the functions that a mapping may name.

    \b
    Examples:
      fleet mapping functions
      fleet mapping functions --json
    """
    known = sorted(FUNCTIONS.values(), key=lambda each: each.name)
    if as_json:
        show_rows(
            [
                {
                    "name": each.name,
                    "arguments": each.arguments,
                    "expressions": each.in_expressions,
                    "about": each.about,
                }
                for each in known
            ]
        )
        return
    for each in known:
        say(f"{' '.join([each.name, *map(str.upper, each.arguments)]):<16} {each.about}")
    in_expressions = ", ".join(each.name for each in known if each.in_expressions)
    say(f"\nAlso in JMESPath expressions (from, each, when): {in_expressions}")


def _without_problems(checked: Checked) -> Row:
    return {name: value for name, value in vars(checked).items() if name != "problems"}


def _print_checked(checked: Checked) -> None:
    counts = f"{checked.name}: {checked.rows} rows, {checked.samples} samples" if checked.rows else checked.name
    if checked.samples and not checked.rows:
        counts += f": {checked.samples} samples"
    count = f"{len(checked.problems)} problem{'s' if len(checked.problems) > 1 else ''}"
    say(f"{counts}: {count if checked.problems else 'all well'}")
    for problem in checked.problems:
        say(f"  {problem}")
    if checked.accepted:
        say(f"  accepted: {', '.join(checked.accepted)}")
    if checked.not_carried:
        say(f"  not carried over: {', '.join(checked.not_carried)}")
