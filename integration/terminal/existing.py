"""The values of filters: one that cannot exist is refused, so that a typing error does not look like an all-clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click

from integration.canonical.entities import ENTITIES
from integration.events import EVENTS
from integration.settings import Settings
from integration.store import existing
from integration.store.database import Transaction
from integration.terminal.nearest import ALMOST, close, nearest
from integration.terminal.session import open_database

FINGERPRINT = re.compile("[0-9a-f]{4,12}")
WHOLE = 12
"""Hexadecimal digits of a whole fingerprint."""


def resolved(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a selection, with a fingerprint whole that was given by how it begins.

    Raises a usage error for a value that no delivery can have, with what was probably meant.
    """
    _check_window(options.get("since"), options.get("until"))
    found = dict(options)
    given = {name: found[name] for name in (*CHECKS, "fingerprint") if found.get(name)}
    if not given:
        return found
    with open_database() as database, database.transaction() as tx:
        for name in given.keys() & CHECKS.keys():
            CHECKS[name](tx, given[name])
        if "fingerprint" in given:
            found["fingerprint"] = _whole(tx, given["fingerprint"])
    return found


def _check_window(since: datetime | None, until: datetime | None) -> None:
    if since and until and since >= until:
        raise click.UsageError(
            f"nothing lies between --since {since:%Y-%m-%d %H:%M} and --until {until:%Y-%m-%d %H:%M}: "
            "until is not later than since"
        )


def _check_target(tx: Transaction, name: str) -> None:
    known = [*Settings.load().kinds, *existing.installations(tx)]
    if name not in known:
        raise click.UsageError(f"there is no target {name!r}; {nearest(name, known)}")


def _check_workflow(tx: Transaction, name: str) -> None:
    known = existing.workflows(tx)
    if name not in known and not existing.has(tx, "workflow", name):
        raise click.UsageError(f"there is no workflow {name!r}; {nearest(name, known)}")


def _check_type(tx: Transaction, type: str) -> None:
    known = list(dict.fromkeys(each for types in EVENTS.values() for each in types))
    if type not in known and not existing.has(tx, "type", type):
        raise click.UsageError(f"there is no event type {type!r}; {nearest(type, known)}")


def _check_entity(tx: Transaction, name: str) -> None:
    if name not in ENTITIES and not existing.has(tx, "entity", name):
        raise click.UsageError(f"there is no entity {name!r}; {nearest(name, ENTITIES)}")


def _check_code(tx: Transaction, code: str) -> None:
    """Codes are no closed list, for targets add their own: only one that is almost one of what waits is refused."""
    alike = close(code, known := existing.codes(tx), ALMOST)
    if alike and code not in known and not existing.has(tx, "code", code):
        raise click.UsageError(f"nothing was ever held or dead as {code!r}; did you mean {' or '.join(alike)}?")


def _whole(tx: Transaction, text: str) -> str:
    if not FINGERPRINT.fullmatch(text):
        raise click.UsageError(
            f"{text!r} is not a fingerprint: 12 digits of 0-9 and a-f, or the first 4 of them or more"
        )
    if len(text) == WHOLE:
        return text
    match existing.fingerprints(tx, text):
        case [whole]:
            return whole
        case []:
            raise click.UsageError(f"no fingerprint of what is held or dead begins with {text}")
        case several:
            raise click.UsageError(f"{text} begins several fingerprints: {', '.join(several)}")


CHECKS: Mapping[str, Callable[[Transaction, str], None]] = {
    "target": _check_target,
    "workflow": _check_workflow,
    "type": _check_type,
    "entity": _check_entity,
    "code": _check_code,
}
