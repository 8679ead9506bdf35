"""``fleet messages``: what came in and its state, and what was refused at the door."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from integration.canonical import parse_json
from integration.canonical.entities import entity
from integration.canonical.hints import with_variables_of
from integration.canonical.money import format_money
from integration.errors import Failure
from integration.masking import masked
from integration.message import State
from integration.operations.bodies import bodies, note_export
from integration.operations.objects import Page, page_of
from integration.operations.selection import Selection
from integration.refusals import REFUSALS
from integration.settings import Settings, operator
from integration.store import attempts, audit, decisions, refusals, views
from integration.store.database import Row
from integration.terminal.decisions import show_decisions, shown
from integration.terminal.listing import Listing, check_body, listing, show, show_rows, with_body_as_text
from integration.terminal.render import console, fields, json_option, remark, show_document, table
from integration.terminal.selection import STATES, selecting
from integration.terminal.session import ID, as_shown, open_database, vault

SUMMARY = ("id", "type", "number", "object_id", "received_at", "deliveries")
DELIVERY = ("id", "target", "workflow", "mapping", "step", "state", "failed_tries", "due_at")
FACTS = {
    "id": "id",
    "event": "external_id",
    "source": "source_name",
    **{name: name for name in ("type", "object_id", "number", "version", "received_at", "copies")},
}
NONE_YET = "No messages.  Send one with `fleet send FILE`, or try `fleet demo`."
REFUSED = ("source", "status", "reason", "count", "first", "newest")
ATTEMPT = ("delivery", "effect", "outcome", "code", "started_at")


@click.group()
def messages() -> None:
    """Every event that was accepted, and its state.

    \b
    Examples:
      fleet messages ls --number WEB-1001
      fleet messages show 4711
      fleet messages refused
    """


@messages.command("ls")
@click.option("--state", type=STATES, multiple=True, help="One of its deliveries is so; more than one may be given.")
@selecting("Received")
@click.option("--body", is_flag=True, help="Also the body of each, masked; with --json or --csv.")
@click.option("--reveal", is_flag=True, help="With --body: unmasked.  This is audited.")
@listing
def ls(state: tuple[str, ...], body: bool, reveal: bool, **options: Any) -> None:
    """List messages, newest first.

    \b
    Examples:
      fleet messages ls --number WEB-1001
      fleet messages ls --type order.cancelled --since yesterday
      fleet messages ls --email jane@mail.example --json --body
    """
    how = Listing.taken_from(options)
    check_body(how, body, reveal)
    chosen = Selection(tuple(map(State, state)), **options)
    with open_database() as database, database.transaction() as tx:
        page = page_of(views.messages(tx, chosen, how.limit + 1, how.before), how.limit)
        if reveal:
            note_export(tx, operator(), "messages", chosen, len(page.rows))
        opened = bodies(tx, vault(), [row["id"] for row in page.rows], reveal=reveal) if body else {}
    if body:
        page = Page([{**row, "body": opened[row["id"]]} for row in page.rows], page.next)
    empty = "No message matches." if chosen.given() else NONE_YET
    show(page, how, SUMMARY, empty=empty, for_people=_drawn, flat=with_body_as_text)


@messages.command("show")
@click.argument("id", type=ID)
@click.option("--reveal", is_flag=True, help="Show personal data.  This is audited.")
@json_option
def show_one(id: int, reveal: bool, as_json: bool) -> None:
    """Show one message with its deliveries and attempts.  Personal data is masked.

    \b
    Examples:
      fleet messages show 4711
      fleet messages show 4711 --reveal
    """
    with open_database() as database, database.transaction() as tx:
        message = views.message(tx, id)
        if message is None:
            raise Failure(f"there is no message {id}", hint="`fleet messages ls` lists those there are.")
        deliveries = [as_shown(row) for row in views.deliveries_of(tx, id)]
        tries = [{**row, "delivery": each["id"]} for each in deliveries for row in attempts.of_delivery(tx, each["id"])]
        decided = decisions.of_message(tx, id)
        if reveal:
            audit.note(tx, operator(), "reveal", [None], message=id)
    body = parse_json(vault().open(message["body"]))
    personal = any(entity(each["entity"]).personal for each in deliveries)
    body = body if reveal else masked(body, personal=personal)
    facts = {name: message[column] for name, column in FACTS.items()}
    if as_json:
        tries = [{name: row[name] for name in ("id", *ATTEMPT, "finished_at")} for row in tries]
        of_object = shown(decided, reveal=reveal)
        show_rows(deliveries, **facts, body=body, decisions=of_object, attempts=tries)
        return
    fields(facts)
    console.print("\n[bold]Deliveries[/]")
    table(DELIVERY, [{**row, "mapping": row["mapping_version"]} for row in deliveries], empty="none")
    fields({f"delivery {row['id']}": _remark(row) for row in deliveries})
    show_decisions(decided, reveal=reveal)
    console.print("\n[bold]Attempts[/]")
    table(ATTEMPT, tries, empty="none")
    console.print(f"\n[bold]Body[/]{'' if reveal else ' (masked)'}")
    show_document(body)


@messages.command("refused")
@json_option
def refused(as_json: bool) -> None:
    """List what the receiver refused in the last 24 hours, by reason, with what to do.

    \b
    Examples:
      fleet messages refused
    """
    with open_database() as database, database.transaction() as tx:
        found = refusals.lately(tx)
    systems = Settings.load().systems
    rows = [
        {**row, "status": why.status, "because": why.because, "fix": with_variables_of(systems.get(system), why.fix)}
        for row in found
        for why, system in ((REFUSALS[row["reason"]], row.pop("system")),)
    ]
    if as_json:
        show_rows(rows)
        return
    table(REFUSED, rows, empty="Nothing was refused.")
    for row in {(row["reason"], row["fix"]): row for row in rows}.values():
        console.print()
        remark(row["reason"], f"{row['because']}.", row["fix"])


def _remark(delivery: Row) -> str:
    """Why a delivery is where it is; of one that is done, what a rounding line carries."""
    if delivery["rounding"] is None:
        return str(delivery["reason"] or "")
    return f"a rounding line carries {format_money(delivery['rounding'], delivery['rounding_currency'])}"


def _drawn(row: Row) -> Row:
    return {**row, "deliveries": _counted(row["deliveries"])}


def _counted(deliveries: list[str]) -> list[str]:
    """Of "odoo-1 done", "clarity-1 done" the sum, "2 done"."""
    return [f"{count} {state}" for state, count in Counter(each.split()[-1] for each in deliveries).items()]
