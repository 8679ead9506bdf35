"""Echoes: what a mapping makes of an event, so that a later event that says nothing else is known.

Our own writes come back as events: of an order that we reported as shipped, of a contact that we wrote.  Two events of
one object are the same to a target if the same definitions make the same of both.  Where they cannot be translated,
they are the same if they fail alike and the mapping reads the same in both.
"""

from __future__ import annotations

from typing import Any

from integration.canonical import digest
from integration.canonical.entities import entity
from integration.carried import read_paths
from integration.errors import Failure
from integration.workflow import Translation, Workflow

Document = dict[str, Any]


def taken(workflow: Workflow, made: Translation) -> str:
    """The digest of what a workflow has made of an event: equal for an echo of it."""
    of = entity(workflow.entity)
    says = {name: value for name, value in made.canonical.items() if name not in of.passing}
    standing = of.standing(made.canonical) if of.standing else None
    return digest([workflow.pin, says, standing, digest(made.target)])


def failed(workflow: Workflow, event: Document, failure: Failure) -> str:
    """The same for an event that could not be translated: how it failed, and what the first mapping reads in it."""
    mapping, passing = workflow.transform[0].body, entity(workflow.entity).passing
    rows = [row for row in mapping["rows"] if row["to"] not in passing]
    names = {path[0] if path else None for path in read_paths({**mapping, "rows": rows})}
    given = event.get("data") if isinstance(event, dict) else None
    reads = {name: given.get(name) for name in names} if isinstance(given, dict) and None not in names else given
    return digest([workflow.pin, failure.code, failure.reason, reads])
