"""What ``fleet replay --dry-run`` shows: field by field what would be sent, beside what the target has."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from integration.canonical import digest
from integration.canonical.entities import entity
from integration.connectors.contract import Request
from integration.errors import Failure
from integration.in_force import InForce
from integration.masking import masked
from integration.settings import operator
from integration.store import audit
from integration.store.database import Row
from integration.terminal.editing import leaves
from integration.terminal.render import console, fields, remark, show_document, show_json, table
from integration.terminal.replay_options import ReplayOptions
from integration.terminal.session import open_runtime
from tasks.dry_run import DryRun, dry_run

COLUMNS = ("field", "would_be_sent", "at_target")
ABSENT = "(absent)"


def show_dry_runs(chosen: Sequence[Row], known: InForce, how: ReplayOptions) -> None:
    """Goes through the deliveries with nothing changed, and shows the outcome of each."""
    with open_runtime() as runtime:
        if how.reveal:
            with runtime.database.transaction() as tx:
                audit.note(tx, operator(), "reveal", [row["id"] for row in chosen])
        found = [
            (row["id"], dry_run(runtime, row["id"], how.step, {} if how.pinned else known.of(row["object_id"]).current))
            for row in chosen
        ]
    rows = [_row(id, each, reveal=how.reveal) for id, each in found]
    if how.as_json:
        show_json(rows)
        return
    for each in rows:
        _show(each, reveal=how.reveal)


def _row(id: int, found: DryRun | None, *, reveal: bool) -> Row:
    if found is None:
        raise Failure(f"no workflow took delivery {id}", hint="Send the event again once there is one for it.")
    personal = entity(found.delivery.entity).personal
    rows = compared(found.sends, found.shows, reveal=reveal, personal=personal)
    first, stops = found.first, found.stops
    return {
        "delivery": id,
        "at_target": found.shows is not None,
        "equal": sum(row["equal"] for row in rows),
        "differing": [{name: row[name] for name in COLUMNS} for row in rows if not row["equal"]],
        "first_effect": first and _call(*first, reveal=reveal),
        "stops": stops and {"code": stops.code, "reason": stops.reason, "hint": stops.hint},
    }


def _call(effect: str, request: Request, *, reveal: bool) -> Row:
    """What would be called; its body is not masked as a document is, so it is shown only unmasked."""
    body = {"body": request.body} if reveal else {}
    return {"effect": effect, "method": request.method, "path": request.path, **body}


def compared(sends: Any, shows: Any, *, reveal: bool, personal: bool = False) -> list[Row]:
    """A row for each field: of the document to send where the target has none, else of what can be compared."""
    ours, theirs = dict(leaves(sends or {})), dict(leaves(shows or {}))
    shown_ours, shown_theirs = (
        dict(leaves(each if reveal else masked(each, personal=personal))) for each in (sends or {}, shows or {})
    )
    paths = theirs if shows else ours
    return [
        {
            "field": path,
            "would_be_sent": shown_ours.get(path, ABSENT),
            "at_target": shown_theirs.get(path, ABSENT),
            "equal": path in ours and path in theirs and digest(ours[path]) == digest(theirs[path]),
        }
        for path in paths
        if path
    ]


def _show(row: Row, *, reveal: bool) -> None:
    console.print(f"\n[bold]Delivery {row['delivery']}[/]")
    if not row["at_target"]:
        console.print("The target has nothing yet, or cannot show it.", style="dim")
    table(
        COLUMNS, [{name: _text(each[name]) for name in COLUMNS} for each in row["differing"]], empty="Nothing differs."
    )
    if row["equal"]:
        console.print(f"{row['equal']} fields equal", style="dim")
    first, stops = row["first_effect"], row["stops"]
    if first:
        fields({"first it would do": f"{first['effect']}: {first['method']} {first['path']}"})
        if reveal:
            show_document(first["body"])
    elif stops:
        remark("it would stop", stops["reason"], stops["hint"])
    else:
        console.print("It would send nothing: the target shows it.")


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
