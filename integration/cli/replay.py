"""``fleet replay``: sends deliveries again, one or a thousand."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.progress import Progress

from integration import preflight, publishing
from integration.errors import Failure
from integration.in_force import InForce
from integration.message import State
from integration.settings import operator
from integration.store import repair, views
from integration.store.database import Database, Row
from integration.store.repair import Chosen
from integration.terminal.render import console, say, show_json
from integration.terminal.replay_options import ReplayOptions, replay_options
from integration.terminal.selection import filters, show_kinds
from integration.terminal.session import ID, open_database

BATCH = 100
MOST_DRY_RUNS = 5
WAITING = (State.HELD, State.DEAD)
STATES = click.Choice([state.value for state in repair.CLOSED])
EXAMPLES = """

    \b
    Examples:
      fleet {name} 4711
      fleet {name} --code unknown_sku --target odoo
      fleet {name} 4711 --dry-run
    """


def replay_command(states: Sequence[State] | None, name: str) -> click.Command:
    """The command, for what is in these states; None lets ``--state`` say it."""

    def run(ids: tuple[int, ...], limit: int, state: tuple[str, ...] = (), **options: Any) -> None:
        how = ReplayOptions(**{each: options.pop(each) for each in ReplayOptions.__dataclass_fields__})
        wanted = states or tuple(map(State, state)) or (repair.CLOSED if ids else WAITING)
        if not ids and not state and not any(options.values()):
            raise click.UsageError("Which?  Give ids, or what they have in common: --code, --fingerprint, --target …")
        replay_all(Chosen(wanted, ids, **options), limit, how)

    command = replay_options(run)
    if states is None:
        about = "In which state; more than one may be given.  [default: held and dead]"
        command = click.option("--state", type=STATES, multiple=True, help=about)(command)
    command = click.argument("ids", nargs=-1, type=ID)(filters(command))
    what = states[0].value if states else "held or dead"
    again = "  For what is done or skipped, makes a new delivery." if states is None else ""
    about = f"Send what is {what} again, translated by the mappings in force.{again}"
    return click.command(name.rpartition(" ")[2], help=about + EXAMPLES.format(name=name))(command)


def replay_all(chosen: Chosen, limit: int, how: ReplayOptions) -> None:
    """Finds the deliveries, asks, and sends them again; or shows a dry run."""
    with open_database() as database:
        rows = _find(database, chosen, limit)
        known = in_force_for(database, rows, pinned=how.pinned or how.dry_run)
        if not (how.pinned or how.as_json) and (remark := publishing.files_differ(known)):
            say(remark, err=True)
        if how.dry_run:
            _dry_run(rows, known, how)
            return
        if not rows:
            click.echo("[]" if how.as_json else "Nothing matches.")
            return
        _ask(database, chosen, rows, how)
        if len(rows) == 1:
            _mention_newer(database, rows[0]["id"], how)
        again = _in_batches(database, list(reversed(rows)), known, how)
    left_out = sorted({row["id"] for row in rows} - set(again.values()))
    _show(again, left_out, how)


def in_force_for(database: Database, rows: Sequence[Row], *, pinned: bool = False) -> InForce:
    """The definitions in force.

    Raises `Failure` when one of the rows is of a workflow that is not there any more, unless it keeps its pin.
    """
    with database.transaction() as tx:
        known = publishing.in_force(tx, preflight.load().kinds)
    gone = {row["workflow"] for row in rows if row["workflow"] not in {None, *known.of(row["object_id"]).pins}}
    if gone and not pinned:
        raise Failure(
            f"not among the workflows in force: {', '.join(sorted(gone))}", hint="Use --pinned, or resolve them."
        )
    return known


def _find(database: Database, chosen: Chosen, limit: int) -> list[Row]:
    """The deliveries, newest first; `Failure` for an id that cannot be replayed."""
    with database.transaction() as tx:
        rows = repair.matching(tx, chosen, limit)
        for id in sorted(set(chosen.ids) - {row["id"] for row in rows}):
            row = views.delivery(tx, id)
            if row is None:
                raise Failure(f"there is no delivery {id}", hint="`fleet messages show` lists those of a message.")
            if row["state"] not in chosen.states:
                is_open = row["state"] not in repair.CLOSED
                hint = "It is under way." if is_open else f"`fleet replay {id}` sends it again all the same."
                raise Failure(f"delivery {id} is {row['state']}", hint=hint)
            raise Failure(f"delivery {id} is not among what the other options choose")
    return rows


def _mention_newer(database: Database, id: int, how: ReplayOptions) -> None:
    """Says that a newer state exists: once that is applied, this delivery is skipped."""
    with database.transaction() as tx:
        newer = repair.newer(tx, id)
    if newer and not how.as_json:
        say(f"Delivery {newer} has a newer state of it: once that was applied, this one is skipped.")


def _ask(database: Database, chosen: Chosen, rows: Sequence[Row], how: ReplayOptions) -> None:
    if len(rows) == 1 or how.yes:
        return
    if how.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{len(rows)} match: say --yes to send them all again.")
    with database.transaction() as tx:
        show_kinds(repair.kinds(tx, chosen), empty="")
    click.confirm(f"Send {len(rows)} again?", abort=True)


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


def _dry_run(rows: Sequence[Row], known: InForce, how: ReplayOptions) -> None:
    from integration.terminal.dry_run import show_dry_runs  # the connectors, which nothing else here needs

    if len(rows) > MOST_DRY_RUNS:
        raise Failure(f"{len(rows)} match, at most {MOST_DRY_RUNS} can be tried at a time", hint="Use --limit 1.")
    show_dry_runs(rows, known, how)


replay = replay_command(None, "replay")
