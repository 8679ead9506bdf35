"""How commands show what they read: a table for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from integration.terminal.option_types import Whole

SHORT = 30
"""A column of cells no longer than these keeps its width: numbers, names, states and fingerprints."""
# Only a terminal has a width: in a file or a pipe no line is cut, whatever COLUMNS says: readline sets it for others.
console = Console(width=None if sys.stdout.isatty() else 10_000)

# Characters that move the cursor, colour, rename the window, reverse the text or cannot be encoded; not line feeds.
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

COLOURS = {"done": "green", "skipped": "dim", "held": "yellow", "dead": "red", "ok": "green", "found": "green",
           "paused": "red", "throttled": "yellow", "failed": "red", "warning": "yellow", "error": "red"}  # fmt: skip

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help='JSON instead of a table: {"rows": [...], "next": KEY}.'
)
limit_option: Callable[..., Any] = click.option(
    "--limit", type=Whole(1, 100_000), default=50, show_default=True, help="How many, newest first."
)


def show_json(content: Any) -> None:
    """One JSON document, indented; times in RFC 3339, amounts as text."""
    click.echo(_json(content))


def show_document(content: Any) -> None:
    """The same document for people: in colours, where there are any."""
    console.print(JSONHighlighter()(_json(content)), soft_wrap=True)


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """A table of some columns of the rows; ``empty`` is what to say when there are none.

    A row is one line: where the terminal is too narrow, cells of the columns with long ones are cut short.  Only lists
    are wrapped.
    """
    if not rows:
        console.print(empty, style="dim")
        return
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    for column, below in zip(columns, zip(*cells, strict=True), strict=True):
        drawn.add_column(column.replace("_", " "), no_wrap=max(each.cell_len for each in below) <= SHORT)
    for line in cells:
        drawn.add_row(*line)
    console.print(drawn)


def fields(content: Mapping[str, Any]) -> None:
    """Name and value, one pair a line; what is empty is left out."""
    width = max(map(len, content), default=0)
    for name, value in content.items():
        if value not in (None, "", [], ()):
            console.print(Text(f"{name.replace('_', ' ') + ':':<{width + 2}}", style="bold") + cell(value))


def remark(about: str, says: str, fix: str | None) -> None:
    """A sentence about something, and below it what to do; never cut short."""
    console.print(Text.assemble((f"{about}: ", "bold"), visible(says)), soft_wrap=True)
    if fix:
        console.print(Text(f"  fix: {visible(fix)}"), soft_wrap=True)


def visible(text: str) -> str:
    """The text for a terminal: control characters and what cannot be encoded, as JSON escapes them."""
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def say(text: str, *, err: bool = False) -> None:
    """One line for people.  It may quote text of others, so control characters are made visible first."""
    click.echo(visible(text), err=err)


def cell(value: Any) -> Text:
    """One value on one line, by its kind."""
    match value:
        case Text():
            return value
        case None:
            return Text("-", style="dim")
        case list() | tuple():
            return Text(", ").join(cell(each) for each in value)
        case datetime():
            text = _ago(value)
        case _:
            text = visible(str(value)).replace("\n", " ")
    return Text(text, style=COLOURS.get(text.rpartition(" ")[2], ""), no_wrap=True, overflow="ellipsis")


def _json(content: Any) -> str:
    return visible(json.dumps(content, indent=2, ensure_ascii=False, default=plain))


def _ago(at: datetime) -> str:
    seconds = (datetime.now(UTC) - at).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
    return "now"


def plain(value: Any) -> Any:
    """What JSON has no type for, as it is written there: times in RFC 3339, amounts as text, no bytes."""
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes():
            return None
    return str(value)
