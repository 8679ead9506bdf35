"""Bodies: what events have brought, as they may be shown; each look behind the mask is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integration.canonical import parse_json
from integration.canonical.entities import entity
from integration.masking import masked
from integration.operations.selection import Selection
from integration.store import audit, views
from integration.store.database import Transaction
from integration.vault import Vault


def bodies(tx: Transaction, vault: Vault, messages: Sequence[int], *, reveal: bool = False) -> dict[int, Any]:
    """The bodies of messages by id; without ``reveal`` only what is known to be harmless is readable."""
    found = {}
    for row in views.bodies(tx, messages):
        body = parse_json(vault.open(row["body"]))
        personal = any(entity(each).personal for each in row["entities"])
        found[row["id"]] = body if reveal else masked(body, personal=personal)
    return found


def note_export(tx: Transaction, who: str, of: str, chosen: Selection, count: int) -> None:
    """Writes down who took how much out unmasked, and by which selection; never an address or its HMAC."""
    audit.note(tx, who, "export", [None], of=of, count=count, selection=_without_key(chosen))


def note_reveal(tx: Transaction, who: str, of: str, chosen: Selection) -> None:
    """Writes down who looks behind the mask at many, and by which selection; never an address or its HMAC."""
    audit.note(tx, who, "reveal", [None], of=of, selection=_without_key(chosen))


def _without_key(chosen: Selection) -> str:
    return str(replace(chosen, email_key="given" if chosen.email_key else None))
