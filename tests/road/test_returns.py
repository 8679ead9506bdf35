"""A return goes to the systems that fulfil its lines, and waits for its order."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from integration.message import Step
from integration.receiver import read_event
from tasks import runner
from tasks.intake import Intake
from tasks.steps import BODIES
from tests.road.orders import Orders

RETURN = {"orderId": "1001", "status": "approved", "lines": [{"id": "1", "orderLineId": "1", "quantity": "1"}]}


class Returns:
    """Events of returns of order 1001."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._intake = Intake(orders.runtime)
        self._numbers = itertools.count(1)

    def come(self) -> dict[str, Any]:
        """The delivery to Odoo of a new return, as far as the target."""
        number = next(self._numbers)
        made = {**RETURN, "id": f"ret-{number}", "version": number, "createdDate": "2026-11-20T10:15:29.000Z"}
        made["lines"] = [{**line, "reason": "changed_mind"} for line in RETURN["lines"]]
        body = json.dumps({"id": f"evt-r{number}", "type": "return.updated", "data": made}).encode()
        with self._orders.runtime.database.transaction() as tx:
            event = read_event(f"evt-r{number}", body, "clarity")
            (arrival,) = self._intake.accept(tx, [self._intake.arriving("clarity", event, body)])
            assert arrival
            (row,) = tx.rows("select id from deliveries where message = %s", arrival.message)
        return self.go_on(row["id"])

    def go_on(self, id: int) -> dict[str, Any]:
        self._orders.run("update deliveries set due_at = now() where id = %s", id)
        runner.run(self._orders.runtime, [id], Step.TRANSFORM, BODIES)
        return {"id": id, **self._orders.row(id)}


@pytest.fixture
def returns(orders: Orders) -> Returns:
    return Returns(orders)


def test_it_waits_for_its_order_and_is_held_where_none_comes(orders: Orders, returns: Returns) -> None:
    row = returns.come()
    assert (row["state"], row["code"]) == ("waiting", "throttled"), row["reason"]
    orders.run("update deliveries set created_at = now() - interval '2 hours' where id = %s", row["id"])
    row = returns.go_on(row["id"])
    assert (row["state"], row["code"]) == ("held", "unknown_order"), row["reason"]
    orders.accept()
    row = returns.come()
    assert (row["state"], row["code"]) == ("waiting", "needs"), "its order is on its way"


def test_lines_that_another_system_fulfils_are_not_for_this_one(orders: Orders, returns: Returns) -> None:
    orders.come(customer__type="company", customer__company="Example Ltd")
    row = returns.come()
    assert row["state"] == "skipped"
    assert row["reason"] == "no line of the return is fulfilled by odoo"
