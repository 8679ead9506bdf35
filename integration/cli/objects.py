"""``fleet orders``, ``customers``, ``products``, ``returns``: one row for each object, and the whole story of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from integration.canonical.entities import noun
from integration.canonical.money import format_money
from integration.errors import Failure
from integration.message import OPEN, State
from integration.operations import objects
from integration.operations.bodies import bodies, note_export
from integration.operations.objects import Page
from integration.operations.selection import Selection
from integration.operations.story import Story, story
from integration.settings import operator
from integration.store.database import Database, Row
from integration.terminal.listing import Listing, check_body, listing, show, show_rows, with_body_as_text
from integration.terminal.render import console, fields, json_option, table
from integration.terminal.selection import STATES, selecting
from integration.terminal.session import open_database, vault

LIST = """List {noun}s, one row each, the last one to appear first: where each is, and what is wrong.

    A row is listed if a delivery of it, or of its shipments and invoices, has all that the options say.

    \b
    Examples:
      fleet {noun}s ls --since 2h
      fleet {noun}s ls --state held --state dead
      fleet {noun}s ls --since yesterday --csv
    """
SHOW = """Show the whole story of one, in both directions: what came, was tried and decided, and what it waits for.

    TEXT is its number or id in any system.  Times are UTC.

    \b
    Examples:
      fleet {noun}s show {example}
      fleet {noun}s show {example} --json
    """
TARGET = ("target", "number", "theirs", "state", "delivery")
HAPPENED = ("at", "target", "delivery", "mapping", "says")


def commands(of: str, example: str) -> click.Group:
    """The command group of the objects of an entity."""

    @click.group(f"{of}s", help=f"{of.capitalize()}s, one row each over all systems, and their stories.")
    def group() -> None: ...

    @group.command("ls", help=LIST.format(noun=of))
    @click.option("--state", type=STATES, multiple=True, help="In this state at a target; more than one may be given.")
    @selecting("Received", "entity")
    @click.option("--body", is_flag=True, help="Also the newest event of each, masked; with --json or --csv.")
    @click.option("--reveal", is_flag=True, help="With --body: unmasked.  This is audited.")
    @listing
    def ls(state: tuple[str, ...], body: bool, reveal: bool, **options: Any) -> None:
        how = Listing.taken_from(options)
        check_body(how, body, reveal)
        chosen = Selection(tuple(map(State, state)), **options)
        with open_database() as database:
            page = _listed(database, of, chosen, how, body, reveal)
        show(page, how, _columns(page.rows), empty=f"No {of} matches.", for_people=_drawn, flat=_flat)

    @group.command("show", help=SHOW.format(noun=of, example=example))
    @click.argument("text")
    @click.option("--all", "everything", is_flag=True, help="Also the events by which nothing changed.")
    @json_option
    def show_one(text: str, everything: bool, as_json: bool) -> None:
        with open_database() as database, database.transaction() as tx:
            found = [row for row in objects.find(tx, vault(), text, None) if row["entity"] == of]
            row = the_one(found, text, of)
            its = story(tx, vault(), of, row["object"])
        if as_json:
            show_rows(its.events, object=its.row, waits=its.waits, commands=its.commands)
            return
        _draw(its, everything=everything)

    return group


def the_one(found: Sequence[Row], text: str, of: str) -> Row:
    """What was found, by its own number before its id before what other systems call it; `Failure` unless it is one."""
    for matches in ("number", "id", None):
        best = [row for row in found if matches in (None, row["matched"])]
        if len(best) == 1:
            return best[0]
        if best:
            ids = ", ".join(row["object"] for row in best)
            raise Failure(f"{text} is {len(best)} {of}s", hint=f"Give the id of one of them: {ids}.")
    raise Failure(f"there is no {of} {text}", hint=f"`fleet {of}s ls` lists those there are.")


def _listed(database: Database, of: str, chosen: Selection, how: Listing, body: bool, reveal: bool) -> Page:
    with database.transaction() as tx:
        page = objects.listed(tx, vault(), of, chosen, how.limit, how.before)
        if not body:
            return page
        if reveal:
            note_export(tx, operator(), f"{of}s", chosen, len(page.rows))
        opened = bodies(tx, vault(), [row["message"] for row in page.rows], reveal=reveal)
    return Page([{**row, "body": opened.get(row["message"])} for row in page.rows], page.next)


def _columns(rows: Sequence[Row]) -> list[str]:
    """Those of the table, with one for each system; without those that nothing is in."""
    systems = sorted({each["system"] for row in rows for each in row["targets"]})
    columns = ["number", "received", "value", *systems, "notified", "wrong"]
    empty = {name for name in ("value", "notified") if all(row[name] is None for row in rows)}
    return [name for name in columns if name not in empty]


def _drawn(row: Row) -> Row:
    """The row as people read it: what is at each system in one column, and what is wrong first."""
    wrong = row["wrong"][0] if row["wrong"] else None
    newer = f" (+{row['newer']} newer)" if row["newer"] else ""
    systems = {each["system"]: _at(row, each) for each in row["targets"]}
    return {
        "number": row["number"] or row["object"],
        "received": row["received"],
        "value": _worth(row) if row["value"] is not None else None,
        **systems,
        "notified": row["notified"],
        "wrong": f"{wrong['code']}: {wrong['reason']}{newer}" if wrong else None,
    }


def _flat(row: Row) -> Row:
    """The row as a line of CSV: the columns of each system have its name."""
    wrong = row["wrong"][0] if row["wrong"] else {}
    flat = {name: row[name] for name in ("object", "number", "received", "changed", "value", "currency")}
    for each in row["targets"]:
        flat |= {f"{each['system']}_{name}": each[name] for name in ("number", "theirs", "state")}
    flat |= {"notified": row["notified"], "code": wrong.get("code"), "reason": wrong.get("reason")}
    flat |= {"newer": row["newer"]}
    return with_body_as_text({**flat, "body": row["body"]} if "body" in row else flat)


def _at(row: Row, place: Row) -> str:
    """Their number once it is there, or their id where that is not ours; else the state on the way."""
    theirs = place["theirs"] if place["theirs"] != row["object"] else None
    if place["state"] in (State.DONE, None):
        return place["number"] or theirs or "done"
    if place["state"] == State.SKIPPED:
        return place["number"] or "-"
    known = f"{place['number']} " if place["number"] else ""
    return f"{known}{place['step'] if place['state'] in OPEN else place['state']}"


def _worth(row: Row) -> str:
    return format_money(row["value"], row["currency"])


def _draw(its: Story, *, everything: bool) -> None:
    row = its.row
    fields({
        noun(row["entity"]): row["number"],
        "id": row["object"],
        "received": _at_utc(row["received"]),
        "changed": _at_utc(row["changed"]),
        "value": _worth(row) if row["value"] is not None else None,
        "Clarity was notified": row["notified"],
    })  # fmt: skip
    console.print("\n[bold]Where it is[/]")
    table(TARGET, row["targets"], empty="nowhere yet")
    if its.waits:
        console.print("\n[bold]What it waits for[/]")
    for wait in its.waits:
        fields({f"delivery {wait['delivery']}, {wait['about']}": f"{wait['because']}, since {_at_utc(wait['since'])}"})
    console.print("\n[bold]What happened[/] (UTC)")
    loud = [each for each in its.events if everything or not each["quiet"]]
    drawn = [{**each, "at": _at_utc(each["at"]), "mapping": each["mapping_version"]} for each in loud]
    table(HAPPENED, drawn, empty="-")
    if quiet := {each["message"] for each in its.events} - {each["message"] for each in loud}:
        says = "1 event changed nothing: --all shows it, too."
        several = f"{len(quiet)} events changed nothing: --all shows them, too."
        console.print(says if len(quiet) == 1 else several, style="dim")
    if its.commands:
        console.print("\n[bold]What you can do[/]")
        fields(its.commands)


def _at_utc(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else None


orders = commands("order", "WEB-1001")
customers = commands("customer", "c-77")
products = commands("product", "MUG-01")
returns = commands("return", "RMA-1")
