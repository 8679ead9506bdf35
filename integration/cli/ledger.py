"""``fleet ledger``: how many orders are where, and the proof that everything accepted is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from integration.canonical.money import format_money
from integration.operations import jobs
from integration.operations.totals import Totals, totals
from integration.store import ledger as books
from integration.store.database import Row
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Moment
from integration.terminal.render import console, fields, json_option, table
from integration.terminal.session import open_database

COLUMNS = ("source", "accepted", "done", "skipped", "held", "dead", "open", "removed", "copies", "conflicts")

FOR_A_PERSON = ("state", "orders", "value", "since")
JOBS = ("id", "act", "state", "items", "waiting", "who", "started_at")
MOST_JOBS = 100
ROUNDING = ("target", "currency", "orders", "rounding")


@click.command()
@click.option("--since", type=Moment(), help="Count the orders that came then or later, in UTC.  [default: today]")
@click.option("--full", is_flag=True, help="Also add up the sealed days again, as the fleet does once a day.")
@json_option
@click.pass_context
def ledger(ctx: click.Context, since: datetime | None, full: bool, as_json: bool) -> None:
    """Count the orders, and prove that everything is accounted for: accepted = done + skipped + held + dead + open.

    First the orders: how many came, are where they belong, and wait for a person, and what these are worth.  Then the
    sums of all messages: the counts are independent of each other and of one snapshot; finished days are read as they
    were sealed.  Below them it lists what rounding lines carry of the orders' totals, by target and currency.  Exit
    code 1 when something is missing.

    \b
    Examples:
      fleet ledger
      fleet ledger --since yesterday
      fleet ledger --full --json
    """
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with open_database() as database, database.transaction() as tx:
        balance = books.balance(tx, full=full)
        rounding = books.rounding_carried(tx)
        orders = totals(tx, "order", since or midnight)
        running = jobs.listed(tx, jobs.UNDER_WAY, MOST_JOBS).rows
    imbalances = [each.__dict__ for each in balance.imbalances]
    if as_json:
        proven = balance.balanced
        beside: dict[str, Any] = {"imbalances": imbalances, "rounding": rounding, "jobs": running}
        show_rows(balance.sources, orders=orders.__dict__, balanced=proven, **beside)
    else:
        _draw(orders)
        table(COLUMNS, balance.sources, empty="Nothing was accepted yet.")
        if rounding:
            console.print("\n[bold]Carried by rounding lines[/]")
            table(ROUNDING, rounding, empty="")
        if running:
            console.print("\n[bold]Jobs that run or are paused[/]")
            table(JOBS, running, empty="")
        table(("rule", "count", "sample"), imbalances, empty="")
        console.print("[green]balanced[/]" if balance.balanced else "[bold red]NOT balanced[/]")
    ctx.exit(0 if balance.balanced else 1)


def _draw(orders: Totals) -> None:
    """What somebody asks who does not run the fleet: are all orders there, and what is not?"""
    count = orders.received
    console.print(f"[bold]Orders[/] since {orders.since:%Y-%m-%d %H:%M} UTC")
    fields({
        "received": count["received"],
        "in the ERP they belong to": count["one"],
        "in several ERPs": count["several"] or None,
        "on their way": count["open"] or None,
        "waiting for a person": count["waiting"] or None,
        "nothing to be done": count["nowhere"] or None,
    })  # fmt: skip
    if orders.for_a_person:
        console.print("\n[bold]Orders that wait for a person[/], of all times")
        rows = [{**row, "orders": row["count"], "value": _worth(row)} for row in orders.for_a_person]
        table(FOR_A_PERSON, rows, empty="")
    console.print("\n[bold]All messages[/]")


def _worth(row: Row) -> str:
    return format_money(row["value"], row["currency"]) if row["value"] is not None else "not known"
