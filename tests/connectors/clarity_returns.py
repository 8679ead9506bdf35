"""Orders of the sandbox's Clarity of which something has left, and what is sent back of them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document
from tests.sandbox.rig import Sandbox


def shipped(shop: Sandbox, order_id: str, quantity: str = "1") -> str:
    """Line 1 has left, so much of it."""
    body = {"externalRef": f"odoo-1/{uuid.uuid4().hex}", "lines": [{"orderLineId": "1", "quantity": quantity}]}
    answer = shop.post(f"/orders/{order_id}/shipments", body, key=body["externalRef"])
    assert answer.status_code == 201, answer.text
    return order_id


def asked_return(shop: Sandbox, order_id: str, quantity: str = "1", **fields: Any) -> Document:
    """What the customer asks to send back."""
    lines = [{"orderLineId": "1", "quantity": quantity, "reason": "changed_mind"}]
    made: Document = shop.control("POST", f"/orders/{order_id}/returns", {"lines": lines, **fields})
    return made


def came_back(shop: Sandbox, order_id: str, quantity: str = "1", return_id: str | None = None) -> Document:
    """The document of goods that came back of line 1, once they have left."""
    body = {"externalRef": f"odoo-1/{uuid.uuid4().hex}", "receivedAt": "2026-11-21T10:00:05Z"}
    lines = [{"orderLineId": "1", "quantity": Decimal(quantity)}]
    return {"order_id": shipped(shop, order_id, quantity), "return_id": return_id, "body": {**body, "lines": lines}}
