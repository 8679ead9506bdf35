"""What ``fleet replay ID --dry-run`` shows: what differs at the target, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.text import Text

from integration.errors import Failure
from integration.settings import operator
from integration.store import audit
from integration.store.database import Row
from integration.terminal.render import console, fields, remark, show_document, show_json, visible
from integration.terminal.replay_options import ReplayOptions
from integration.terminal.session import open_runtime
from tasks.dry_run import dry_run
from tasks.dry_runs import Current, in_full

WITH = {"target": "at target", "last sent": "last sent"}
"""How a value is named that is compared with."""


def show_dry_run(delivery: Row, current: Current, how: ReplayOptions) -> None:
    """Goes through a delivery with nothing changed, and shows what a replay would do; all documents as JSON.

    Raises `Failure` for one that no workflow took.
    """
    with open_runtime() as runtime:
        if how.reveal:
            with runtime.database.transaction() as tx:
                audit.note(tx, operator(), "reveal", [delivery["id"]])
        found = dry_run(runtime, delivery["id"], how.step, current(delivery), ask=not how.no_target)
    if found is None:
        raise Failure(
            f"no workflow took delivery {delivery['id']}", hint="Send the event again once there is one for it."
        )
    row = in_full(found, reveal=how.reveal)
    if how.as_json:
        show_json(row)
    else:
        _show(row, reveal=how.reveal)


def _show(row: Row, *, reveal: bool) -> None:
    console.print(f"[bold]Delivery {row['delivery']}[/]")
    if row["at_target"] is not None:
        for each in row["differing"]:
            _show_difference(each, WITH[row["compared_with"]])
    _say_what_is_there(row)
    if row["at_target"] is None and row["would_be_sent"] is not None:
        console.print("It would be sent:", style="bold")
        for each in row["differing"]:
            _show_value(f"  {each['field']}: ", text(each["would_be_sent"]))
    first, stops = row["first_effect"], row["stops"]
    if first:
        fields({"first it would do": f"{first['effect']}: {first['method']} {first['path']}"})
        if reveal:
            show_document(first["body"])
    elif stops:
        remark(f"it would end {stops['state']}", stops["reason"], stops["hint"])
    elif row["compared_with"] == "target":
        console.print("It would send nothing: the target shows it.")


def _show_difference(row: Row, there: str) -> None:
    """One field, stacked, so that it needs no wide terminal."""
    console.print(Text(f"\n{visible(row['field'])}", style="bold"), soft_wrap=True)
    values = {"event": _values(row["event"]), "canonical": _values(row["canonical"]),
              "would be sent": text(row["would_be_sent"]), there: text(row["at_target"]),
              "mapping": "; ".join(map(_row, row["rows"]))}  # fmt: skip
    for name, value in values.items():
        if value:
            _show_value(f"  {name:<15}", value)


def _show_value(name: str, value: str) -> None:
    console.print(Text.assemble((visible(name), "dim"), visible(value)), soft_wrap=True)


def _say_what_is_there(row: Row) -> None:
    if row["not_asked"]:
        remark("\nthe target could not be asked", row["not_asked"], None)
    elif row["at_target"] is None:
        nothing = {
            "target": "The target does not have it yet, or cannot show it.",
            "last sent": "Nothing was sent yet.",
        }
        console.print(f"\n{nothing[row['compared_with']]}", style="dim")
    else:
        differs = "" if row["differing"] else "\nNothing differs.  "
        console.print(f"{differs}{row['equal']} fields are equal.", style="dim")


def _row(row: Mapping[str, Any]) -> str:
    reads = ", ".join(row["reads"])
    return f"{row['mapping']} row {row['row']}" + (f" reads {reads}" if reads else " gives a constant")


def _values(read: Mapping[str, Any]) -> str:
    return ", ".join(f"{path}: {text(value)}" for path, value in read.items())


def text(value: Any) -> str:
    """A value of a document on one line, an amount with all its digits."""
    if value is None or value == "":
        return "(empty)"
    return f"{value:f}" if isinstance(value, Decimal) else str(value).replace("\n", "\\n")
