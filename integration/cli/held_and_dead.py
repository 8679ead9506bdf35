"""``fleet held`` and ``fleet dead``: the deliveries that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from integration.canonical import ACCEPTABLE, thaw
from integration.canonical.entities import entity
from integration.cli.decide import approve, resolve_command
from integration.cli.repair import edit_command, in_state
from integration.cli.replay import replay_command
from integration.masking import masked
from integration.message import State
from integration.operations.objects import Page, page_of
from integration.operations.selection import Selection
from integration.operations.totals import concerned
from integration.settings import operator
from integration.store import attempts, audit, decisions, repair
from integration.store.database import Row
from integration.terminal.decisions import show_decisions
from integration.terminal.decisions import shown as shown_decisions
from integration.terminal.listing import Listing, listing, show, show_rows
from integration.terminal.render import console, fields, json_option, say, show_document, table
from integration.terminal.selection import counted, filters, say_fixes, say_how_many, show_kinds
from integration.terminal.session import ID, as_shown, open_database, vault

COLUMNS = ("id", "number", "target", "code", "reason", "created_at")
FACTS = (
    "id", "message", "type", "number", "object_id", "target", "workflow", "step", "state", "code", "reason", "hint",
    "failed_tries", "fingerprint", "newer", "mapping_version", "replay_of", "edited", "created_at", "finished_at",
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
    @listing
    def ls(each: bool | None, **options: Any) -> None:
        how = Listing.taken_from(options)
        _list(Selection([state], **options), each, how)

    @group.command("show", help=SHOW.format(state=state.value))
    @click.argument("id", type=ID)
    @click.option("--reveal", is_flag=True, help="Show personal data, and what was sent and answered.  Audited.")
    @json_option
    def show_one(id: int, reveal: bool, as_json: bool) -> None:
        _show(state, id, reveal=reveal, as_json=as_json)

    for command in (replay_command([state], f"{state.value} replay"), edit_command(state), *more):
        group.add_command(command)
    return group


def _list(chosen: Selection, each: bool | None, how: Listing) -> None:
    with open_database() as database, database.transaction() as tx:
        for_people = not (how.as_json or how.as_csv)
        kinds = repair.kinds(tx, chosen) if for_people or each is False else []
        objects = concerned(tx, chosen) if for_people else {}
        screenful = console.height - 4 if console.is_terminal else SCREENFUL
        count = sum(kind["count"] for kind in kinds)
        by_kind = each is False or (each is None and count > screenful)
        rows = [] if by_kind else repair.matching(tx, chosen, how.limit + 1, how.before)
    page = Page(kinds[: how.limit]) if by_kind else page_of([as_shown(row) for row in rows], how.limit)
    empty = _nothing(chosen)
    if by_kind and for_people:
        show_kinds(page.rows, empty=empty)
    else:
        show(page, how, COLUMNS, empty=empty)
    if for_people:
        if each is None and not by_kind:
            say_fixes(kinds)
        say_how_many(chosen.states[0].value, objects, count)
        _say_where_more_is(chosen.states[0], len(kinds) - len(page.rows), by_kind=by_kind, count=count)


def _say_where_more_is(state: State, further: int, *, by_kind: bool, count: int) -> None:
    if by_kind and further > 0:
        say(f"{counted(further, 'kind')} more: a higher --limit shows it.")
    if by_kind and count:
        say("--each lists each one; --fingerprint those of one kind.")
    elif count:
        say(f"`fleet {state.value} show ID` has all about one, and what you can do.")


def _nothing(chosen: Selection) -> str:
    """Why a list is empty: nothing is in the state, or nothing of it has what is given."""
    state = chosen.states[0].value
    return f"No {state} delivery matches." if chosen.given().keys() - {"states"} else f"Nothing is {state}."


def _show(state: State, id: int, *, reveal: bool, as_json: bool) -> None:
    with open_database() as database, database.transaction() as tx:
        row = in_state(tx, state, id)
        tries, decided = attempts.of_delivery(tx, id), decisions.of_delivery(tx, id)
        if reveal:
            audit.note(tx, operator(), "reveal", [id])
    facts = {name: as_shown(row)[name] for name in FACTS}
    candidates, document = _opened(row["candidates"]), _opened(row["document"])
    document = document if reveal else masked(document, personal=entity(row["entity"]).personal)
    shown = [_attempt(each, reveal=reveal) for each in tries]
    if as_json:
        of_object = shown_decisions(decided, reveal=reveal)
        show_rows(shown, **facts, candidates=candidates, decisions=of_object, document=document)
        return
    fields(facts)
    fields({f"candidate {each['id']}": each["label"] for each in candidates or ()})
    show_decisions(decided, reveal=reveal)
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
    resolve_command(State.HELD),
)
dead = commands(
    State.DEAD,
    "Dead letters: deliveries that the target refused or that failed too often.  The original is kept.",
    resolve_command(State.DEAD),
)
