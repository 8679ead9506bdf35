"""The deliveries that a command is about, by id or by filters: one is acted on at once, more are a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from integration.errors import Failure
from integration.operations.jobs import Preview
from integration.operations.selection import Selection
from integration.store import repair, views
from integration.store.database import Database, Row, Transaction
from integration.terminal.jobs import Manner, carry_out
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Whole
from integration.terminal.render import say
from integration.terminal.replay_options import MOST

SEVERAL = 2
LIMIT = click.option("--limit", type=Whole(1, MOST), default=MOST, help="At most this many, the newest.")


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


def act(
    database: Database,
    chosen: Selection,
    limit: int,
    manner: Manner,
    one: Callable[[Row], None],
    make: Callable[[Transaction], Preview],
    question: str,
) -> None:
    """Does ``one`` at once where a single delivery is meant; more are the job that ``make`` previews."""
    rows = find(database, chosen, len(chosen.ids) or min(limit, SEVERAL))
    match min(len(rows), limit):
        case 0:
            show_rows([]) if manner.as_json else say("Nothing matches.")
        case 1:
            one(rows[0])
        case _:
            carry_out(database, make, question, manner)


def show_done(delivery: int, again: int | None, says: str, manner: Manner) -> None:
    """What was done about a single delivery: as JSON the item that it would be of a job."""
    if manner.as_json:
        show_rows([{"delivery": delivery, "again": again, "result": "applied"}])
    else:
        say(says)
