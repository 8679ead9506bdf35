"""What dry runs have found: one in full, path by path, and many in sum."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from integration.canonical import load
from integration.canonical.entities import entity
from integration.connectors.contract import Document, Request
from integration.errors import Failure
from integration.masking import masked
from integration.message import Step
from integration.operations.differences import compared, read_at, shown
from integration.rules import translator
from integration.rules.origins import origin
from integration.rules.workflow import Workflow
from integration.store.database import Row
from integration.store.deliveries import Next
from tasks.dry_run import DryRun, dry_run
from tasks.runtime import Runtime

LEFT_OUT = "left out"
"""The state of what no replay takes."""
EXAMPLES = 3
MOST_FIELDS = 1000
"""So many fields of one target are counted; a document may have names that nobody has foreseen."""
PLACE = re.compile(r"(?<=\.)\d+(?=\.|$)")
Current = Callable[[Row], Mapping[str, Workflow]]
"""The workflows by which a delivery is translated."""


def in_full(found: DryRun, *, reveal: bool) -> Row:
    """A dry run with its four documents, and what differs between the last two; masked without ``reveal``.

    ``{delivery, compared_with, event, canonical, would_be_sent, at_target, equal, differing, first_effect, stops,
    not_asked}``; each of ``differing`` is ``{field, event, canonical, would_be_sent, at_target, rows}``, where
    ``event`` and ``canonical`` have what the ``rows`` of the mappings read, by its path.  Where the target was not to
    be asked, ``at_target`` is what was last sent.
    """
    personal = entity(found.delivery.entity).personal
    documents = {"event": found.event, "canonical": found.canonical, "would_be_sent": found.sends,
                 "at_target": found.shows}  # fmt: skip
    differing = _differences(found, reveal=reveal)
    return {
        "delivery": found.delivery.id,
        "compared_with": _compared_with(asked=found.asked),
        **{name: _shown(each, personal, reveal=reveal) for name, each in documents.items()},
        "equal": sum(row["equal"] for row in differing),
        "differing": [_traced(found, row, reveal=reveal) for row in differing if not row["equal"]],
        "first_effect": found.first and _call(*found.first, reveal=reveal),
        "stops": found.stops and _end(found.stops),
        "not_asked": found.unasked and found.unasked.reason,
    }


def look_at(
    runtime: Runtime,
    rows: Iterable[Row],
    step: Step | None,
    current: Current,
    *,
    ask: bool,
    reveal: bool,
    seen: Callable[[], None] = lambda: None,
) -> Summary:
    """Goes through deliveries one after the other, so that live ones keep their way to the target, and sums up.

    ``rows`` have ``id`` and ``target``.  ``seen`` is called after each.  It ends early, with what was found so far,
    when a person interrupts it or the target cannot be asked any more.
    """
    summary = Summary(ask=ask, reveal=reveal)
    try:
        for row in rows:
            try:
                found = dry_run(runtime, row["id"], step, current(row), ask=ask)
            except Failure as failure:
                summary.leave_out(row, failure.code, failure.reason, failure.hint)
            else:
                if found and found.away:
                    summary.away = found.unasked
                    break
                summary.add(row, found)
            seen()
    except KeyboardInterrupt:
        summary.interrupted = True
    return summary


class Summary:
    """Counts, and no document: as large after a hundred thousand deliveries as after a hundred.

    ``interrupted`` is set when a person ended it early, ``away`` to why a target could not be asked any more.
    """

    def __init__(self, *, ask: bool, reveal: bool) -> None:
        self._ask, self._reveal = ask, reveal
        self._targets: dict[str, Counter[str]] = {}
        self._fields: dict[tuple[str, str], Row] = {}
        self._not_sent: dict[tuple[str, str, str], Row] = {}
        self.interrupted = False
        self.away: Failure | None = None

    def add(self, row: Row, found: DryRun | None) -> None:
        """Counts what a replay of the delivery would do; None for one that no workflow took."""
        if found is None:
            self.leave_out(row, "no_workflow", "no workflow took it", "Send the event again once there is one for it.")
        elif stops := found.stops:
            self._count_not_sent(row, stops.state.value, stops.code, stops.reason, stops.hint)
        else:
            self._count(row, self._change(row, found))

    def leave_out(self, row: Row, code: str, reason: str, hint: str | None) -> None:
        """Counts what a replay would not take at all."""
        self._count_not_sent(row, LEFT_OUT, code, reason, hint)

    def as_row(self) -> Row:
        """``{looked_at, compared_with, interrupted, targets, fields, not_sent}``, the most frequent first.

        ``targets`` are ``{target, looked_at, change, new, unchanged, not_sent}``; ``fields`` ``{target, field,
        deliveries, of, examples}``, a ``*`` standing for any place in a list, with examples ``{delivery, from, to}``;
        ``not_sent`` ``{target, state, code, deliveries, example, reason, hint}``, where reason and hint are those of
        the ``example``.
        """
        targets = [{"target": name, **_counts(each)} for name, each in sorted(self._targets.items())]
        return {
            "looked_at": sum(each["looked_at"] for each in targets),
            "compared_with": _compared_with(asked=self._ask),
            "interrupted": self.interrupted,
            "targets": targets,
            "fields": [
                {**each, "of": self._targets[each["target"]].total()} for each in _most_frequent(self._fields.values())
            ],
            "not_sent": _most_frequent(self._not_sent.values()),
        }

    def _change(self, row: Row, found: DryRun) -> str:
        if found.unasked:
            return "change" if found.first else "unchanged"
        if found.shows is None and (found.first or not found.asked):
            return "new"
        differing = [each for each in _differences(found, reveal=self._reveal) if not each["equal"]]
        if not (found.first if found.asked else differing):
            return "unchanged"
        for field, each in {PLACE.sub("*", each["field"]): each for each in reversed(differing)}.items():
            self._count_field(row, field, each)
        return "change"

    def _count_field(self, row: Row, field: str, differing: Row) -> None:
        key = _target(row), field
        if key not in self._fields and len(self._fields) >= MOST_FIELDS:
            return
        made = {"target": _target(row), "field": field, "deliveries": 0, "examples": []}
        counted = self._fields.setdefault(key, made)
        counted["deliveries"] += 1
        if len(counted["examples"]) < EXAMPLES:
            values = {"from": differing["at_target"], "to": differing["would_be_sent"]}
            counted["examples"].append({"delivery": row["id"], **values})

    def _count_not_sent(self, row: Row, state: str, code: str | None, reason: str | None, hint: str | None) -> None:
        self._count(row, "not_sent")
        made = {"target": _target(row), "state": state, "code": code, "deliveries": 0, "example": row["id"],
                "reason": reason, "hint": hint}  # fmt: skip
        self._not_sent.setdefault((_target(row), state, code or ""), made)["deliveries"] += 1

    def _count(self, row: Row, change: str) -> None:
        self._targets.setdefault(_target(row), Counter())[change] += 1


def _target(row: Row) -> str:
    return row["target"] or "none"


def _differences(found: DryRun, *, reveal: bool) -> list[Row]:
    """Of what the target shows only that can be compared; of a document that was sent, all."""
    personal = entity(found.delivery.entity).personal
    return compared(found.sends, found.shows, reveal=reveal, personal=personal, whole=not found.asked)


def _traced(found: DryRun, row: Row, *, reveal: bool) -> Row:
    """A difference with what the rows of the mappings read for it, in the canonical document and in the event."""
    traced: Row = {"field": row["field"], "event": {}, "canonical": {}, "would_be_sent": row["would_be_sent"],
                   "at_target": row["at_target"], "rows": []}  # fmt: skip
    if found.canonical is None or found.event is None or len(found.workflow.transform) != 2:
        return traced
    into, out = found.workflow.transform
    given = _given(into, found.event)
    personal = entity(found.delivery.entity).personal
    in_canonical, in_event = (shown(each, reveal=reveal, personal=personal) for each in (found.canonical, given))
    written = origin(out.body, found.canonical, row["path"])
    if written is None:
        return traced
    traced["rows"].append({"mapping": out.name, "row": written.row, "reads": list(written.reads)})
    for path in written.reads:
        traced["canonical"] |= read_at(in_canonical, path)
        read = origin(into.body, given, path)
        if read and (row := {"mapping": into.name, "row": read.row, "reads": list(read.reads)}) not in traced["rows"]:
            traced["rows"].append(row)
            for source in read.reads:
                traced["event"] |= read_at(in_event, source)
    return traced


def _given(into: translator.Mapping, event: Document) -> Document:
    """What the first mapping read; nothing of an event to which more was added before."""
    try:
        given: Document = load(into.source, event["data"])
    except Failure:
        return {}
    return given


def _shown(document: Any, personal: bool, *, reveal: bool) -> Any:
    return document if reveal else masked(document, personal=personal)


def _call(effect: str, request: Request, *, reveal: bool) -> Row:
    """What would be called; its body is not masked as a document is, so it is shown only unmasked."""
    body = {"body": request.body} if reveal else {}
    return {"effect": effect, "method": request.method, "path": request.path, **body}


def _end(stops: Next) -> Row:
    return {"state": stops.state.value, "code": stops.code, "reason": stops.reason, "hint": stops.hint}


def _compared_with(*, asked: bool) -> str:
    return "target" if asked else "last sent"


def _counts(counted: Counter[str]) -> Row:
    return {"looked_at": counted.total()} | {each: counted[each] for each in ("change", "new", "unchanged", "not_sent")}


def _most_frequent(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=operator.itemgetter("deliveries"), reverse=True)
