"""The way from files to the definitions in force: at a start, and for the first process on an empty database.

A start publishes what ships in ``mappings/`` only where that differs from what was published from there last, by a
start or by a person: so it undoes nothing that was published or rolled back by command.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import mappings
from integration.connectors import offers
from integration.errors import Misconfigured
from integration.rules.in_force import InForce
from integration.rules.workflow import Definitions, compiled_definitions, load_definitions
from integration.store import publications
from integration.store.database import Transaction

BY_START = "mappings/ as a start found it"


class Started(NamedTuple):
    """What a start did about the definitions, in words; ``warning`` where a person should look."""

    text: str
    warning: bool


def check_files(tx: Transaction, kinds: Mapping[str, str]) -> None:
    """Raises `Misconfigured` for files that cannot work where nothing was ever published.

    The database may lack migrations: nothing need be changed in it before.
    """
    if not publications.ever(tx):
        publishable(mappings.FOLDER, kinds)


def at_start(tx: Transaction, kinds: Mapping[str, str], who: str) -> Started | None:
    """Publishes what ships, if it compiles and is new; None where nothing was to be done.

    ``kinds`` has the kind of each system by its name.  Raises `Misconfigured` for files that cannot work while nothing
    was ever published.
    """
    publications.lock(tx)
    newest = publications.newest(tx)
    try:
        shipped = publishable(mappings.FOLDER, kinds)
    except Misconfigured as failure:
        if newest is None:
            raise
        return Started(f"version {newest} of the mappings stays in force: {failure.reason}. {failure.hint}", True)
    hashes = hashes_of(shipped)
    broken = None if newest is None else _broken(tx)
    if broken or hashes != set(publications.last_from_files(tx)):
        version = publications.publish(tx, shipped.rows(), who, note=BY_START, from_files=True, after=newest)
        because = f": this release cannot use version {newest}: {broken}" if broken else ""
        return Started(f"mappings/ is published as version {version}{because}", bool(broken))
    remark = differs(InForce.from_rows(publications.in_force(tx)), shipped)
    return Started(remark, True) if remark else None


def publishable(folder: Path, kinds: Mapping[str, str]) -> Definitions:
    """The definitions in a folder, all compiled; raises `Misconfigured` for what cannot work, or routes nothing."""
    found = compiled_definitions(folder, offers(kinds))
    if not found.workflows:
        raise Misconfigured(f"{folder} has no workflows", hint="Name a folder that is laid out as mappings/.")
    return found


def in_force(tx: Transaction, kinds: Mapping[str, str]) -> InForce:
    """The definitions in force, in a transaction; where nothing was ever published, what ships becomes version 1.

    They are not compiled: this release may be unable to use them.
    """
    if publications.newest(tx) is None:
        publications.lock(tx)  # several processes start at once: the others find what the first has published
        if publications.newest(tx) is None:
            shipped = publishable(mappings.FOLDER, kinds)
            publications.publish(tx, shipped.rows(), "fleet", note=BY_START, from_files=True)
    return InForce.from_rows(publications.in_force(tx))


def files_differ(known: InForce) -> str | None:
    """Says in one line that the files are not what is in force; None where they are."""
    try:
        return differs(known, load_definitions(mappings.FOLDER))
    except Misconfigured as failure:
        return f"version {known.newest} is in force, and mappings/ cannot be published: {failure.reason}"


def differs(known: InForce, shipped: Definitions) -> str | None:
    """The same, for files that were read."""
    in_use = [each for each in (known.whole, known.canary) if each]
    if any(hashes_of(each.definitions) == hashes_of(shipped) for each in in_use):
        return None
    return f"mappings/ differs from version {known.newest} in force: `fleet mapping publish`"


def hashes_of(definitions: Definitions) -> set[str]:
    return {each.hash for each in definitions.rows()}


def _broken(tx: Transaction) -> str | None:
    """Why this release cannot use what is in force; None where it can."""
    try:
        InForce.from_rows(publications.in_force(tx)).compiled()
    except Misconfigured as failure:
        return failure.reason
    return None
