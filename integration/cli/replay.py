"""``fleet replay``: sends deliveries again, one or a thousand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from rich.progress import Progress

import mappings
from integration.cli.chosen import ask, check_chosen, find
from integration.errors import Failure
from integration.message import State
from integration.operations.selection import WAITING, Selection
from integration.settings import operator
from integration.store import definitions, repair, views
from integration.store.conditions import LAST
from integration.store.database import Database, Row
from integration.store.repair import Restart
from integration.terminal.render import console, say, show_json
from integration.terminal.replay_options import ReplayOptions, replay_options
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database
from integration.workflow import Definitions, load_definitions

BATCH = 100
STATES = click.Choice([state.value for state in repair.CLOSED])
EXAMPLES = """

    \b
    Examples:
      fleet {name} 4711
      fleet {name} --code unknown_sku --target odoo
      fleet {name} 4711 --dry-run
      fleet {name} --code unknown_sku --dry-run
    """


def replay_command(states: Sequence[State] | None, name: str) -> click.Command:
    """The command, for what is in these states; None lets ``--state`` say it."""

    def run(ids: tuple[int, ...], limit: int, state: tuple[str, ...] = (), **options: Any) -> None:
        how = ReplayOptions(**{each: options.pop(each) for each in ReplayOptions.__dataclass_fields__})
        wanted = states or tuple(map(State, state)) or (repair.CLOSED if ids else WAITING)
        if not state:
            check_chosen(ids, options)
        if how.no_target and not how.dry_run:
            raise click.UsageError("--no-target goes with --dry-run")
        replay_all(Selection(wanted, ids, **options), limit, how)

    command = replay_options(run)
    if states is None:
        about = "In which state; more than one may be given.  [default: held and dead]"
        command = click.option("--state", type=STATES, multiple=True, help=about)(command)
    command = click.argument("ids", nargs=-1, type=ID)(filters(command))
    what = states[0].value if states else "held or dead"
    again = "  For what is done or skipped, makes a new delivery." if states is None else ""
    about = f"Send what is {what} again, translated by the mappings as they are now.{again}"
    return click.command(name.rpartition(" ")[2], help=about + EXAMPLES.format(name=name))(command)


def replay_all(chosen: Selection, limit: int, how: ReplayOptions) -> None:
    """Finds the deliveries, asks, and sends them again; or shows a dry run."""
    known = load_definitions(mappings.FOLDER)
    with open_database() as database:
        if how.dry_run:
            _dry_run(database, chosen, limit, known, how)
            return
        rows = find(database, chosen, limit)
        if not rows:
            click.echo("[]" if how.as_json else "Nothing matches.")
            return
        ask(database, chosen, rows, "Send {} again?", sure=how.yes, silent=how.as_json)
        restart = how.restart(current_pins(database, known, rows, pinned=how.pinned))
        if len(rows) == 1:
            _mention_newer(database, rows[0]["id"], how)
        again = _in_batches(database, [row["id"] for row in reversed(rows)], restart, how)
    left_out = sorted({row["id"] for row in rows} - set(again.values()))
    _show(again, left_out, how)


def current_pins(
    database: Database, known: Definitions, rows: Sequence[Row], *, pinned: bool = False
) -> dict[str, str]:
    """The definitions of now by workflow, stored, so that every worker can load them.

    Raises `Failure` when one of the rows is of a workflow that is not there any more.
    """
    pins = {workflow.name: workflow.pin for workflow in known.workflows}
    gone = sorted({row["workflow"] for row in rows} - {*pins, None})
    if gone and not pinned:
        raise Failure(f"not in mappings/workflows any more: {', '.join(gone)}", hint="Use --pinned, or resolve them.")
    with database.transaction() as tx:
        definitions.store(tx, known.rows())
    return pins


def _mention_newer(database: Database, id: int, how: ReplayOptions) -> None:
    """Says that a newer state exists: once that is applied, this delivery is skipped."""
    with database.transaction() as tx:
        newer = repair.newer(tx, id)
    if newer and not how.as_json:
        say(f"Delivery {newer} has a newer state of it: once that was applied, this one is skipped.")


def _in_batches(database: Database, ids: Sequence[int], restart: Restart, how: ReplayOptions) -> dict[int, int]:
    """The old id by the new: the same, or that of a new delivery."""
    who = operator()
    again: dict[int, int] = {}
    quiet = how.as_json or not console.is_terminal or len(ids) <= BATCH
    with Progress(console=console, disable=quiet) as progress:
        for batch in progress.track([ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]):
            with database.transaction() as tx:
                again |= repair.replay(tx, batch, restart, who)
    return {new: old for old, new in again.items()}


def _show(again: Mapping[int, int], left_out: Sequence[int], how: ReplayOptions) -> None:
    if how.as_json:
        show_json({"replayed": [{"id": new, "was": old} for new, old in again.items()], "left_out": left_out})
    elif again:
        one = next(iter(again))
        say(f"Delivery {one} goes again." if len(again) == 1 else f"{len(again)} deliveries go again.")
    if left_out:
        raise Failure(
            f"left out: {', '.join(map(str, left_out[:10]))}{' …' if len(left_out) > 10 else ''}",
            hint="What no workflow took cannot be replayed; what was never translated can start only with transform.",
        )


def _dry_run(database: Database, chosen: Selection, limit: int, known: Definitions, how: ReplayOptions) -> None:
    """Shows one in full where one id was given, and else many in sum."""
    from integration.terminal.dry_run import show_dry_run  # the connectors, which nothing else here needs
    from integration.terminal.dry_runs import show_dry_runs

    current = {} if how.pinned else {workflow.name: workflow for workflow in known.workflows}
    rows = find(database, chosen, len(chosen.ids)) if chosen.ids else []
    if len(chosen.ids) == 1:
        show_dry_run(rows[0], lambda _: current, how)
        return
    with database.transaction() as tx:
        total = min(views.count(tx, chosen), limit)
    show_dry_runs(chosen, _pages(database, chosen, limit), total, lambda _: current, how)


def _pages(database: Database, chosen: Selection, limit: int) -> Iterator[Row]:
    """The deliveries, newest first, a page in memory at a time."""
    before = LAST
    while limit:
        with database.transaction() as tx:
            rows = repair.matching(tx, chosen, min(limit, BATCH), before)
        yield from rows
        if len(rows) < BATCH:
            return
        limit, before = limit - len(rows), rows[-1]["id"]


replay = replay_command(None, "replay")
