"""How commands show what they read: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console()

COLOURS = {"done": "green", "skipped": "dim", "held": "yellow", "dead": "red", "ok": "green", "found": "green"}

json_option: Callable[..., Any] = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")


def show_json(content: Any) -> None:
    """One JSON document, indented; times in RFC 3339, amounts as text."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=_plain))


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """A table of some columns of the rows; ``empty`` is what to say when there are none."""
    if not rows:
        console.print(empty, style="dim")
        return
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        drawn.add_row(*(cell(row.get(column)) for column in columns))
    console.print(drawn)


def fields(content: Mapping[str, Any]) -> None:
    """Name and value, one pair a line; what is empty is left out."""
    width = max(len(name) for name in content)
    for name, value in content.items():
        if value not in (None, "", [], ()):
            console.print(Text(f"{name.replace('_', ' ') + ':':<{width + 2}}", style="bold") + cell(value))


def cell(value: Any) -> Text:
    match value:
        case None:
            return Text("-", style="dim")
        case datetime():
            return Text(_ago(value))
        case list() | tuple():
            return Text(", ").join(cell(each) for each in value)
    text = str(value)
    return Text(text, style=COLOURS.get(text.rpartition(" ")[2], ""))


def _ago(at: datetime) -> str:
    seconds = (datetime.now(UTC) - at).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
    return "now"


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes():
            return None
    return str(value)
