"""What ``fleet replay --dry-run`` shows of many: which fields change, how often, and what would not be sent."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from integration.errors import Failure
from integration.operations.bodies import note_reveal
from integration.operations.selection import Selection
from integration.settings import operator
from integration.store.database import Row
from integration.terminal.dry_run import text
from integration.terminal.render import console, remark, say, show_json, table, visible
from integration.terminal.replay_options import ReplayOptions
from integration.terminal.session import open_runtime
from tasks.dry_runs import Current, look_at

TARGETS = ("target", "looked_at", "change", "new", "unchanged", "not_sent")
MANY = 500
"""More take so long that a person may want to look at fewer."""
INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended."""


def show_dry_runs(chosen: Selection, rows: Iterable[Row], total: int, current: Current, how: ReplayOptions) -> None:
    """Goes through the deliveries with nothing changed, and shows the sum; of what was seen, where it ends early.

    Raises the target's `Failure` behind the sum where it could not be asked any more.
    """
    step, ask = how.step, not how.no_target
    if total > MANY:
        quicker = ", and --no-target asks no target" if ask else ""
        says = f"{total} are looked at, one after the other, the newest first.  Ctrl-C shows what was found so far;"
        say(f"{says} --limit {MANY} looks at {MANY} only{quicker}.", err=True)
    errors = Console(stderr=True)
    with open_runtime() as runtime, Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        if how.reveal:
            with runtime.database.transaction() as tx:
                note_reveal(tx, operator(), "dry run", chosen)
        task = bar.add_task("dry run", total=total)
        summary = look_at(runtime, rows, step, current, ask=ask, reveal=how.reveal, seen=lambda: bar.advance(task))
    found = {"matching": total, **summary.as_row()}
    if how.as_json:
        show_json(found)
    else:
        _show(found)
    if summary.away:
        raise _with_way_out(summary.away)
    if summary.interrupted:
        raise SystemExit(INTERRUPTED)


def _with_way_out(away: Failure) -> Failure:
    again = "`--no-target` compares with what was last sent instead."
    return Failure(f"the target cannot be asked: {away.reason}", hint=f"{away.hint} {again}" if away.hint else again)


def _show(found: Row) -> None:
    against = {"target": "what the target has now", "last sent": "what was last sent"}[found["compared_with"]]
    if found["looked_at"] < found["matching"]:
        click.echo(f"Ended early: {found['looked_at']} of {found['matching']} were looked at.")
    if found["targets"]:
        console.print(f"Compared with {against}:", style="bold")
    table(TARGETS, found["targets"], empty="Nothing matches." if not found["matching"] else "")
    if found["fields"]:
        console.print("\nFields that change:", style="bold")
    for each in found["fields"]:
        _show_field(each)
    if found["not_sent"]:
        console.print("\nWhat would not be sent:", style="bold")
    for each in found["not_sent"]:
        about = f"{each['deliveries']} {each['state']} at {each['target']} ({each['code']}), such as {each['example']}"
        remark(about, each["reason"] or "", each["hint"])
    if found["fields"] or found["not_sent"]:
        console.print("\n`fleet replay ID --dry-run` shows one in full.", style="dim")


def _show_field(row: Row) -> None:
    counted = f"{row['field']} at {row['target']}: {row['deliveries']} of {row['of']}"
    console.print(Text(visible(counted)), soft_wrap=True)
    for each in row["examples"]:
        change = f"{text(each['from'])} → {text(each['to'])}"
        console.print(Text.assemble((f"  {each['delivery']}: ", "dim"), visible(change)), soft_wrap=True)
