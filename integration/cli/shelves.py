"""``fleet held`` and ``fleet dead``: the two shelves on which deliveries wait for a person."""

from __future__ import annotations

import json
from typing import Any

import click

from integration.canonical import thaw
from integration.cli.masking import masked
from integration.cli.render import console, fields, json_option, show_json, table
from integration.cli.stores import missing, open_database, vault
from integration.message import State
from integration.store import attempts, views

COLUMNS = ("id", "number", "target", "step", "code", "reason", "fingerprint", "created_at")
FACTS = (
    "id", "message", "type", "number", "object_id", "target", "workflow", "step", "state", "code", "reason", "hint",
    "attempts", "fingerprint", "created_at", "finished_at",
)  # fmt: skip
ATTEMPT = ("effect", "outcome", "code", "started_at", "finished_at")


def shelf(state: State, about: str) -> click.Group:
    """The command group of one shelf: ``ls`` and ``show``."""

    @click.group(state.value, help=about)
    def group() -> None: ...

    @group.command("ls", help=f"List what is {state.value}, newest first.")
    @click.option("--limit", default=50, show_default=True, help="How many.")
    @json_option
    def ls(limit: int, as_json: bool) -> None:
        with open_database() as database, database.transaction() as tx:
            rows = views.deliveries_in(tx, state.value, limit)
        if as_json:
            show_json(rows)
        else:
            table(COLUMNS, rows, empty=f"Nothing is {state.value}.")

    @group.command("show", help="Show one: what is wrong, what to do, and what was tried.  Personal data is masked.")
    @click.argument("id", type=int)
    @json_option
    def show(id: int, as_json: bool) -> None:
        _show(state, id, as_json)

    return group


def _show(state: State, id: int, as_json: bool) -> None:
    with open_database() as database, database.transaction() as tx:
        row = views.delivery(tx, id)
        if row is None or row["state"] != state.value:
            raise missing(state.value, id)
        tries = attempts.of_delivery(tx, id)
    facts = {name: row[name] for name in FACTS}
    candidates, document = _opened(row["candidates"]), masked(_opened(row["document"]))
    shown = [{name: each[name] for name in ATTEMPT} for each in tries]
    if as_json:
        show_json({**facts, "candidates": candidates, "attempts": shown, "document": document})
        return
    fields(facts)
    for candidate in candidates or ():
        console.print(f"  candidate {candidate['id']}: {candidate['label']}")
    console.print("\n[bold]Attempts[/]")
    table(ATTEMPT, shown, empty="none")
    if document:
        console.print("\n[bold]Document[/] (masked)")
        console.print_json(json.dumps(document, default=str))


def _opened(sealed: bytes | None) -> Any:
    return thaw(vault().open(sealed)) if sealed else None


held = shelf(
    State.HELD,
    "What was held because nothing here is guessed: an unknown SKU, totals that do not add up, two possible customers.",
)
dead = shelf(State.DEAD, "Dead letters: what the target refused or what failed too often.  The original is kept.")
