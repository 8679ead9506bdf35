"""``fleet ledger``: proof that everything accepted is accounted for."""

from __future__ import annotations

import click

from integration.store import ledger as books
from integration.terminal.render import console, json_option, show_json, table
from integration.terminal.session import open_database

COLUMNS = ("source", "accepted", "done", "skipped", "held", "dead", "open", "removed", "copies", "conflicts")

ROUNDING = ("target", "currency", "orders", "rounding")


@click.command()
@click.option("--full", is_flag=True, help="Also add up the sealed days again, as the fleet does once a day.")
@json_option
@click.pass_context
def ledger(ctx: click.Context, full: bool, as_json: bool) -> None:
    """Add everything up: accepted = done + skipped + held + dead + open.

    The counts are independent of each other and of one snapshot; finished days are read as they were sealed.  Below
    them it lists what rounding lines carry of the orders' totals, by target and currency.  Exit code 1 when something
    is missing.

    \b
    Examples:
      fleet ledger
      fleet ledger --full --json
    """
    with open_database() as database, database.transaction() as tx:
        balance = books.balance(tx, full=full)
        rounding = books.rounding_carried(tx)
    imbalances = [each.__dict__ for each in balance.imbalances]
    if as_json:
        found = {"balanced": balance.balanced, "sources": balance.sources, "imbalances": imbalances}
        show_json({**found, "rounding": rounding})
    else:
        table(COLUMNS, balance.sources, empty="Nothing was accepted yet.")
        if rounding:
            console.print("\n[bold]Carried by rounding lines[/]")
            table(ROUNDING, rounding, empty="")
        table(("rule", "count", "sample"), imbalances, empty="")
        console.print("[green]balanced[/]" if balance.balanced else "[bold red]NOT balanced[/]")
    ctx.exit(0 if balance.balanced else 1)
