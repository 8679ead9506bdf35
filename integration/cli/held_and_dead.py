"""``fleet held`` and ``fleet dead``: the deliveries that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from integration.canonical import ACCEPTABLE, thaw
from integration.canonical.entities import entity
from integration.cli.repair import approve, edit_command, in_state, resolve_command
from integration.cli.replay import replay_command
from integration.masking import masked
from integration.message import State
from integration.settings import operator
from integration.store import attempts, audit, repair
from integration.store.database import Row
from integration.store.repair import Chosen
from integration.terminal.render import console, fields, json_option, limit_option, show_document, show_json, table
from integration.terminal.selection import filters, show_kinds
from integration.terminal.session import ID, as_shown, open_database, vault

COLUMNS = ("id", "number", "target", "step", "reason", "created_at")
FACTS = (
    "id", "message", "type", "number", "object_id", "target", "workflow", "step", "state", "code", "reason", "hint",
    "failed_tries", "fingerprint", "newer", "mapping_version", "replay_of", "edited", "approved",
    "created_at", "finished_at",
)  # fmt: skip
ATTEMPT = ("effect", "outcome", "code", "started_at", "finished_at")
SCREENFUL = 25
"""Lines where there is no terminal."""
LIST = """List what is {state}: by kind where there is much, else each one.

    \b
    Examples:
      fleet {state} ls
      fleet {state} ls --each --code unknown_sku
      fleet {state} ls --since 2026-11-20 --json
    """
SHOW = """Show one: what is wrong, what to do, and what was tried.  Personal data is masked.

    \b
    Examples:
      fleet {state} show 4711
      fleet {state} show 4711 --reveal
    """


def commands(state: State, about: str, *more: click.Command) -> click.Group:
    """The command group of what is in this state."""

    @click.group(state.value, help=about)
    def group() -> None: ...

    @group.command("ls", help=LIST.format(state=state.value))
    @filters
    @click.option("--each/--kinds", "each", default=None, help="List each one, or count them by kind.")
    @limit_option
    @json_option
    def ls(each: bool | None, limit: int, as_json: bool, **chosen: Any) -> None:
        _list(Chosen([state], **chosen), each, limit, as_json=as_json)

    @group.command("show", help=SHOW.format(state=state.value))
    @click.argument("id", type=ID)
    @click.option("--reveal", is_flag=True, help="Show personal data, and what was sent and answered.  Audited.")
    @json_option
    def show(id: int, reveal: bool, as_json: bool) -> None:
        _show(state, id, reveal=reveal, as_json=as_json)

    for command in (replay_command([state], f"{state.value} replay"), edit_command(state), *more):
        group.add_command(command)
    return group


def _list(chosen: Chosen, each: bool | None, limit: int, *, as_json: bool) -> None:
    with open_database() as database, database.transaction() as tx:
        kinds = [] if each or (each is None and as_json) else repair.kinds(tx, chosen)
        screenful = console.height - 3 if console.is_terminal else SCREENFUL
        by_kind = each is False or sum(kind["count"] for kind in kinds) > screenful
        rows = kinds if by_kind else [as_shown(row) for row in repair.matching(tx, chosen, limit)]
    if as_json:
        show_json(rows)
    elif by_kind:
        show_kinds(rows, empty=f"Nothing is {chosen.states[0].value}.")
        click.echo("--each lists each one; --fingerprint those of one kind.")
    else:
        table(COLUMNS, rows, empty=f"Nothing is {chosen.states[0].value}.")


def _show(state: State, id: int, *, reveal: bool, as_json: bool) -> None:
    with open_database() as database, database.transaction() as tx:
        row = in_state(tx, state, id)
        tries = attempts.of_delivery(tx, id)
        if reveal:
            audit.note(tx, operator(), "reveal", [id])
    facts = {name: as_shown(row)[name] for name in FACTS}
    candidates, document = _opened(row["candidates"]), _opened(row["document"])
    document = document if reveal else masked(document, personal=entity(row["entity"]).personal)
    shown = [_attempt(each, reveal=reveal) for each in tries]
    if as_json:
        show_json({**facts, "candidates": candidates, "attempts": shown, "document": document})
        return
    fields(facts)
    fields({f"candidate {each['id']}": each["label"] for each in candidates or ()})
    console.print("\n[bold]Attempts[/]")
    table(ATTEMPT, shown, empty="none")
    if reveal and shown:
        console.print("\n[bold]What was sent and answered last[/]")
        show_document({name: shown[-1][name] for name in ("request", "answer")})
    if document:
        console.print(f"\n[bold]Document[/]{'' if reveal else ' (masked)'}")
        show_document(document)
    _say_what_can_be_done(state, row, candidates or ())


def _attempt(row: Row, *, reveal: bool) -> Row:
    shown = {name: row[name] for name in ATTEMPT}
    return shown | {name: _opened(row[name]) for name in ("request", "answer")} if reveal else shown


def _say_what_can_be_done(state: State, row: Row, candidates: Sequence[Row]) -> None:
    command = f"fleet {state.value}"
    choices = {
        f"{command} replay {row['id']}": "send it again, after the cause is removed",
        f"{command} edit {row['id']}": "correct what is sent",
        f"{command} resolve {row['id']} --reason …": "settled otherwise: nothing is sent",
    }
    if candidates:
        choices = {f"{command} approve {row['id']} --choose {candidates[0]['id']}": "that one is right"} | choices
    elif state is State.HELD and row["code"] in ACCEPTABLE:
        choices = {f"{command} approve {row['id']}": "send it as it is, with the differing sums"} | choices
    console.print("\n[bold]What you can do[/]")
    fields(choices)


def _opened(sealed: bytes | None) -> Any:
    return thaw(vault().open(sealed)) if sealed else None


held = commands(
    State.HELD,
    "Deliveries that wait for a decision: an unknown SKU, totals that do not add up, two possible customers.",
    approve,
    resolve_command(State.HELD, "resolve"),
    resolve_command(State.HELD, "reject"),
)
dead = commands(
    State.DEAD,
    "Dead letters: deliveries that the target refused or that failed too often.  The original is kept.",
    resolve_command(State.DEAD, "resolve"),
)
