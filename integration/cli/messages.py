"""``fleet messages``: what came in, and what became of it."""

from __future__ import annotations

import json
from secrets import token_bytes
from typing import Any

import click

from integration.canonical import parse_json
from integration.cli.masking import masked
from integration.cli.render import console, fields, json_option, show_json, table
from integration.cli.stores import missing, open_database, vault
from integration.store import attempts, secrets, views
from integration.store.database import Row, Transaction
from integration.vault import match_key

SUMMARY = ("id", "source", "type", "number", "object_id", "received_at", "deliveries")
DELIVERY = ("id", "target", "workflow", "step", "state", "attempts", "due_at", "reason")
ATTEMPT = ("delivery", "effect", "outcome", "code", "started_at")


@click.group()
def messages() -> None:
    """Every event that was accepted, and what became of it.

    \b
    Examples:
      fleet messages ls --number WEB-1001
      fleet messages show 4711
    """


@messages.command("ls")
@click.option("--number", help="The number people know the object by, such as WEB-1001.")
@click.option("--object", "object_id", help="The object's id in Clarity.")
@click.option("--type", "type_", help="The event type, such as order.created.")
@click.option("--email", help="The customer's e-mail address.  Addresses are not stored: it is compared by HMAC.")
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
@json_option
def ls(
    number: str | None, object_id: str | None, type_: str | None, email: str | None, limit: int, as_json: bool
) -> None:
    """List messages, newest first."""
    with open_database() as database, database.transaction() as tx:
        key = match_key(email, _match_secret(tx)) if email else None
        rows = views.messages(tx, number=number, object_id=object_id, type=type_, email_key=key, limit=limit)
    if as_json:
        show_json(rows)
    else:
        table(SUMMARY, rows, empty="No messages.  Send one with `fleet send FILE`, or try `fleet demo`.")


@messages.command("show")
@click.argument("id", type=int)
@json_option
def show(id: int, as_json: bool) -> None:
    """Show one message with its deliveries and attempts.  Personal data is masked."""
    with open_database() as database, database.transaction() as tx:
        message = views.message(tx, id)
        if message is None:
            raise missing("messages", id)
        deliveries = views.deliveries_of(tx, id)
        tries = [{**row, "delivery": each["id"]} for each in deliveries for row in attempts.of_delivery(tx, each["id"])]
    body = _body(message)
    facts = {
        "id": message["id"],
        "event": message["external_id"],
        "source": message["source_name"],
        "type": message["type"],
        "object_id": message["object_id"],
        "number": message["number"],
        "version": message["version"],
        "received_at": message["received_at"],
        "copies": message["copies"],
    }
    if as_json:
        tries = [{name: row[name] for name in ("id", *ATTEMPT, "finished_at")} for row in tries]
        show_json({**facts, "body": body, "deliveries": deliveries, "attempts": tries})
        return
    fields(facts)
    console.print("\n[bold]Deliveries[/]")
    table(DELIVERY, deliveries, empty="none")
    console.print("\n[bold]Attempts[/]")
    table(ATTEMPT, tries, empty="none")
    console.print("\n[bold]Body[/] (masked)")
    console.print_json(json.dumps(body, default=str))


def _match_secret(tx: Transaction) -> bytes:
    return vault().open(secrets.get_or_make(tx, "match", lambda: vault().seal(token_bytes(32))))


def _body(message: Row) -> Any:
    return masked(parse_json(vault().open(message["body"])))
