"""The way back: what leaves the ERPs' warehouses and books reaches Clarity, and its order's status says so."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.odoo.client import Client
from integration.message import external_id
from integration.operations.objects import find
from integration.store import ledger
from integration.vault import Vault
from tests.road.world import World, carriers


def shipped(road: World, id: str) -> dict[str, Decimal]:
    """What Clarity shows as shipped, by the ERP it came from and line: ``odoo-1 1``."""
    found: dict[str, Decimal] = {}
    for shipment in road.shipments(id):
        source = shipment["external_ref"].partition("/")[0]
        for line, quantity in shipment["lines"].items():
            name = f"{source} {line}"
            found[name] = found.get(name, Decimal(0)) + Decimal(quantity)
    return found


def found_by(road: World, tracking: str) -> list[tuple[str, str]]:
    """The orders that a person finds by a number of their carrier, at whichever ERP they were shipped."""
    with road.database.transaction() as tx:
        rows = find(tx, Vault(road.settings.encryption_keys), tracking, None)
    return [(row["object"], row["matched"]) for row in rows]


def ordered(order: dict[str, Any], *sources: str) -> dict[str, Decimal]:
    """What has to be shipped of an order by these ERPs, each of its own lines."""
    wanted = {
        f"{carriers(order)[line['id']]}-1 {line['id']}": Decimal(line["quantity"])
        for line in order["lines"]
        if line["requiresShipping"]
    }
    return {name: quantity for name, quantity in wanted.items() if name.partition(" ")[0] in sources}


def test_the_whole_circle(road: World) -> None:
    ids = road.generate(3, "b2b_po+shared")
    road.finished(*ids)
    road.age(ids, odoo=3, fusion=7)
    for id in ids:
        road.becomes(id, "completed")
        assert shipped(road, id) == ordered(road.order(id), "odoo-1", "fusion-1")
        assert all(shipment["tracking"] for shipment in road.shipments(id))
        for number in (number for shipment in road.shipments(id) for number in shipment["tracking"]):
            assert found_by(road, number) == [(id, "tracking number of a shipment")]
        invoices = road.invoices(id)
        assert sum(Decimal(each["total"]) for each in invoices) == Decimal(road.order(id)["totals"]["grandTotal"])
        assert {(each["external_ref"].partition("/")[0], each["status"]) for each in invoices} == {
            ("odoo-1", "paid"),
            ("fusion-1", "paid"),
        }
    road.exactly_once(ids)
    road.balanced()


def test_an_idle_fleet_accepts_nothing(road: World) -> None:
    """Transfers and invoices, each counted from 1 by their system, are read again and again without a change."""
    ids = road.generate(2, "b2b_po+shared")
    road.finished(*ids)
    road.age(ids, odoo=3, fusion=7)
    for id in ids:
        road.becomes(id, "completed")
    road.poll_all()
    before = road.polled(ids)
    assert before >= 8, "each order has left and was billed at both"
    for _ in range(10):
        road.poll_all()
    assert road.polled(ids) == before


def test_shipped_in_parts_by_both(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.age([id], odoo=1, split=True)
    road.becomes(id, "partially_shipped")
    road.age([id], odoo=1, split=True)
    road.age([id], fusion=16, split=True)
    road.becomes(id, "shipped")
    road.age([id], odoo=4)
    road.becomes(id, "completed")
    order = road.order(id)
    assert shipped(road, id) == ordered(order, "odoo-1", "fusion-1")
    assert [push["status"] for push in road.pushes(id) if push["changed"]] == [
        "processing",
        "partially_shipped",
        "shipped",
        "completed",
    ]


def test_an_order_of_downloads_is_completed_once_it_is_paid(road: World) -> None:
    (id,) = road.generate(1, "digital")
    assert not any(line["requiresShipping"] for line in road.order(id)["lines"])
    road.finished(id)
    road.age([id], odoo=4, fusion=16)
    road.becomes(id, "completed")
    assert [push["status"] for push in road.pushes(id) if push["changed"]] == ["processing", "shipped", "completed"]


@pytest.mark.parametrize("trait", ["jpy", "kwd", "multi_tax", "tax_excluded", "order_discount", "fractional_qty"])
def test_money_comes_back_to_the_minor_unit(road: World, trait: str) -> None:
    """From each ERP alone, and from both together."""
    ids = road.generate(3, trait, f"{trait}+b2b_po", f"{trait}+shared")
    assert [road.erps(id) for id in ids] == [{"odoo"}, {"fusion"}, {"odoo", "fusion"}]
    road.finished(*ids)
    road.age([ids[0], ids[2]], odoo=2, split=True)
    road.age([ids[0], ids[2]], odoo=4, split=True)
    road.age(ids[1:], fusion=16, split=True)
    totals = [Decimal(road.order(id)["totals"]["grandTotal"]) for id in ids]

    def billed() -> list[Decimal]:
        return [sum((Decimal(each["total"]) for each in road.invoices(id)), Decimal(0)) for id in ids]

    road.until(lambda: billed() == totals, 60, lambda: (totals, billed(), [road.all(id) for id in ids]))


def test_tracking_typed_in_after_it_left(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.age([id], odoo=1, late_tracking=True)
    road.until(lambda: len(road.shipments(id)) == 1, 20, lambda: road.states(id))
    assert road.shipments(id)[0]["tracking"] == []
    road.age([id], odoo=1, late_tracking=True)
    road.until(lambda: bool(road.shipments(id)[0]["tracking"]), 20, lambda: road.states(id))
    assert len(road.shipments(id)) == 1


def test_more_than_ordered_is_held_and_what_was_ordered_is_shown(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.age([id], odoo=1, overship=True)
    row = road.way_back(id, "shipment", "held")
    assert "ordered" in row["reason"]
    assert row["hint"]
    assert row["object_id"].endswith("/rest")
    road.until(lambda: shipped(road, id) == ordered(road.order(id), "odoo-1"), 20, lambda: road.all(id))


def test_an_unknown_status_is_held_and_resolves_itself_when_it_is_known_again(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.age([id], fusion=1, status="AWAITING_MOONRISE")
    row = road.way_back(id, "shipment", "held")
    assert "fusion_line_statuses" in row["reason"] + row["hint"]
    road.age([id], fusion=7)
    road.until(lambda: shipped(road, id) == ordered(road.order(id), "fusion-1"), 20, lambda: road.states(id))
    assert road.deliveries(row["object_id"])[0]["state"] == "skipped", "superseded"


def test_a_shipment_waits_for_its_order(road: World) -> None:
    """The warehouse is faster than the finishing transaction of the order."""
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    with road.database.transaction() as tx:
        body = tx.value("delete from progress where order_id = %s and installation = 2 returning body", id)
        tx.run("update crossrefs set version = null where our_id = %s and installation = 2", id)
    assert body
    road.age([id], odoo=1)
    road.way_back(id, "shipment", "waiting")
    order = road.order(id)
    road.send(
        {
            "id": f"evt_{id}_again",
            "type": "order.updated",
            "timestamp": "2026-11-20T10:15:30Z",
            "data": {**order, "version": 50, "notes": "posted again"},
        }
    )
    road.until(lambda: shipped(road, id) == ordered(order, "odoo-1"), 20, lambda: road.states(id))


def test_what_rounding_explains_is_carried_recorded_and_billed(road: World) -> None:
    """Clarity rounds the half cent of this tax down, Odoo up."""
    tax = {"code": "VAT23", "rate": "0.23", "amount": "0.11"}
    (pattern,) = road.generate(1, "tax_excluded")
    order = road.order(pattern)
    line = {**order["lines"][0], "quantity": "1", "unitPrice": "0.50", "discounts": [], "lineTotal": "0.50"}
    plain: dict[str, Any] = {name: [] for name in ("shippingLines", "fees", "discounts", "payments")}
    nothing = dict.fromkeys(("discount", "shipping", "fees"), "0.00")
    totals = {
        "subtotal": "0.50",
        **nothing,
        "tax": "0.11",
        "grandTotal": "0.61",
        "giftCard": None,
        "balanceDue": "0.61",
    }
    status = {"status": "confirmed", "paymentStatus": "unpaid"}
    kept = {name: value for name, value in order.items() if name not in ("id", "number", "version")}
    id = road.place({**kept, **plain, **status, "lines": [{**line, "taxes": [tax]}], "totals": totals})
    road.finished(id)
    rows = [row for row in road.at("odoo", id) if row["state"] == "done"]
    assert {(row["rounding"], row["rounding_currency"]) for row in rows} == {(Decimal("-0.01"), order["currency"])}, (
        road.all(id)
    )
    with road.database.transaction() as tx:
        assert ("odoo-1", order["currency"]) in {(r["target"], r["currency"]) for r in ledger.rounding_carried(tx)}
    road.age([id], odoo=3)
    road.until(lambda: bool(road.invoices(id)), 20, lambda: road.all(id))
    assert [each["total"] for each in road.invoices(id)] == ["0.61"]
    road.balanced()


def test_goods_that_come_back_are_received_in_clarity(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.age([id], odoo=1)
    road.way_back(id, "shipment", "done")
    odoo = Client(road.settings.systems["odoo"], nullcontext)
    name = f"__clarity__.{external_id('order', id)}"
    [order] = [each for each in road.control("GET", "ledger")["odoo"]["orders"] if each["external_id"] == name]
    [picking] = odoo.call("stock.picking", "search", domain=[["sale_id.name", "=", order["name"]]])
    wizard = odoo.call("stock.return.picking", "create", vals_list=[{"picking_id": picking}])
    back = odoo.call("stock.return.picking", "action_create_returns_all", wizard)["res_id"]
    odoo.call("stock.picking", "button_validate", [back], context={"skip_sms": True, "skip_backorder": True})
    road.way_back(id, "returned_goods", "done")
    [returned] = [each for each in road.control("GET", "ledger")["clarity"]["returns"] if each["order_id"] == id]
    [shipped] = road.shipments(id)
    assert returned["status"] == "received"
    assert returned["lines"] == shipped["lines"]
    road.balanced()
