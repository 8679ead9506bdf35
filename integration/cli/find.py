"""``fleet find``: an object by any number of any system, or by an e-mail address."""

from __future__ import annotations

import click

from integration.operations.objects import find as find_objects
from integration.store.database import Row
from integration.terminal.listing import show_rows
from integration.terminal.render import console, json_option, say, table
from integration.terminal.selection import email_key
from integration.terminal.session import open_database, vault

COLUMNS = ("entity", "number", "id", "received", "at", "state", "matched")
FEW = 5
SHOWN_BY = {"order": "orders", "customer": "customers", "product": "products", "return": "returns"}


@click.command()
@click.argument("text")
@json_option
def find(text: str, as_json: bool) -> None:
    """Find an order, customer, product or what belongs to one: by number, SKU, id, tracking number or e-mail.

    A number or id of any system, or of a carrier, is compared as a whole.  A shipment or an invoice is found with its
    order.

    \b
    Examples:
      fleet find WEB-1001
      fleet find S00012
      fleet find MUG-01
      fleet find 1Z999AA10123456784
      fleet find jane@mail.example
    """
    if not text.strip():
        raise click.UsageError("Find what?  Give a number, an id, a SKU, a tracking number or an e-mail address.")
    key = email_key(text) if "@" in text.strip("@") else None
    with open_database() as database, database.transaction() as tx:
        rows = find_objects(tx, vault(), text.strip(), key)
    if as_json:
        show_rows(rows)
        return
    table(COLUMNS, [_drawn(row) for row in rows], empty=f"Nothing is known under {text}.")
    for row in rows[:FEW]:
        if group := SHOWN_BY.get(row["entity"]):
            say(f"`fleet {group} show {row['number'] or row['object']}` has its story.")
    if not rows:
        console.print(
            "What no event has brought is not known here; `fleet poll SYSTEM` reads what changed.", style="dim"
        )


def _drawn(row: Row) -> Row:
    there = [f"{each['system']} {each['number'] or each['theirs'] or each['state']}" for each in row["targets"]]
    state = row["wrong"][0]["state"] if row["wrong"] else ", ".join({each["state"] or "-" for each in row["targets"]})
    return {**row, "id": row["object"], "at": there, "state": state}
