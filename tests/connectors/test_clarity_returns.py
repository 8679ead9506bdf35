"""Goods that come back, at the sandbox's Clarity: each receipt counts once, and what came back may leave once more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.errors import Hold, Reject
from tests.connectors.clarity_returns import asked_return, came_back, shipped
from tests.connectors.test_clarity_fulfilment import post, running, shop  # noqa: F401
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox

ENTITY = "returned_goods"


def returns(at: Sandbox, order_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = at.get(f"/orders/{order_id}/returns").json()["items"]
    return found


def test_what_clarity_has_approved_is_received_part_by_part(shop: Sandbox) -> None:  # noqa: F811
    order = shop.order()["id"]
    asked = asked_return(shop, order, "2", status="approved")
    for status in ("partially_received", "received"):
        document = came_back(shop, order, return_id=asked["id"])
        assert post(shop, ENTITY, document, MemoryWork())[0] == asked["id"]
        post(shop, ENTITY, document, MemoryWork())
        [found] = returns(shop, order)
        assert found["status"] == status
    assert [each["lines"][0]["quantity"] for each in found["receipts"]] == ["1", "1"]


def test_what_nobody_had_announced_is_a_return_of_its_own(shop: Sandbox) -> None:  # noqa: F811
    document = came_back(shop, shop.order()["id"], "2")
    post(shop, ENTITY, document, MemoryWork())
    document["body"]["lines"][0]["quantity"] = Decimal(1)  # somebody corrects in the ERP what came back
    post(shop, ENTITY, document, MemoryWork())
    [found] = returns(shop, document["order_id"])
    assert found["status"] == "partially_received"
    assert [each["lines"][0]["quantity"] for each in found["receipts"]] == ["1"]


def test_a_return_that_is_closed_takes_nothing(shop: Sandbox) -> None:  # noqa: F811
    order = shop.order()["id"]
    asked = asked_return(shop, order, status="rejected")
    with pytest.raises(Hold) as held:
        post(shop, ENTITY, came_back(shop, order, return_id=asked["id"]), MemoryWork())
    assert held.value.code == "return_closed"


def test_what_came_back_may_leave_once_more(shop: Sandbox) -> None:  # noqa: F811
    order = shop.order()
    line = order["lines"][0]["quantity"]
    document = came_back(shop, order["id"], line)
    with pytest.raises(AssertionError, match="is more than is left"):
        shipped(shop, order["id"])
    post(shop, ENTITY, document, MemoryWork())
    shipped(shop, order["id"])
    with pytest.raises(Reject):
        work = MemoryWork()
        post(shop, ENTITY, {**document, "body": {**document["body"], "externalRef": "odoo-1/more"}}, work)
