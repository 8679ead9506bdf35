"""Decisions as they are shown: what was decided, about what, by whom; values are masked unless they are harmless."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integration.canonical.correction import Correction
from integration.canonical.entities import entity
from integration.masking import masked
from integration.store.database import Row
from integration.terminal.render import console, table
from integration.terminal.session import vault

COLUMNS = ("id", "kind", "object_id", "installation", "decision", "decided_by", "decided_at", "state")
LONGEST = 60


def shown(rows: Sequence[Row], *, reveal: bool = False) -> list[Row]:
    """Decisions of the store, each with the ``decision`` in words in the place of what is sealed."""
    return [{**_without_change(row), "decision": _decision(row, reveal=reveal)} for row in rows]


def show_decisions(rows: Sequence[Row], *, reveal: bool = False) -> None:
    """A table of decisions under its headline, nothing where there are none."""
    if rows:
        console.print("\n[bold]Decisions[/]")
        table(COLUMNS, shown(rows, reveal=reveal), empty="none")


def _without_change(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "change"}


def _decision(row: Row, *, reveal: bool) -> str:
    if row["kind"] == "approve":
        by = "" if row["difference"] is None else f", sums may differ by {row['difference']:f}"
        return f"{row['code']}{by}"
    correction = Correction.thaw(vault().open(row["change"]))
    personal = entity(row["entity"]).personal
    was, becomes = (_value(correction, each, personal, reveal=reveal) for each in (correction.was, correction.becomes))
    place = correction.place if reveal else _masked(correction, None, personal)[0]
    return f"{place}: {was} -> {becomes}"


def _value(correction: Correction, value: dict[str, Any], personal: bool, *, reveal: bool) -> str:
    if not value:
        return "(absent)"
    found = value["is"] if reveal else _masked(correction, value["is"], personal)[1]
    text = f"{found:f}" if hasattr(found, "as_tuple") else str(found)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _masked(correction: Correction, value: Any, personal: bool) -> tuple[str, Any]:
    """The place and the value as they are shown: what is known to be harmless there."""
    for key in reversed(correction.path):
        value = {key: value} if isinstance(key, str) else [value]
    shown = masked(value, personal=personal)
    path = []
    for key in correction.path:
        if isinstance(key, str):
            ((name, shown),) = shown.items()
            path.append(name)
        else:
            shown = shown[0]
            path.append(key)
    return Correction(tuple(path), {}, {}).place, shown
