"""The deliveries that a command is about, by id or by what they have in common; and the question before many change."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from integration.errors import Failure
from integration.operations.selection import Selection
from integration.store import repair, views
from integration.store.database import Database, Row
from integration.terminal.selection import show_kinds


def check_chosen(ids: Sequence[int], filters: Mapping[str, Any]) -> None:
    """Raises a usage error where nothing says which deliveries are meant."""
    if not ids and not any(filters.values()):
        raise click.UsageError("Which?  Give ids, or what they have in common: --code, --fingerprint, --target …")


def find(database: Database, chosen: Selection, limit: int) -> list[Row]:
    """The deliveries, newest first; `Failure` for an id that is not among them."""
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


def ask(
    database: Database, chosen: Selection, rows: Sequence[Row], question: str, *, sure: bool, silent: bool = False
) -> None:
    """Shows the deliveries by kind, and asks before more than one of them is changed.

    ``question`` has ``{}`` for how many there are.  Raises a usage error where nobody can answer, be it ``silent``.
    """
    if len(rows) == 1 or sure:
        return
    asked = question.format(len(rows))
    if silent or not sys.stdin.isatty():
        raise click.UsageError(f"{len(rows)} match: say --yes.  {asked}")
    with database.transaction() as tx:
        show_kinds(repair.kinds(tx, chosen), empty="")
    click.confirm(asked, abort=True)
