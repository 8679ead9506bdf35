"""The story of an object: all that happened with it and its parts, in both directions, on one time line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from integration.canonical import ACCEPTABLE, thaw
from integration.canonical.entities import noun
from integration.message import OPEN, State, Step
from integration.operations.objects import kind_of, rows_of
from integration.operations.selection import WAITING
from integration.store import attempts, audit, installations, objects
from integration.store.database import Row, Transaction
from integration.vault import Vault

RANK = {"event": 0, "decision": 1, "attempt": 2, "delivery": 3}
"""The order of what happened at the same moment."""


@dataclass(frozen=True)
class Story:
    """``row`` as in `objects.rows_of`, and what happened.

    ``events`` are ``{at, what, message, delivery, mapping_version, target, says, quiet}``, ``what`` being one of
    `RANK`; of a ``quiet`` event nothing has changed.  ``waits`` are ``{delivery, mapping_version, about, target, state,
    since, because}`` of all that is not finished.  ``commands`` are what can be done about it: what each of them does,
    by what is to be typed.
    """

    row: Row
    events: list[Row]
    waits: list[Row]
    commands: dict[str, str]


@dataclass(frozen=True)
class Around:
    """What may stop a delivery: ``paused`` systems by name, and the first delivery of each lane in ``heads``.

    ``names`` are those of the installations by their id.
    """

    paused: dict[str, Row]
    names: dict[str, str]
    heads: dict[str, int]


def story(tx: Transaction, vault: Vault, of: str, id: str) -> Story:
    """The story of one object; of one that is not known everything is empty."""
    tx.plan_anew()
    deliveries = objects.belonging(tx, kind_of(of), [id])
    ids = [row["id"] for row in deliveries]
    tries, decisions = attempts.of_deliveries(tx, ids), audit.of_deliveries(tx, ids)
    busy = {each["delivery"] for each in [*tries, *decisions]}
    quiet = _quiet(deliveries, busy)
    events = [*_arrivals(deliveries), *_tries(tries), *_decisions(decisions), *_ends(vault, deliveries)]
    events.sort(key=lambda each: (each["at"], RANK[each["what"]], each["delivery"] or 0))
    about_them = {row["id"]: row for row in deliveries}
    for each in events:
        row = about_them.get(each["delivery"] or 0, each)
        each |= {"target": row["target"], "message": row["message"], "quiet": row["message"] in quiet}
        each["mapping_version"] = row.get("mapping_version")
    waiting = [row for row in deliveries if row["state"] in OPEN or row["state"] in WAITING]
    every = installations.all_installations(tx)
    around = Around(
        {each["system"]: each for each in every if each["paused_at"]},
        {str(each["id"]): each["name"] for each in every},
        objects.heads(tx, [row["lane"] for row in waiting]),
    )
    (row,) = rows_of(tx, vault, of, [id])
    return Story(row, events, [_wait(each, around) for each in waiting], dict(_commands(waiting, around)))


def _quiet(deliveries: Sequence[Row], busy: set[int]) -> set[int]:
    """The messages after the first by which nothing changed: all of it was skipped, and nobody did anything with it."""
    states: dict[int, bool] = {}
    for row in deliveries:
        nothing = row["state"] == State.SKIPPED and row["id"] not in busy
        states[row["message"]] = states.get(row["message"], True) and nothing
    return {message for message, nothing in states.items() if nothing} - {min(states, default=0)}


def about(row: Row) -> str:
    """What a delivery is about: "order WEB-1001", "shipment WH/OUT/7", "status of order WEB-1001"."""
    named = row["number"] or row["object_id"]
    if row["step"] == Step.PUSH_STATUS:
        return "status push" if not row["part_of"] else f"status push after {named}"
    return f"{noun(row['entity'])} {named}"


def _arrivals(deliveries: Sequence[Row]) -> Iterator[Row]:
    for row in {row["message"]: row for row in deliveries}.values():
        copies = f", and {_count(row['copies'], 'more time', 'more times')}" if row["copies"] else ""
        says = f"{row['type']} of {row['number'] or row['object_id']} from {row['source']}{copies}"
        yield {"at": row["received_at"], "what": "event", "delivery": None, "says": says, "target": None,
               "message": row["message"]}  # fmt: skip


def _tries(tries: Sequence[Row]) -> Iterator[Row]:
    for each in tries:
        code = f" ({each['code']})" if each["code"] else ""
        says = f"{each['effect']}: {each['outcome'] or 'no answer yet'}{code}"
        yield {"at": each["started_at"], "what": "attempt", "delivery": each["delivery"], "says": says}


def _decisions(entries: Sequence[Row]) -> Iterator[Row]:
    for each in entries:
        detail = ", ".join(f"{name} {_plain(value)}" for name, value in each["detail"].items())
        says = f"{each['who']}: {each['action']}" + (f" ({detail})" if detail else "")
        yield {"at": each["at"], "what": "decision", "delivery": each["delivery"], "says": says}


def _ends(vault: Vault, deliveries: Sequence[Row]) -> Iterator[Row]:
    for row in deliveries:
        if row["finished_at"]:
            reason = f": {row['reason']}" if row["reason"] else ""
            pushed = f": {thaw(vault.open(row['document'])).get('status')}" if row["document"] else ""
            says = f"{about(row)} {row['state']}{pushed}{reason}"
            at = {"at": row["finished_at"], "what": "delivery", "delivery": row["id"]}
            yield {**at, "says": says, "definitions": row["pin"]}


def _wait(row: Row, around: Around) -> Row:
    return {
        "delivery": row["id"],
        "mapping_version": row["mapping_version"],
        "about": about(row),
        "target": row["target"],
        "state": row["state"],
        "since": row["finished_at"] or row["moved_at"],
        "because": _because(row, around),
    }


def _because(row: Row, around: Around) -> str:
    """Why a delivery does not go on, by what stops it first."""
    state = State(row["state"])
    if state in WAITING:
        newer = f" ({_count(row['newer'], 'newer event waits', 'newer events wait')})" if row["newer"] else ""
        return f"waits for a person: {row['reason']}{newer}"
    if state is State.RUNNING:
        return f"{row['step']} runs now"
    if row["needs"]:
        installation, of, id = row["needs"].split("/", 2)
        return f"waits for {noun(of)} {id} at {around.names.get(installation, installation)}"
    if row["behind_another"]:
        return f"waits behind delivery {around.heads.get(row['lane'])}, which has to end first"
    if pause := around.paused.get(row["queue"] or ""):
        by = pause["paused_user"] or "the fleet"
        return (
            f"{pause['name']} is paused by {by} since {pause['paused_at']:%Y-%m-%d %H:%M} UTC: {pause['pause_reason']}"
        )
    if state is State.WAITING:
        why = f", after {row['reason']}" if row["reason"] else ""
        tries = _count(row["attempts"], "failed try", "failed tries")
        return f"due again at {row['due_at']:%Y-%m-%d %H:%M:%S} UTC{why} ({tries})"
    return f"waits for a worker of {row['queue']}"


def _commands(waiting: Sequence[Row], around: Around) -> Iterator[tuple[str, str]]:
    for row in waiting:
        if row["state"] in WAITING:
            command, id = f"fleet {row['state']}", row["id"]
            yield f"{command} show {id}", f"what is wrong with the {about(row)}, and what can be done"
            if row["state"] == State.HELD and row["code"] in ACCEPTABLE:
                yield f"fleet held approve {id}", "send it as it is, with the differing sums"
            yield f"{command} replay {id}", "send it again, after the cause is removed"
        elif pause := around.paused.get(row["queue"] or ""):
            yield f"fleet targets resume {pause['system']}", f"let {pause['name']} be called again"
        elif row["needs"]:
            yield f"fleet find {row['needs'].split('/', 2)[2]}", "what it waits for"


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
