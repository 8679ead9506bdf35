"""Echoes: what a mapping makes of an event, so that a later event that says nothing else is known.

Our own writes come back as events: of an order that we reported as shipped, of a contact that we wrote.  Two events of
one object are the same to a target if the same definitions make the same of both.  Where one cannot be translated, it
is the same as another that failed alike, or was applied, if the mapping reads the same in both.

What was taken is kept as two digests, ``read/made``: of what the first mapping reads, and of what came of it by which
definitions.
"""

from __future__ import annotations

from typing import Any

from integration.canonical import digest
from integration.canonical.entities import entity
from integration.errors import Failure
from integration.rules.workflow import Translation, Workflow

Document = dict[str, Any]


def taken(workflow: Workflow, event: Document, made: Translation) -> str:
    """What a workflow has made of an event."""
    of = entity(workflow.entity)
    says = {name: value for name, value in made.canonical.items() if name not in of.passing}
    standing = of.standing(made.canonical) if of.standing else None
    return f"{_read(workflow, event)}/{digest([workflow.pin, says, standing, digest(made.target)])}"


def failed(workflow: Workflow, event: Document, failure: Failure) -> str:
    """The same for an event that could not be translated: how it failed."""
    return f"{_read(workflow, event)}/{digest([workflow.pin, failure.code, failure.reason])}"


def says_the_same(one: str | None, other: str) -> bool:
    """Whether the mapping reads the same in two events, whatever came of them."""
    return one is not None and one.partition("/")[0] == other.partition("/")[0]


def _read(workflow: Workflow, event: Document) -> str:
    given = event.get("data") if isinstance(event, dict) else None
    if not isinstance(given, dict):
        return digest(given)
    reads = given if None in workflow.reads else {name: given.get(name) for name in workflow.reads}
    return digest([reads, _standing(workflow, given)])


def _standing(workflow: Workflow, given: Document) -> Any:
    """How far along the object is, as `Entity.standing` has it, by the rows that copy; else as its source has it."""
    of = entity(workflow.entity)
    rows = [row for row in workflow.transform[0].body["rows"] if row["to"] in of.passing]
    plain = {row["to"]: row["from"] for row in rows if row.keys() <= {"to", "from", "note", "required"}}
    copied = {to: given.get(text) for to, text in plain.items() if str(text).isidentifier()}
    if of.standing and isinstance(copied.get("status"), str):
        return of.standing(copied)
    return copied
