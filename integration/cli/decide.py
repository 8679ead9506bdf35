"""What a person decides about held and dead deliveries: that they go as they are, or that they are settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from integration.canonical import ACCEPTABLE, thaw
from integration.cli.chosen import ask, check_chosen, find
from integration.cli.repair import EVENT, SET, WHY, correct, in_state, send
from integration.errors import Failure
from integration.message import State
from integration.operations.selection import Selection
from integration.settings import operator
from integration.store import decisions, deliveries, repair
from integration.store.database import Database, Row, Transaction
from integration.store.repair import Restart
from integration.terminal.render import say
from integration.terminal.replay_options import MOST
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database, vault

BATCH = 100
IDS = click.argument("ids", type=ID, nargs=-1)
LIMIT = click.option("--limit", type=click.IntRange(1, MOST), default=MOST, help="At most this many, the newest.")
YES = click.option("--yes", is_flag=True, help="Do not ask before what the filters choose.")


def resolve_command(state: State, name: str) -> click.Command:
    about = "Close what is settled otherwise: it is skipped, with the reason, and nothing is sent."
    example = f"""

    \b
    Examples:
      fleet {state.value} {name} 4711 4712 --reason 'entered by hand'
      fleet {state.value} {name} --code unknown_sku --until 2026-11-01 --reason 'test orders'
    """

    @click.command(name, help=about + example)
    @IDS
    @filters
    @LIMIT
    @YES
    @click.option("--reason", required=True, help="Why.  It is stored in clear: no names, no addresses.")
    def resolve(ids: tuple[int, ...], limit: int, yes: bool, reason: str, **options: Any) -> None:
        check_chosen(ids, options)
        chosen = Selection([state], ids, **options)
        with open_database() as database:
            rows = find(database, chosen, limit)
            ask(database, chosen, rows, "Resolve {}?", sure=yes or bool(ids))
            for batch in _batches(rows):
                with database.transaction() as tx:
                    repair.resolve(tx, batch, reason, operator())
        click.echo(_counted(rows, "Resolved.", "resolved"))

    return resolve


@click.command("approve")
@IDS
@filters
@LIMIT
@YES
@click.option("--choose", metavar="ID", help="This candidate is the right one; `fleet held show` lists them.")
@SET
@EVENT
@WHY
def approve(
    ids: tuple[int, ...],
    limit: int,
    yes: bool,
    choose: str | None,
    settings: tuple[str, ...],
    event: bool,
    why: str | None,
    **options: Any,
) -> None:
    """Decide about held deliveries, and send them: as they are; one of them with a candidate, or corrected.

    Only what differs in its sums can go as it is.  What is unknown to the target, or ambiguous, has to be chosen,
    corrected, or created there.  It holds for the object at this target, for its later versions and its invoices, until
    its source changes what was compared: `fleet decisions` lists and revokes it.

    \b
    Examples:
      fleet held approve 4711 4712
      fleet held approve --code totals_mismatch --target odoo --why 'agreed with the customers'
      fleet held approve 4711 --choose 36
      fleet held approve 4711 --set lines.0.sku=SKU-1
    """
    check_chosen(ids, options)
    if choose and settings:
        raise click.UsageError("--choose or --set, not both")
    if (choose or settings) and (len(ids) != 1 or any(options.values())):
        raise click.UsageError("--choose and --set are for one delivery: give its id")
    with open_database() as database:
        if settings:
            send(database, correct(database, State.HELD, ids[0], settings, None, event=event, why=why))
        elif choose:
            with database.transaction() as tx:
                _choose(tx, in_state(tx, State.HELD, ids[0]), choose, why)
                repair.replay(tx, ids, Restart(goes_on=True), operator())
            say(f"Delivery {ids[0]} goes on.")
        else:
            _approve(database, Selection([State.HELD], ids, **options), limit, why, yes=yes)


def _approve(database: Database, chosen: Selection, limit: int, why: str | None, *, yes: bool) -> None:
    rows = find(database, chosen, limit)
    if len(rows) == 1:
        with database.transaction() as tx:
            _check_acceptable(in_state(tx, State.HELD, rows[0]["id"]))
    accepted = [row for row in rows if row["code"] in ACCEPTABLE]
    left_out = [row["id"] for row in rows if row["code"] not in ACCEPTABLE]
    if accepted:
        narrowed = Selection([State.HELD], [row["id"] for row in accepted])
        ask(database, narrowed, accepted, "Let {} go as they are?", sure=yes or bool(chosen.ids))
    for batch in _batches(accepted):
        with database.transaction() as tx:
            decisions.approve(tx, batch, operator(), why=why)
            repair.replay(tx, batch, Restart(goes_on=True), operator())
    say(_counted(accepted, *(f"Delivery {row['id']} goes on." for row in accepted[:1]), "go on"))
    if left_out:
        raise Failure(
            f"left out: {', '.join(map(str, sorted(left_out)))}",
            hint="They cannot go as they are: `fleet held show ID` says what is to be chosen, corrected or created.",
        )


def _choose(tx: Transaction, row: Row, choose: str, why: str | None) -> None:
    candidates = thaw(vault().open(row["candidates"])) if row["candidates"] else []
    found = next((each for each in candidates if each["id"] == choose), None)
    if found is None or not ({"entity", "key"} <= found.keys() or "approves" in found):
        ids = ", ".join(each["id"] for each in candidates) or "none"
        raise Failure(f"{choose} is not one of its candidates", hint=f"They are: {ids}.")
    delivery = deliveries.look(tx, row["id"])
    assert delivery
    repair.choose(tx, delivery, found, operator(), why)


def _check_acceptable(row: Row) -> None:
    if row["candidates"]:
        ids = ", ".join(each["id"] for each in thaw(vault().open(row["candidates"])))
        raise Failure("there are several candidates, and none is chosen", hint=f"Say --choose with one of: {ids}.")
    if row["code"] not in ACCEPTABLE:
        raise Failure(
            f"what is held as {row['code']} cannot go as it is: there is nothing right to send",
            hint=f"{row['hint'] or ''}  Or correct it here: `fleet held approve {row['id']} --set PATH=VALUE`.".strip(),
        )


def _batches(rows: Sequence[Row]) -> list[list[int]]:
    ids = sorted(row["id"] for row in rows)
    return [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]


def _counted(rows: Sequence[Row], *said: str) -> str:
    """What is said of one row, of several by how many they are, and of none."""
    if not rows:
        return "Nothing matches."
    return said[0] if len(rows) == 1 else f"{len(rows)} {said[-1]}."
