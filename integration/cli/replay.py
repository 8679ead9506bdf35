"""``fleet replay``: sends deliveries again, one or a thousand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from rich.progress import Progress

from integration import publishing
from integration.cli.chosen import ask, check_chosen, find
from integration.errors import Failure
from integration.in_force import InForce
from integration.message import State
from integration.operations.selection import WAITING, Selection
from integration.settings import operator
from integration.store import repair, views
from integration.store.conditions import LAST
from integration.store.database import Database, Row
from integration.terminal.definitions import in_force
from integration.terminal.render import console, say, show_json
from integration.terminal.replay_options import ReplayOptions, replay_options
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database
from integration.workflow import Workflow

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
    about = f"Send what is {what} again, translated by the mappings in force.{again}"
    return click.command(name.rpartition(" ")[2], help=about + EXAMPLES.format(name=name))(command)


def replay_all(chosen: Selection, limit: int, how: ReplayOptions) -> None:
    """Finds the deliveries, asks, and sends them again; or shows a dry run."""
    with open_database() as database:
        known = in_force(database)
        if not (how.pinned or how.as_json) and (remark := publishing.files_differ(known)):
            say(remark, err=True)
        if how.dry_run:
            _dry_run(database, chosen, limit, known, how)
            return
        rows = find(database, chosen, limit)
        if not rows:
            click.echo("[]" if how.as_json else "Nothing matches.")
            return
        if not how.pinned:
            check_workflows(known, rows)
        ask(database, chosen, rows, "Send {} again?", sure=how.yes, silent=how.as_json)
        if len(rows) == 1:
            _mention_newer(database, rows[0]["id"], how)
        again = _in_batches(database, list(reversed(rows)), known, how)
    left_out = sorted({row["id"] for row in rows} - set(again.values()))
    _show(again, left_out, how)


def check_workflows(known: InForce, rows: Sequence[Row]) -> None:
    """Raises `Failure` when one of the deliveries is of a workflow that is not in force any more."""
    gone = {row["workflow"] for row in rows if row["workflow"] not in {None, *known.of(row["object_id"]).pins}}
    if gone:
        raise Failure(
            f"not among the workflows in force: {', '.join(sorted(gone))}", hint="Use --pinned, or resolve them."
        )


def _mention_newer(database: Database, id: int, how: ReplayOptions) -> None:
    """Says that a newer state exists: once that is applied, this delivery is skipped."""
    with database.transaction() as tx:
        newer = repair.newer(tx, id)
    if newer and not how.as_json:
        say(f"Delivery {newer} has a newer state of it: once that was applied, this one is skipped.")


def _in_batches(database: Database, rows: Sequence[Row], known: InForce, how: ReplayOptions) -> dict[int, int]:
    """The old id by the new: the same, or that of a new delivery."""
    who = operator()
    again: dict[int, int] = {}
    quiet = how.as_json or not console.is_terminal or len(rows) <= BATCH
    with Progress(console=console, disable=quiet) as progress:
        for batch in progress.track([rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]):
            with database.transaction() as tx:
                for published in filter(None, (known.whole, known.canary)):
                    ids = [row["id"] for row in batch if known.of(row["object_id"]) is published]
                    again |= repair.replay(tx, ids, how.restart(published), who)
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


def _dry_run(database: Database, chosen: Selection, limit: int, known: InForce, how: ReplayOptions) -> None:
    """Shows one in full where one id was given, and else many in sum."""
    from integration.terminal.dry_run import show_dry_run  # the connectors, which nothing else here needs
    from integration.terminal.dry_runs import show_dry_runs

    def current(row: Row) -> Mapping[str, Workflow]:
        return {} if how.pinned else known.of(row["object_id"]).current

    rows = find(database, chosen, len(chosen.ids)) if chosen.ids else []
    if len(chosen.ids) == 1:
        show_dry_run(rows[0], current, how)
        return
    with database.transaction() as tx:
        total = min(views.count(tx, chosen), limit)
    show_dry_runs(chosen, _pages(database, chosen, limit), total, current, how)


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
