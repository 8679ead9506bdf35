"""``fleet audit``: what people did."""

from __future__ import annotations

from typing import Any

import click

from integration.store import audit as books
from integration.terminal.render import json_option, limit_option, show_json, table
from integration.terminal.session import ID, open_database

COLUMNS = ("at", "who", "action", "delivery", "detail")


@click.group()
def audit() -> None:
    """What people did: deliveries replayed, edited, approved, resolved, looked at unmasked; targets limited or paused.

    \b
    Examples:
      fleet audit ls
      fleet audit ls --delivery 4711
    """


@audit.command("ls")
@click.option("--delivery", type=ID, help="Only what concerns this delivery.")
@click.option("--who", help="Only what this user did.")
@click.option("--action", help="Only this: replay, edit, approve, choose, relink, resolve, reveal, limit …")
@limit_option
@json_option
def ls(delivery: int | None, who: str | None, action: str | None, limit: int, as_json: bool) -> None:
    """List what was done, newest first.

    \b
    Examples:
      fleet audit ls --who anna
      fleet audit ls --delivery 4711
    """
    with open_database() as database, database.transaction() as tx:
        rows = books.entries(tx, delivery=delivery, who=who, action=action, limit=limit)
    if as_json:
        show_json(rows)
        return
    table(COLUMNS, [{**row, "detail": _said(row["detail"])} for row in rows], empty="Nobody has done anything yet.")


def _said(detail: dict[str, Any]) -> list[str]:
    return [f"{name}: {' '.join(value) if isinstance(value, list) else value}" for name, value in detail.items()]
