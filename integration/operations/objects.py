"""By object: an order or a customer is one row, over every system and in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from integration.canonical import thaw
from integration.canonical.entities import ENTITIES, entity, noun
from integration.canonical.shipment import tracking_key
from integration.message import OPEN, State, Step
from integration.operations.selection import UNFINISHED, WAITING, Selection
from integration.store import objects
from integration.store.conditions import LAST
from integration.store.database import Row, Transaction
from integration.store.objects import Kind
from integration.vault import Vault

MOST_FOUND = 100
TRACKING = "tracking number"
AT_ONCE = 500
HOW_FAR = {"state": "state", "step": "step", "delivery": "id"}


@dataclass(frozen=True)
class Page:
    """Rows, and the key with which the next page begins; None: there are no more."""

    rows: list[Row]
    next: int | None = None


def page_of(rows: Sequence[Row], limit: int, key: str = "id") -> Page:
    """The first ``limit`` rows; one more than these was asked for, to see whether there is one."""
    shown = list(rows[:limit])
    return Page(shown, shown[-1][key] if len(rows) > limit else None)


def listed(tx: Transaction, vault: Vault, of: str, chosen: Selection, limit: int, before: int = LAST) -> Page:
    """The objects of an entity that are meant, the last one to appear first; see `rows_of`."""
    tx.plan_anew()
    if (chosen.code or chosen.fingerprint) and not chosen.states:
        chosen = replace(chosen, states=UNFINISHED)  # only these have one
    page = page_of(objects.newest(tx, kind_of(of), chosen, limit + 1, before), limit, "key")
    ids = [row["object"] for row in page.rows]
    parts = (rows_of(tx, vault, of, ids[at : at + AT_ONCE]) for at in range(0, len(ids), AT_ONCE))
    return Page([row for part in parts for row in part], page.next)


def rows_of(tx: Transaction, vault: Vault, of: str, ids: Sequence[str]) -> list[Row]:
    """One row for each of these objects: ``{entity, object, number, received, changed, message, value, currency,
    targets, notified, wrong, newer}``.

    ``message`` is that of its newest event.  ``targets`` is where it is to be: ``{target, system, number, theirs,
    state, step, delivery}``; ``notified`` is the status that Clarity was last notified of; ``wrong`` is what waits for
    a person, of the object or of its parts, and ``newer`` how many newer events wait with that.
    """
    deliveries: dict[str, list[Row]] = {id: [] for id in ids}
    for row in objects.belonging(tx, kind_of(of), ids):
        deliveries[row["whole"]].append(row)
    crossrefs: dict[str, dict[str, Row]] = {id: {} for id in ids}
    for row in objects.there(tx, kind_of(of), ids):
        crossrefs[row["object"]][row["target"]] = row
    return [_row(vault, of, id, deliveries[id], crossrefs[id]) for id in ids]


def find(tx: Transaction, vault: Vault, text: str, email_key: str | None) -> list[Row]:
    """What has this number or id in any system, this tracking number or this e-mail address: rows as in `rows_of`.

    One for each object.  A part is found with the object that it belongs to; ``matched`` says what has matched.
    """
    tx.plan_anew()
    texts = sorted({text, text.upper()})
    hits = objects.found(tx, texts, tracking_key(text), email_key, list(ENTITIES))[:MOST_FOUND]
    wholes = whole_of_parts()
    matched: dict[tuple[str, str], str] = {}
    for hit in sorted(hits, key=lambda hit: hit["entity"] in wholes):
        place, says = (hit["entity"], hit["object"]), hit["matched"]
        if place[0] in wholes and hit["part_of"]:
            named = f"{says} of a {noun(place[0])}" if says == TRACKING else f"{noun(place[0])} {text}"
            place, says = (wholes[place[0]], hit["part_of"]), named
        if entity(place[0]).home or place[0] in wholes:
            matched.setdefault(place, says)
    rows: list[Row] = []
    for of in dict.fromkeys(each for each, _ in matched):
        of_kind = rows_of(tx, vault, of, [id for each, id in matched if each == of])
        rows += [{**row, "matched": matched[of, row["object"]]} for row in of_kind]
    return rows


def whole_of_parts() -> dict[str, str]:
    """The entity that a part belongs to, by the part's: ``{"shipment": "order"}``."""
    return {name: each.name for each in ENTITIES.values() for name in each.parts}


def kind_of(name: str) -> Kind:
    return Kind(name, entity(name).parts)


def _row(vault: Vault, of: str, id: str, deliveries: Sequence[Row], crossrefs: Mapping[str, Row]) -> Row:
    own = [row for row in deliveries if row["entity"] == of]
    newest = sorted(own, key=lambda row: (row["version"], row["message"]), reverse=True)
    waiting = sorted((row for row in deliveries if row["state"] in WAITING), key=lambda row: row["id"], reverse=True)
    priced = next((row for row in newest if row["value"] is not None), {})
    return {
        "entity": of,
        "object": id,
        "number": next((row["number"] for row in newest if row["number"]), None),
        "received": _first(row["received_at"] for row in own),
        "changed": max((row["received_at"] for row in own), default=None),
        "message": newest[0]["message"] if newest else None,
        "value": priced.get("value"),
        "currency": priced.get("currency"),
        "targets": _targets(own, crossrefs),
        "notified": _notified(vault, deliveries),
        "wrong": [
            {name: row[name] for name in ("id", "entity", "target", "state", "code", "reason")} for row in waiting
        ],
        "newer": sum(row["newer"] for row in waiting),
    }


def _targets(own: Sequence[Row], crossrefs: Mapping[str, Row]) -> list[Row]:
    """Where the object is to be, with the one delivery there that says how far it is."""
    at: dict[str, list[Row]] = {}
    for row in own:
        if row["target"] and row["step"] != Step.PUSH_STATUS:
            at.setdefault(row["target"], []).append(row)
    found = []
    for target in dict.fromkeys([*at, *crossrefs]):
        known = crossrefs.get(target, {})
        decisive: Row | None = max(at[target], key=_weight) if target in at else None
        place = {"target": target, "system": known.get("system") or (decisive and decisive["system"])}
        theirs = {"number": known.get("number"), "theirs": known.get("theirs")}
        how_far = {name: decisive and decisive[column] for name, column in HOW_FAR.items()}
        found.append({**place, **theirs, **how_far})
    return found


def _weight(row: Row) -> tuple[int, int, int]:
    """What waits for a person counts before what is on its way, that before what is done or was skipped."""
    state = State(row["state"])
    rank = 3 if state in WAITING else 2 if state in OPEN else 1 if state is State.DONE else 0
    return rank, row["version"], row["id"]


def _notified(vault: Vault, deliveries: Sequence[Row]) -> str | None:
    pushed = [row for row in deliveries if row["document"]]
    newest: Any = max(pushed, key=lambda row: (row["finished_at"], row["id"]), default=None)
    return thaw(vault.open(newest["document"])).get("status") if newest else None


def _first(times: Iterable[datetime]) -> datetime | None:
    return min(times, default=None)
