"""A payment goes to the system that fulfils its order, once that is decided, and to no other."""

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

PAYMENT = {"id": "pay-1", "orderId": "1001", "method": "card", "amount": "27.14", "currency": "EUR"}


class Payments:
    """Events of payments of order 1001."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._intake = Intake(orders.runtime)
        self._numbers = itertools.count(1)

    def come(self, status: str = "captured", **changes: Any) -> dict[str, Any]:
        """An event that is taken on, as far as the target; its deliveries by target."""
        number = next(self._numbers)
        at = {"version": number, "createdDate": "2026-11-20T10:15:29.000Z"}
        made = {**PAYMENT, **at, "id": f"pay-{number}", "status": status, **changes}
        body = json.dumps({"id": f"evt-p{number}", "type": f"payment.{status}", "data": made}).encode()
        with self._orders.runtime.database.transaction() as tx:
            event = read_event(f"evt-p{number}", body, "clarity")
            (arrival,) = self._intake.accept(tx, [self._intake.arriving("clarity", event, body)])
            assert arrival
            sql = "select i.kind, d.id from deliveries d join installations i on i.id = d.target where d.message = %s"
            ids = {row["kind"]: row["id"] for row in tx.rows(sql, arrival.message)}
        for id in ids.values():
            runner.run(self._orders.runtime, [id], Step.TRANSFORM, BODIES)
        return ids


@pytest.fixture
def payments(orders: Orders) -> Payments:
    return Payments(orders)


def test_a_payment_goes_where_its_order_is(orders: Orders, payments: Payments) -> None:
    early = orders.row(payments.come()["odoo"])
    assert (early["state"], early["code"]) == ("waiting", "throttled"), "nobody has the order yet"
    orders.come()
    row = orders.row(payments.come()["odoo"])
    assert (row["state"], row["step"]) == ("queued", "enrich"), row["reason"]
    held = orders.row(payments.come(currency="EURO")["odoo"])
    assert (held["state"], held["code"]) == ("held", "unknown_currency")


def test_an_authorized_payment_is_not_posted(orders: Orders, payments: Payments) -> None:
    orders.come()
    row = orders.row(payments.come("authorized")["odoo"])
    assert row["state"] == "skipped"
    assert "captured" in row["reason"]


def test_a_payment_of_a_company_that_another_system_bills_is_skipped(orders: Orders, payments: Payments) -> None:
    orders.come(customer__type="company", customer__company="Example Ltd")
    assert set(orders.fulfilled_by().values()) == {"fusion"}
    row = orders.row(payments.come()["odoo"])
    assert (row["state"], "paid there" in row["reason"]) == ("skipped", True), row["reason"]


def test_a_payment_of_an_order_of_two_systems_is_held_at_one(orders: Orders, payments: Payments) -> None:
    orders.come()
    kinds = {kind: each.id for kind, each in orders.runtime.installations.items()}
    shared = json.dumps({"1": kinds["odoo"], "2": kinds["fusion"]})
    orders.run("update progress set fulfilled_by = %s where fulfilled_by is not null", shared)
    row = orders.row(payments.come()["odoo"])
    assert (row["state"], row["code"]) in [("held", "split_payment"), ("skipped", "skip")], row["reason"]
    assert row["code"] == "split_payment" if kinds["odoo"] < kinds["fusion"] else "skip"
