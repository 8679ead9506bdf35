"""Reads an order that an event of Clarity names, but does not hold."""

from __future__ import annotations

from integration.connectors.clarity.client import Client, order_path
from integration.connectors.contract import Document


def fetch_order(client: Client, id: str) -> Document:
    """The order as it is now; `Hold` when Clarity has none of this id."""
    return client.get(order_path(id))
