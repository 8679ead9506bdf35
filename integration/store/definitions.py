"""Definitions: mappings, tables and workflows as they were when a delivery was routed, by the hash of their content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from integration.store.database import Row, Transaction


def store(tx: Transaction, definitions: Iterable[tuple[str, str, str, dict[str, Any]]]) -> None:
    """Keeps what is new of definitions (kind, name, hash, body)."""
    for kind, name, hash, body in definitions:
        tx.run(
            "insert into definitions (kind, name, hash, body) values (%s, %s, %s, %s) on conflict do nothing",
            kind,
            name,
            hash,
            json.dumps(body),
        )


def of_pin(tx: Transaction, pin: str) -> list[Row]:
    """The definitions ``{hash, kind, name, body}`` of a pinned workflow: itself and all it uses."""
    return tx.rows(
        """with pinned as (select * from definitions where hash = %s)
           select hash, kind, name, body from pinned
           union all
           select d.hash, d.kind, d.name, d.body from pinned
           cross join jsonb_array_elements(pinned.body -> 'uses') as used join definitions d on d.hash = used ->> 2""",
        pin,
    )
