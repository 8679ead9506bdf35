"""``fleet audit``: what people did."""

from __future__ import annotations

from typing import Any

import click

from integration.operations.objects import page_of
from integration.operations.selection import Selection
from integration.store import audit as books
from integration.store.database import Row
from integration.terminal.listing import Listing, listing, show
from integration.terminal.selection import selecting
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
@click.option("--delivery", "ids", type=ID, multiple=True, help="What concerns this delivery; may be repeated.")
@click.option("--who", help="Only what this user did.")
@click.option("--action", help="Only this: replay, edit, approve, choose, relink, resolve, reveal, export, limit …")
@selecting("Done")
@listing
def ls(who: str | None, action: str | None, **options: Any) -> None:
    """List what was done, newest first.

    \b
    Examples:
      fleet audit ls --who anna --since yesterday
      fleet audit ls --number WEB-1001
      fleet audit ls --delivery 4711
    """
    how = Listing.taken_from(options)
    chosen = Selection(**options)
    with open_database() as database, database.transaction() as tx:
        rows = books.entries(tx, chosen, who=who, action=action, limit=how.limit + 1, before=how.before)
    page = page_of(rows, how.limit)
    asked = chosen.given() or who or action
    empty = "Nothing like that was done." if asked else "Nobody has done anything yet."
    show(page, how, COLUMNS, empty=empty, for_people=_with_words, flat=_with_words)


def _with_words(row: Row) -> Row:
    return {**row, "detail": _said(row["detail"])}


def _said(detail: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in detail.items()
    ]
