"""An order's way at Odoo after it was confirmed: shipped in parts, billed, paid, taken back.

The stories run at the sandbox's Odoo, and with ``--live`` at a real one; what is seen on the way is what was
recorded from Odoo 19.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from integration.sandbox.odoo import Odoo
from tests.sandbox.odoo_clerk import Clerk, Reached
from tests.sandbox.odoo_rig import RECORDED, Served

Story = Callable[[Reached, int], Iterator[Any]]

RECORDING: dict[str, Any] = json.loads((RECORDED / "fulfilment.json").read_text(encoding="utf-8"))


class Live:
    """A real Odoo, as the integration user or its owner."""

    def __init__(self, prefix: str) -> None:
        self._key = os.environ[f"{prefix}_API_KEY"]
        self._url, self._db = os.environ["FLEET_LIVE_ODOO_URL"], os.environ["FLEET_LIVE_ODOO_DB"]
        if "test" not in self._db:
            pytest.fail("FLEET_LIVE_ODOO_DB has to have `test` in its name: these tests write")

    def call(self, model: str, method: str, **body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"bearer {self._key}", "X-Odoo-Database": self._db}
        answer = requests.post(f"{self._url}/json/2/{model}/{method}", json=body, headers=headers, timeout=60)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reached, int]]:
    """An Odoo and a tax of 23 % on top there."""
    if request.param == "live":
        yield Live("FLEET_LIVE_ODOO"), _live_tax()
        return
    with Served(Odoo(tmp_path_factory.mktemp("odoo"), "shop", "fleet", "key")) as served:
        served.round_taxes("round_globally")
        yield served, served.tax(23.0, False)


def _live_tax() -> int:
    values = {"name": uuid.uuid4().hex, "amount": 23, "type_tax_use": "sale", "price_include_override": "tax_excluded"}
    status, answer = Live("FLEET_LIVE_ODOO_ADMIN").call("account.tax", "create", vals_list=[values])
    assert status == 200, answer
    return int(answer[0])


def shipped_in_two_parts(odoo: Reached, tax: int) -> Iterator[Any]:
    """By what was ordered: one invoice, however the goods leave."""
    clerk = Clerk(odoo, tax, [("order", "consu", 3, 3.33), ("order", "consu", 2, 1.07), ("order", "service", 1, 5.55)])
    yield clerk.seen()
    yield clerk.validate(context={})
    clerk.count({"quantity": 1}, None)
    first = clerk.open_picking()
    yield clerk.validate(context={"skip_sms": True})
    yield clerk.seen()
    yield clerk.validate()
    yield clerk.seen()
    yield clerk.validate(first)
    yield clerk.ask("stock.picking", "write", ids=[first], vals={"carrier_tracking_ref": "1Z1, 1Z2"})
    invoice = clerk.invoice()
    yield clerk.seen()
    yield clerk.post(invoice)
    yield clerk.refused("account.move", "action_post", ids=[invoice])[:2]
    yield clerk.refused("sale.advance.payment.inv", "create_invoices", ids=[clerk.wizard()])
    yield clerk.validate()
    yield clerk.seen()
    yield clerk.pay(invoice, amount=1.5)
    yield clerk.seen()
    yield clerk.pay(invoice)
    yield clerk.seen()
    context = {"active_model": "account.move", "active_ids": [invoice]}
    yield clerk.refused("account.payment.register", "create", vals_list=[{}], context=context)
    yield clerk.refused("account.payment.register", "create", vals_list=[{}])


def billed_by_what_was_delivered(odoo: Reached, tax: int) -> Iterator[Any]:
    """An invoice for each part; more leaves than was ordered."""
    clerk = Clerk(odoo, tax, [("delivery", "consu", 3, 3.33), ("delivery", "consu", 2, 1.07)])
    yield clerk.refused("sale.advance.payment.inv", "create_invoices", ids=[clerk.wizard()])
    clerk.count({"quantity": 0}, {"quantity": 0})
    yield clerk.seen()
    yield clerk.refused("stock.picking", "button_validate", ids=[clerk.open_picking()])
    clerk.count({"quantity": 2, "picked": True}, None)
    yield clerk.validate(context={"skip_sms": True})
    yield clerk.validate()
    yield clerk.seen()
    first = clerk.invoice()
    yield clerk.post(first)
    clerk.count(None, {"picked": True})
    yield clerk.validate()
    yield clerk.seen()
    clerk.count({"quantity": 4})
    yield clerk.validate()
    yield clerk.seen()
    second = clerk.invoice()
    yield clerk.post(second)
    yield clerk.pay(second)
    yield clerk.seen()


def more_than_was_ordered(odoo: Reached, tax: int) -> Iterator[Any]:
    """By what was ordered, with too much delivered; then somebody corrects what had left."""
    clerk = Clerk(odoo, tax, [("order", "consu", 3, 3.33)])
    picking = clerk.open_picking()
    clerk.count({"quantity": 5})
    yield clerk.validate()
    yield clerk.post(clerk.invoice())
    yield clerk.seen()
    [move] = clerk.ask("stock.move", "search", domain=[["picking_id", "=", picking]])
    yield clerk.ask("stock.move", "write", ids=[move], vals={"quantity": 2})
    yield clerk.seen()


def taken_back(odoo: Reached, tax: int) -> Iterator[Any]:
    """Refunded, replaced, cancelled as a draft and after it was posted."""
    clerk = Clerk(odoo, tax, [("order", "consu", 3, 3.33)])
    first = clerk.invoice()
    clerk.post(first)
    refund = clerk.reverse(first, "refund_moves")
    yield clerk.seen()
    yield clerk.post(refund)
    yield clerk.seen()
    second = clerk.invoice()
    clerk.post(second)
    third = clerk.reverse(second, "modify_moves")
    yield clerk.seen()
    yield clerk.ask("account.move", "button_cancel", ids=[third])
    fourth = clerk.invoice()
    clerk.post(fourth)
    yield clerk.pay(fourth, amount=2)
    yield clerk.ask("account.move", "button_cancel", ids=[fourth])
    yield clerk.seen()
    yield clerk.ask("account.move", "button_draft", ids=[fourth])
    yield clerk.post(fourth)
    yield clerk.post(clerk.reverse(fourth, "refund_moves"))
    yield clerk.seen()


def something_else_left(odoo: Reached, tax: int) -> Iterator[Any]:
    """A move of the order is made one of another product, and something nobody ordered goes with it."""
    clerk = Clerk(odoo, tax, [("order", "consu", 3, 3.33), ("order", "consu", 2, 1.07)])
    picking = clerk.open_picking()
    others = [clerk.create("product.product", name=uuid.uuid4().hex, type="consu", taxes_id=[]) for _ in range(2)]
    [first, _] = clerk.ask("stock.move", "search", domain=[["picking_id", "=", picking]], order="id")
    yield clerk.ask("stock.move", "write", ids=[first], vals={"product_id": others[0]})
    clerk.create("stock.move", picking_id=picking, product_id=others[1], product_uom_qty=4, quantity=4)
    yield clerk.validate()
    yield clerk.seen()


STORIES: tuple[Story, ...] = (
    shipped_in_two_parts,
    billed_by_what_was_delivered,
    more_than_was_ordered,
    taken_back,
    something_else_left,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_is_seen_is_what_was_recorded(place: tuple[Reached, int], story: Story) -> None:
    for number, (seen, recorded) in enumerate(zip(story(*place), RECORDING[story.__name__], strict=True)):
        assert seen == recorded, number
