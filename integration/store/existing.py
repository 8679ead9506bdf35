"""Which values deliveries have in the fields that a selection narrows them by."""

from __future__ import annotations

from integration.store.database import Transaction

COLUMNS = {"code": "d.code", "workflow": "d.workflow", "entity": "d.entity"}
MOST = 3


def has(tx: Transaction, field: str, value: str) -> bool:
    """Whether a delivery has this value, or a message this ``type``.  It may read them all where none has."""
    if field == "type":
        return bool(tx.value("select exists (select from messages where type = %s)", value))
    return bool(tx.value(f"select exists (select from deliveries d where {COLUMNS[field]} = %s)", value))


def codes(tx: Transaction) -> list[str]:
    """The codes of what is held or dead."""
    rows = tx.rows("select distinct code from deliveries where state in ('held', 'dead') and code is not null")
    return sorted(row["code"] for row in rows)


def fingerprints(tx: Transaction, prefix: str) -> list[str]:
    """The fingerprints of what is held or dead that begin so, at most three."""
    rows = tx.rows(
        """select distinct fingerprint from deliveries where state in ('held', 'dead')
           and left(fingerprint, length(%(prefix)s::text)) = %(prefix)s::text order by 1 limit %(most)s""",
        {"prefix": prefix, "most": MOST},
    )
    return [row["fingerprint"] for row in rows]


def workflows(tx: Transaction) -> list[str]:
    """The names of all workflows that were ever published."""
    return [row["name"] for row in tx.rows("select distinct name from definitions where kind = 'workflow' order by 1")]


def installations(tx: Transaction) -> list[str]:
    """The names of all installations, such as odoo-1."""
    return [row["name"] for row in tx.rows("select name from installations order by id")]
