"""``fleet replay``: sends deliveries again, one or a thousand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from integration import publishing
from integration.cli.chosen import act, check_chosen, find, show_done
from integration.errors import Failure
from integration.message import State
from integration.operations import jobs
from integration.operations.jobs import Preview
from integration.operations.selection import WAITING, Selection
from integration.rules.in_force import InForce
from integration.rules.workflow import Workflow
from integration.settings import operator
from integration.store import repair, views
from integration.store.conditions import LAST
from integration.store.database import Database, Row, Transaction
from integration.terminal.definitions import in_force
from integration.terminal.render import say
from integration.terminal.replay_options import ReplayOptions, replay_options
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database

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
    """Finds the deliveries and sends them again, more than one as a job; or shows a dry run."""
    with open_database() as database:
        known = in_force(database)
        if not (how.pinned or how.as_json) and (remark := publishing.files_differ(known)):
            say(remark, err=True)
        if how.dry_run:
            _dry_run(database, chosen, limit, known, how)
            return

        def make(tx: Transaction) -> Preview:
            found = jobs.preview(tx, "replay", chosen, limit, operator(), step=how.from_step, pinned=how.pinned)
            if not how.pinned:
                jobs.check_in_force(tx, found.id, known)
            return found

        act(database, chosen, limit, how.manner, lambda row: _replay(database, row, known, how), make, "Send {} again?")


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


def _replay(database: Database, row: Row, known: InForce, how: ReplayOptions) -> None:
    """Sends one again."""
    if not how.pinned:
        check_workflows(known, [row])
    _mention_newer(database, row["id"], how)
    with database.transaction() as tx:
        again = repair.replay(tx, [row["id"]], how.restart(known.of(row["object_id"])), operator()).get(row["id"])
    if again is None:
        raise Failure(
            f"delivery {row['id']} cannot be sent again",
            hint="What no workflow took cannot be replayed; what was never translated can start only with transform.",
        )
    show_done(row["id"], again, f"Delivery {again} goes again.", how.manner)


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
