"""``fleet replay``: lets deliveries begin again, one or a thousand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.progress import Progress

import mappings
from integration.cli.render import console, json_option, say, show_json
from integration.cli.selection import filters, show_kinds
from integration.cli.stores import ID, open_database
from integration.errors import Failure
from integration.message import State, Step
from integration.settings import operator
from integration.store import definitions, repair, views
from integration.store.database import Database, Row
from integration.store.repair import Chosen, Restart
from integration.workflow import Definitions, load_definitions

BATCH = 100
MOST = 100_000
MOST_REHEARSED = 5
WAITING = (State.HELD, State.DEAD)
STATES = click.Choice([state.value for state in repair.CLOSED])
STEPS = click.Choice([Step.TRANSFORM.value, Step.ENRICH.value, Step.POST.value])
EXAMPLES = """

    \b
    Examples:
      fleet {name} 4711
      fleet {name} --code unknown_sku --target odoo
      fleet {name} 4711 --dry-run
    """


@dataclass(frozen=True)
class Manner:
    """How a replay is to be done: from which step, by the definitions it had, without asking, or only rehearsed."""

    from_step: str | None
    pinned: bool
    yes: bool
    dry_run: bool
    reveal: bool
    as_json: bool

    def restart(self, pins: Mapping[str, str]) -> Restart:
        return Restart(Step(self.from_step) if self.from_step else None, {} if self.pinned else pins)


MANNER = (
    click.option("--from-step", type=STEPS, help="Where to begin: transform translates the event anew, without what a "
                 "person has corrected in the translated document.  [default: enrich after such a correction, else "
                 "transform]"),
    click.option("--pinned", is_flag=True, help="Translate by the mappings it had, not by those of now."),
    click.option("--limit", type=click.IntRange(1, MOST), default=MOST, help="At most so many, the newest."),
    click.option("--dry-run", is_flag=True, help="Only show what would be sent, beside what the target has now."),
    click.option("--reveal", is_flag=True, help="With --dry-run: show personal data too.  This is audited."),
    click.option("--yes", is_flag=True, help="Do not ask before more than one."),
    json_option,
)  # fmt: skip


def replay_command(states: Sequence[State] | None, name: str) -> click.Command:
    """The command, for what is in these states; None lets ``--state`` say it."""

    def run(ids: tuple[int, ...], limit: int, state: tuple[str, ...] = (), **options: Any) -> None:
        manner = Manner(**{each: options.pop(each) for each in Manner.__dataclass_fields__})
        wanted = states or tuple(map(State, state)) or (repair.CLOSED if ids else WAITING)
        if not ids and not state and not any(options.values()):
            raise click.UsageError("Which?  Give ids, or what they have in common: --code, --fingerprint, --target …")
        replay_all(Chosen(wanted, ids, **options), limit, manner)

    command: Callable[..., Any] = run
    for option in reversed(MANNER):
        command = option(command)
    if states is None:
        about = "In which state; more than one may be given.  [default: held and dead]"
        command = click.option("--state", type=STATES, multiple=True, help=about)(command)
    command = click.argument("ids", nargs=-1, type=ID)(filters(command))
    told = states[0].value if states else "held or dead"
    again = "  Of what is done or skipped a new delivery is made." if states is None else ""
    about = f"Send what is {told} again, translated by the mappings as they are now.{again}"
    return click.command(name.rpartition(" ")[2], help=about + EXAMPLES.format(name=name))(command)


def replay_all(chosen: Chosen, limit: int, manner: Manner) -> None:
    """Shows what is meant, asks, and lets it begin again; or rehearses it."""
    known = load_definitions(mappings.FOLDER)
    with open_database() as database:
        rows = _find(database, chosen, limit)
        if manner.dry_run:
            _rehearse(rows, known, manner)
            return
        if not rows:
            click.echo("[]" if manner.as_json else "Nothing matches.")
            return
        _ask(database, chosen, rows, manner)
        restart = manner.restart(current_pins(database, known, rows, pinned=manner.pinned))
        if len(rows) == 1:
            _mention_newer(database, rows[0]["id"], manner)
        again = _in_batches(database, [row["id"] for row in reversed(rows)], restart, manner)
    left_out = sorted({row["id"] for row in rows} - set(again.values()))
    _tell(again, left_out, manner)


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


def _find(database: Database, chosen: Chosen, limit: int) -> list[Row]:
    """What is meant, newest first; `Failure` for an id that cannot be replayed."""
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


def _mention_newer(database: Database, id: int, manner: Manner) -> None:
    """What is older than what was applied is skipped: better said before somebody wonders."""
    with database.transaction() as tx:
        newer = repair.newer(tx, id)
    if newer and not manner.as_json:
        say(f"Delivery {newer} has a newer state of it: once that was applied, this one is skipped.")


def _ask(database: Database, chosen: Chosen, rows: Sequence[Row], manner: Manner) -> None:
    if len(rows) == 1 or manner.yes:
        return
    if manner.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{len(rows)} match: say --yes to send them all again.")
    with database.transaction() as tx:
        show_kinds(repair.kinds(tx, chosen), empty="")
    click.confirm(f"Send {len(rows)} again?", abort=True)


def _in_batches(database: Database, ids: Sequence[int], restart: Restart, manner: Manner) -> dict[int, int]:
    """Under which id each began again: its own, or that of the new delivery."""
    who = operator()
    again: dict[int, int] = {}
    quiet = manner.as_json or not console.is_terminal or len(ids) <= BATCH
    with Progress(console=console, disable=quiet) as progress:
        for batch in progress.track([ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]):
            with database.transaction() as tx:
                again |= repair.replay(tx, batch, restart, who)
    return {new: old for old, new in again.items()}


def _tell(again: Mapping[int, int], left_out: Sequence[int], manner: Manner) -> None:
    if manner.as_json:
        show_json({"replayed": [{"id": new, "was": old} for new, old in again.items()], "left_out": left_out})
    elif again:
        one = next(iter(again))
        say(f"Delivery {one} goes again." if len(again) == 1 else f"{len(again)} deliveries go again.")
    if left_out:
        raise Failure(
            f"left out: {', '.join(map(str, left_out[:10]))}{' …' if len(left_out) > 10 else ''}",
            hint="What no workflow took cannot be replayed; what was never translated can only begin with transform.",
        )


def _rehearse(rows: Sequence[Row], known: Definitions, manner: Manner) -> None:
    from integration.cli.rehearsal import show_rehearsals  # the connectors, which nothing else here needs

    if len(rows) > MOST_REHEARSED:
        raise Failure(f"{len(rows)} match, at most {MOST_REHEARSED} are rehearsed at a time", hint="Use --limit 1.")
    show_rehearsals([row["id"] for row in rows], known, manner)


replay = replay_command(None, "replay")
