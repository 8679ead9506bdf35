"""An order as one entry of the ledger."""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.ledger.client import AlreadyThere, Client
from integration.connectors.shown import as_ours


def post_order(client: Client, document: Document, work: Work) -> Posted:
    """Makes the ledger show the entry: looks for it, creates it once, and changes what differs."""
    entry = client.find(document["reference"])
    if entry is None:
        try:
            entry = work.perform("entry.create", Request("POST", "/entries", document, {}), client.send)
        except AlreadyThere:
            entry = client.find(document["reference"])
            if entry is None:
                raise
    work.found("entry.create", f"entry {entry['id']} has the reference")
    changes = {name: value for name, value in document.items() if not _same(value, entry.get(name))}
    if changes:
        work.perform("entry.update", Request("PATCH", f"/entries/{entry['id']}", changes, {}), client.send)
    return Posted(str(entry["id"]), document["number"])


def shown_order(client: Client, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The entry with the document's reference; None when the ledger has none."""
    entry = client.find(document["reference"])
    return None if entry is None else as_ours(document, entry, _same)


def _same(ours: Any, theirs: Any) -> bool:
    return bool(ours == theirs)
