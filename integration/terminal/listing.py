"""How the commands that list show what they found: a table for people, or JSON or CSV, page by page."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

import click

from integration.operations.objects import Page
from integration.store.conditions import LAST
from integration.store.database import Row
from integration.terminal.option_types import Whole
from integration.terminal.render import console, json_option, limit_option, plain, show_json, table, visible

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for a formula if a cell begins with it (OWASP, CSV injection); tabs are made visible."""


@dataclass(frozen=True)
class Listing:
    """What of a list is asked for, and how it is to be shown."""

    limit: int
    before: int
    as_json: bool
    as_csv: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Self:
        """What `listing` has added to a command's options, which are without it from then on."""
        how = cls(**{each.name: options.pop(each.name) for each in fields(cls)})
        if how.as_json and how.as_csv:
            raise click.UsageError("--json or --csv, not both")
        return how


OPTIONS = (
    limit_option,
    click.option("--next", "before", type=Whole(1, LAST), default=LAST, show_default=False, metavar="KEY",
                 help="Go on behind the page whose JSON said this `next`."),
    json_option,
    click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table."),
)  # fmt: skip


def listing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that are the fields of `Listing`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def check_body(how: Listing, body: bool, reveal: bool) -> None:
    """Raises a usage error where --body and --reveal do not go with the rest."""
    if body and not (how.as_json or how.as_csv):
        raise click.UsageError("--body goes with --json or --csv")
    if reveal and not body:
        raise click.UsageError("--reveal goes with --body")


def with_body_as_text(row: Row) -> Row:
    """A row for CSV: its body, where it has one, is JSON in one cell."""
    return {**row, "body": json.dumps(row["body"], ensure_ascii=False, default=plain)} if "body" in row else row


def show(
    page: Page,
    how: Listing,
    columns: Sequence[str],
    *,
    empty: str,
    for_people: Callable[[Row], Row] = dict,
    flat: Callable[[Row], Row] = dict,
) -> None:
    """Shows a page: ``for_people`` makes a row of the table, ``flat`` one of the CSV, whose columns are all it has."""
    if how.as_json:
        show_rows(page.rows, page.next)
    elif how.as_csv:
        show_csv([flat(row) for row in page.rows])
    else:
        table(columns, [for_people(row) for row in page.rows], empty=empty)
        if page.next is not None:
            console.print(f"There are more: --next {page.next}, or a higher --limit.", style="dim")


def show_rows(rows: Sequence[Row], next: int | None = None, **beside: Any) -> None:
    """The one shape of JSON of every list; ``next`` is the key of the next page, ``beside`` what is not a row."""
    show_json({**beside, "rows": list(rows), "next": next})


def show_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows with the names of their columns in the first line; text that would be a formula is quoted by a ``'``."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([_cell(row.get(name)) for name in columns] for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(_cell(each) for each in value)
    if isinstance(value, str):
        return visible(f"'{value}" if value.startswith(FORMULA) else value)
    return "" if value is None else str(plain(value) if isinstance(value, datetime) else value)
