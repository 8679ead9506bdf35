"""``fleet jobs``: what was done about many deliveries at once, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from integration.operations import jobs as operations
from integration.settings import operator
from integration.store.conditions import LAST
from integration.store.database import Transaction
from integration.terminal.jobs import Manner, carried_out, carry_out, results, summary, waits_for
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Whole
from integration.terminal.render import console, fields, json_option, limit_option, say, table
from integration.terminal.session import ID, open_database

COLUMNS = ("id", "act", "state", "results", "who", "created_at", "selection")
ITEM = ("delivery", "number", "target", "result", "state", "code", "remark")
FACTS = ("id", "act", "state", "who", "selection", "undoes", "created_at", "started_at", "ended_at")
STATES = click.Choice(["previewed", "running", "paused", "cancelled", "done"])
RESULTS = click.Choice(["applied", "skipped", "failed", "waiting", "cancelled"])
NEXT = click.option("--next", "key", type=Whole(1, LAST), metavar="KEY",
                    help="Go on behind the page whose JSON said this `next`.")  # fmt: skip


@click.group()
def jobs() -> None:
    """What is done about many deliveries at once: the fleet runs it, and it can be paused, cancelled and undone.

    `fleet replay`, and `fleet held approve`, `edit` and `resolve`, of more than one delivery make a job.

    \b
    Examples:
      fleet jobs ls
      fleet jobs show 7
      fleet jobs undo 7
    """


@jobs.command("ls")
@click.option("--state", "states", type=STATES, multiple=True, help="In which state; more than one may be given.")
@limit_option
@NEXT
@json_option
def ls(states: tuple[str, ...], limit: int, key: int | None, as_json: bool) -> None:
    """List the jobs, newest first.

    \b
    Examples:
      fleet jobs ls
      fleet jobs ls --state running --state paused --json
    """
    with open_database() as database, database.transaction() as tx:
        page = operations.listed(tx, states, limit, key or LAST)
    if as_json:
        show_rows(page.rows, page.next)
        return
    table(COLUMNS, [{**row, "results": results(row)} for row in page.rows], empty="There is no job.")
    _say_more(page.next)


@jobs.command("show")
@click.argument("id", type=ID)
@click.option("--result", type=RESULTS, help="Only the items with this result.")
@limit_option
@NEXT
@json_option
def show(id: int, result: str | None, limit: int, key: int | None, as_json: bool) -> None:
    """Show one: how far it is, and what was done about each delivery and what state that has now.

    \b
    Examples:
      fleet jobs show 7
      fleet jobs show 7 --result failed --json
    """
    with open_database() as database, database.transaction() as tx:
        shown = operations.show(tx, id)
        page = operations.items(tx, id, result=result, limit=limit, after=key or 0)
    if as_json:
        show_rows(page.rows, page.next, job=shown.job, waits_for=shown.waits_for, now=shown.now)
        return
    fields({name: shown.job[name] for name in FACTS} | shown.job["options"])
    say(summary(shown))
    for sentence in waits_for(shown):
        say(sentence)
    console.print()
    table(ITEM, page.rows, empty="No item.")
    _say_more(page.next)


@jobs.command("undo")
@click.argument("id", type=ID)
@carried_out
def undo(id: int, **options: Any) -> None:
    """Take back what a job has applied: decisions are revoked, and what was resolved is held or dead again.

    What has gone on since is left as it is, with the reason.  A replay cannot be undone.  It is a job, too.

    \b
    Examples:
      fleet jobs undo 7
      fleet jobs undo 7 --yes --json
    """
    with open_database() as database:
        make = partial(operations.preview_undo, id=id, who=operator())
        carry_out(database, make, f"Take {{}} of job {id} back?", Manner(**options))


def _command(name: str, about: str, act: Callable[[Transaction, int, str], None], says: str) -> click.Command:
    examples = f"""

    \b
    Examples:
      fleet jobs {name} 7
    """

    @click.command(name, help=about + examples)
    @click.argument("id", type=ID)
    @json_option
    def change(id: int, as_json: bool) -> None:
        with open_database() as database, database.transaction() as tx:
            act(tx, id, operator())
            shown = operations.show(tx, id)
        if as_json:
            show_rows([shown.job])
        else:
            say(f"{says}  {summary(shown)}")

    return change


def _say_more(key: int | None) -> None:
    if key is not None:
        console.print(f"There are more: --next {key}, or a higher --limit.", style="dim")


jobs.add_command(
    _command("pause", "Stop a job until it is resumed; what it has sent goes on.", operations.pause, "Paused.")
)
jobs.add_command(_command("resume", "Let a job that was paused go on.", operations.resume, "Resumed."))
jobs.add_command(
    _command("cancel", "End a job where it is; what it has applied stays.", operations.cancel, "Cancelled.")
)
