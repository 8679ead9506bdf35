"""Every field has one owner: what one system's truth is, the way back does not overwrite.

Where an entity travels in both directions between two systems, each canonical field may be carried one way only.  A
field is carried when the first mapping writes it and the second reads it; rows with ``"on": "create"`` do not count,
since they give initial values, and neither do conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

from integration.rules.carried import Path, read_paths
from integration.rules.definition_problem import Conflict
from integration.rules.definition_problem import Path as At
from integration.rules.workflow import Workflow

Document = dict[str, Any]
IDENTITY = {("id",), ("version",), ("source",), ("number",), ("updated_at",)}
"""Which object it is and how new it is: no side's truth."""


def owned_twice(workflows: Iterable[Workflow]) -> Iterator[Conflict]:
    """Each field that two workflows carry in opposite directions, with the rows that give it to their targets."""
    for one, other in combinations(workflows, 2):
        if one.entity == other.entity and (one.source, one.target) == (other.target, other.source):
            for field in sorted(_shared(_carried(one), _carried(other))):
                yield Conflict(
                    f"{'.'.join(field)} of the {one.entity} is carried by {one.name} and by {other.name}",
                    'give it one owner, and "on": "create" to the row of the other direction',
                    (*_giving(one, field), *_giving(other, field)),
                )


def _giving(workflow: Workflow, field: Path) -> Iterator[tuple[str, str, At]]:
    """Where the rows of the mappings to its target are that read a field at every change."""
    for mapping in workflow.transform[1:]:
        for index, row in enumerate(mapping.body["rows"]):
            if _shared(read_paths(_at_every_change({**mapping.body, "rows": [row]})), {field}):
                yield "mapping", mapping.name, ("rows", index)


def _carried(workflow: Workflow) -> set[Path]:
    """The canonical fields that a workflow carries from its source to its target, at every change."""
    inwards, *onwards = workflow.transform
    written = {path for path in _written(inwards.body["rows"], ()) if path not in IDENTITY}
    read = {path for mapping in onwards for path in read_paths(_at_every_change(mapping.body))}
    return _shared(written, read)


def _written(rows: list[Document], within: Path) -> Iterator[Path]:
    for row in rows:
        path = (*within, *row["to"].split("."))
        if "rows" in row:
            yield from _written(row["rows"], path)
        else:
            yield path


def _at_every_change(mapping: Document) -> Document:
    """The mapping without initial values and conditions."""
    return {**mapping, "rows": [_without_condition(row) for row in mapping["rows"] if "on" not in row]}


def _without_condition(row: Document) -> Document:
    kept = {key: value for key, value in row.items() if key != "when"}
    return {**kept, "rows": [_without_condition(each) for each in row["rows"]]} if "rows" in row else kept


def _shared(one: set[Path], other: set[Path]) -> set[Path]:
    """The paths that are in both, be it as part of a longer or a shorter one: the longer of the two."""
    return {
        max(path, also, key=len)
        for path in one
        for also in other
        if path[: len(also)] == also or also[: len(path)] == path
    }
