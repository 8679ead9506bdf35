"""``fleet held`` and ``fleet dead``: the two shelves on which deliveries wait for a person."""

from __future__ import annotations

from typing import Any

import click

from integration.canonical import thaw
from integration.cli.masking import masked
from integration.cli.render import console, fields, json_option, limit_option, show_document, show_json, table
from integration.cli.stores import ID, as_shown, open_database, vault
from integration.errors import Failure
from integration.message import State
from integration.store import attempts, views

COLUMNS = ("id", "number", "target", "step", "reason", "created_at")
FACTS = (
    "id", "message", "type", "number", "object_id", "target", "workflow", "step", "state", "code", "reason", "hint",
    "failed_tries", "fingerprint", "created_at", "finished_at",
)  # fmt: skip
ATTEMPT = ("effect", "outcome", "code", "started_at", "finished_at")


def shelf(state: State, about: str) -> click.Group:
    """The command group of one shelf: ``ls`` and ``show``."""

    @click.group(state.value, help=about)
    def group() -> None: ...

    @group.command("ls", help=f"List what is {state.value}, newest first.")
    @limit_option
    @json_option
    def ls(limit: int, as_json: bool) -> None:
        with open_database() as database, database.transaction() as tx:
            rows = [as_shown(row) for row in views.deliveries_in(tx, state.value, limit)]
        if as_json:
            show_json(rows)
        else:
            table(COLUMNS, rows, empty=f"Nothing is {state.value}.")

    @group.command("show", help="Show one: what is wrong, what to do, and what was tried.  Personal data is masked.")
    @click.argument("id", type=ID)
    @json_option
    def show(id: int, as_json: bool) -> None:
        _show(state, id, as_json)

    return group


def _show(state: State, id: int, as_json: bool) -> None:
    with open_database() as database, database.transaction() as tx:
        row = views.delivery(tx, id)
        if row is None or row["state"] != state.value:
            found = f"delivery {id} is not {state.value}, it is {row['state']}" if row else f"there is no delivery {id}"
            raise Failure(found, hint=f"`fleet {state.value} ls` lists what is {state.value}.")
        tries = attempts.of_delivery(tx, id)
    facts = {name: as_shown(row)[name] for name in FACTS}
    candidates, document = _opened(row["candidates"]), masked(_opened(row["document"]))
    shown = [{name: each[name] for name in ATTEMPT} for each in tries]
    if as_json:
        show_json({**facts, "candidates": candidates, "attempts": shown, "document": document})
        return
    fields(facts)
    fields({f"candidate {each['id']}": each["label"] for each in candidates or ()})
    console.print("\n[bold]Attempts[/]")
    table(ATTEMPT, shown, empty="none")
    if document:
        console.print("\n[bold]Document[/] (masked)")
        show_document(document)


def _opened(sealed: bytes | None) -> Any:
    return thaw(vault().open(sealed)) if sealed else None


held = shelf(
    State.HELD,
    "What was held because nothing here is guessed: an unknown SKU, totals that do not add up, two possible customers.",
)
dead = shelf(State.DEAD, "Dead letters: what the target refused or what failed too often.  The original is kept.")
