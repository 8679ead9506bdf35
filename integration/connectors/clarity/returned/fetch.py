"""Reads a return that an event of Clarity names, but does not hold."""

from __future__ import annotations

from integration.connectors.clarity.client import Client, record_path
from integration.connectors.contract import Document


def fetch_return(client: Client, id: str) -> Document:
    """The return as it is now; `Hold` when Clarity has none of this id."""
    return client.get(record_path("returns", id))
