"""What a person decides about held and dead deliveries: that they go as they are, or that they are settled."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from integration.canonical import ACCEPTABLE, thaw
from integration.cli.chosen import LIMIT, act, check_chosen, show_done
from integration.cli.repair import EVENT, SET, WHY, correct, in_state, send
from integration.errors import Failure
from integration.message import State
from integration.operations import jobs
from integration.operations.jobs import Preview
from integration.operations.possible import check_approvable
from integration.operations.selection import Selection
from integration.settings import operator
from integration.store import decisions, deliveries, repair
from integration.store.database import Database, Row, Transaction
from integration.store.repair import Restart
from integration.terminal.jobs import Manner, carried_out
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database, vault

IDS = click.argument("ids", type=ID, nargs=-1)


def resolve_command(state: State) -> click.Command:
    about = "Close what is settled otherwise: it is skipped, with the reason, and nothing is sent."
    example = f"""

    \b
    Examples:
      fleet {state.value} resolve 4711 4712 --reason 'entered by hand'
      fleet {state.value} resolve --code unknown_sku --until 2026-11-01 --reason 'test orders'
    """

    @click.command("resolve", help=about + example)
    @IDS
    @filters
    @LIMIT
    @carried_out
    @click.option("--reason", required=True, help="Why.  It is stored in clear: no names, no addresses.")
    def resolve(ids: tuple[int, ...], limit: int, reason: str, **options: Any) -> None:
        manner = Manner.taken_from(ids, options)
        check_chosen(ids, options)
        chosen = Selection([state], ids, **options)
        with open_database() as database:

            def one(row: Row) -> None:
                with database.transaction() as tx:
                    repair.resolve(tx, [row["id"]], reason, operator())
                show_done(row["id"], None, "Resolved.", manner)

            make = partial(jobs.preview, act="resolve", chosen=chosen, limit=limit, who=operator(), reason=reason)
            act(database, chosen, limit, manner, one, make, "Resolve {}?")

    return resolve


@click.command("approve")
@IDS
@filters
@LIMIT
@carried_out
@click.option("--choose", metavar="ID", help="This candidate is the right one; `fleet held show` lists them.")
@SET
@EVENT
@WHY
def approve(
    ids: tuple[int, ...],
    limit: int,
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
    manner = Manner.taken_from(ids, options)
    check_chosen(ids, options)
    if choose and settings:
        raise click.UsageError("--choose or --set, not both")
    if (choose or settings) and (len(ids) != 1 or any(options.values())):
        raise click.UsageError("--choose and --set are for one delivery: give its id")
    if settings and manner.as_json:
        raise click.UsageError("--set says what it corrects: it takes no --json")
    with open_database() as database:
        if settings:
            send(database, correct(database, State.HELD, ids[0], settings, None, event=event, why=why))
        elif choose:
            with database.transaction() as tx:
                _choose(tx, in_state(tx, State.HELD, ids[0]), choose, why)
                repair.replay(tx, ids, Restart(goes_on=True), operator())
            show_done(ids[0], ids[0], f"Delivery {ids[0]} goes on.", manner)
        else:
            _approve(database, Selection([State.HELD], ids, **options), limit, why, manner)


def _approve(database: Database, chosen: Selection, limit: int, why: str | None, manner: Manner) -> None:
    def one(row: Row) -> None:
        id = row["id"]
        with database.transaction() as tx:
            _check_acceptable(in_state(tx, State.HELD, id))
            decisions.approve(tx, [id], operator(), why=why)
            repair.replay(tx, [id], Restart(goes_on=True), operator())
        show_done(id, id, f"Delivery {id} goes on.", manner)

    def make(tx: Transaction) -> Preview:
        found = jobs.preview(tx, "approve", chosen, limit, operator(), why=why)
        check_approvable(found)
        return found

    act(database, chosen, limit, manner, one, make, "Let {} go as they are?")


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
