"""The road from end to end: an order placed in Clarity becomes one confirmed sale order, and Clarity hears of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.road.world import World


def test_a_dozen_varied_orders(road: World) -> None:
    orders = road.control("POST", "orders/demo", {"seed": 1})
    ids = [order["id"] for order in orders]
    road.finished(*ids)
    for id in ids:
        ends = {erp: "enrich done" if erp in road.erps(id) else "transform skipped" for erp in ("odoo", "fusion")}
        wanted = {*(f"{erp}-1 {end}" for erp, end in ends.items()), "clarity-1 push_status done"}
        assert wanted <= set(road.states(id)), road.all(id)
    assert {frozenset(road.erps(id)) for id in ids} == {*map(frozenset, (["odoo"], ["fusion"], ["odoo", "fusion"]))}
    road.exactly_once(ids)
    pods = {
        each["source_id"]: Decimal(each["totals"]["total"])
        for each in road.control("GET", "ledger")["fusion"]["orders"]
    }
    for order in orders:
        in_odoo = sum(Decimal(str(each["amount_total"])) for each in road.at_odoo(order["id"]))
        assert in_odoo + pods.get(order["id"], 0) == Decimal(order["total"]), order["story"]
        assert road.order(order["id"])["status"] == "processing"
    road.balanced()


def test_an_event_that_comes_twice_takes_effect_once(road: World) -> None:
    road.fault("webhooks", "duplicate")
    ids = road.generate(5)
    road.finished(*ids)
    road.exactly_once(ids)


def test_an_event_out_of_order_does_not_undo_a_newer_one(road: World) -> None:
    (id,) = road.generate()
    road.finished(id)
    order = road.order(id)
    newer = {**order, "version": 90, "notes": "newer"}
    older = {**order, "version": 80, "notes": "older"}
    for name, each in (("newer", newer), ("older", older)):
        event = {"id": f"evt_{id}_{name}", "type": "order.updated", "timestamp": "2026-11-20T10:15:30Z", "data": each}
        assert road.send(event).status_code == 202
        road.finished(id)
    assert road.at("odoo", id)[-1]["reason"] == "superseded: version 90 was applied already"


def test_an_echo_is_skipped_as_unchanged(road: World) -> None:
    (id,) = road.generate()
    road.finished(id)
    order = road.order(id)
    event = {
        "id": f"evt_{id}_echo",
        "type": "order.updated",
        "timestamp": "2026-11-20T10:15:30Z",
        "data": {**order, "version": 70},
    }
    road.send(event)
    road.finished(id)
    assert road.at("odoo", id)[-1]["reason"] == "unchanged: nothing that the mapping reads has changed"


def test_an_update_for_an_unknown_order_creates_it(road: World) -> None:
    road.fault("webhooks", "drop", times=1)
    (id,) = road.generate()
    order = road.order(id)
    event = {"id": f"evt_{id}_u", "type": "order.updated", "timestamp": "2026-11-20T10:15:30Z", "data": order}
    assert road.send(event).status_code == 202
    road.finished(id)
    road.exactly_once([id])


THIN = {
    "thin": lambda order: {"data": {"id": order["id"], "version": order["version"]}},
    "truncated": lambda order: {"data": {**order, "lines": order["lines"][:1]}, "truncated": True},
}


@pytest.mark.parametrize("kind", THIN)
def test_what_an_event_does_not_hold_is_fetched(road: World, kind: str) -> None:
    road.fault("webhooks", "drop", times=1)
    (id,) = road.generate(1, "b2b_po")
    event = {"id": f"evt_{id}_{kind}", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z"}
    assert road.send({**event, **THIN[kind](road.order(id))}).status_code == 202
    road.finished(id)
    road.exactly_once([id])


def test_after_a_gap_in_the_versions_the_order_is_read_anew(road: World) -> None:
    (id,) = road.generate(1, "b2b_po+shared")
    road.finished(id)
    road.fault("webhooks", "drop")
    road.control("PATCH", f"orders/{id}", {"purchaseOrderNumber": "as it is in Clarity"})
    stale = {**road.order(id), "version": 90, "purchaseOrderNumber": "as an old event had it"}
    event = {"id": f"evt_{id}_gap", "type": "order.updated", "timestamp": "2026-11-20T10:15:30Z", "data": stale}
    assert road.send(event).status_code == 202
    road.finished(id)
    assert road.at_odoo(id)[0]["client_order_ref"] == "as it is in Clarity"


def test_an_order_that_clarity_does_not_show_yet_is_asked_for_again(road: World) -> None:
    road.fault("webhooks", "drop")
    (id,) = road.generate(1, "b2b_po")
    road.fault("clarity", "404_lag", path=f"/orders/{id}", times=2)
    event = {"id": f"evt_{id}_early", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z"}
    road.send({**event, "data": {"id": id, "version": 1}})
    road.finished(id)
    road.exactly_once([id])


def test_a_cancelled_order_is_cancelled(road: World) -> None:
    (id,) = road.generate()
    road.finished(id)
    road.control("POST", f"orders/{id}/cancel")
    road.until(lambda: road.at_odoo(id)[0]["state"] == "cancel", 20, lambda: road.states(id))
    road.finished(id)


def test_cancelled_before_it_was_ever_posted_is_done_with_nothing_sent(road: World) -> None:
    road.fault("webhooks", "drop")
    (id,) = road.generate()
    order = road.order(id)
    cancelled = {**order, "version": 5, "status": "cancelled"}
    road.send({"id": f"evt_{id}_c", "type": "order.cancelled", "timestamp": "2026-11-20T10:15:30Z", "data": cancelled})
    road.finished(id)
    road.send({"id": f"evt_{id}_n", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z", "data": order})
    road.finished(id)
    assert [row["state"] for row in road.at("odoo", id)] == ["done", "skipped"]
    assert road.at_odoo(id) == []


WRONG = {
    "mismatch": ("held", "totals"),
    "unknown_sku": ("held", "SKU"),
    "unknown_currency": ("held", "currency"),
    "unknown_tax_code": ("held", "tax"),
    "no_customer": ("dead", "customer"),
}


@pytest.mark.parametrize("trait", WRONG)
def test_what_cannot_be_right_waits_for_a_person(road: World, trait: str) -> None:
    (id,) = road.generate(1, trait)
    road.finished(id)
    (row,) = road.at("odoo", id)
    state, word = WRONG[trait]
    assert (row["state"], word.lower() in row["reason"].lower()) == (state, True), row["reason"]
    assert row["hint"], "it must say what to do"
    assert {order["state"] for order in road.at_odoo(id)} <= {"draft"}, "it was confirmed"


@pytest.mark.parametrize(
    "trait",
    ["jpy", "kwd", "unicode", "digital", "fractional_qty", "250_lines", "guest", "gift_card", "tax_excluded", "shared"],
)
def test_what_is_unusual_but_right_goes_through(road: World, trait: str) -> None:
    ids = road.generate(1, trait)
    road.finished(*ids, seconds=60)
    road.exactly_once(ids)


@pytest.mark.parametrize("order_id", ["a.b", "a_b", "A_B", "ä", "x" * 80, "a\x00b", "\ud800"])
def test_strange_ids_stay_apart(road: World, order_id: str) -> None:
    (template,) = road.generate()
    road.finished(template)
    order: dict[str, Any] = {**road.order(template), "id": order_id, "number": f"N-{len(order_id)}", "externalIds": {}}
    event = {
        "id": f"evt_strange_{order_id.encode('utf-8', 'surrogatepass').hex()}"[:200],
        "type": "order.created",
        "timestamp": "2026-11-20T10:15:30Z",
        "data": order,
    }
    assert road.send(event).status_code == 202

    def ended() -> bool:
        with road.database.transaction() as tx:
            rows = tx.rows(
                """select d.state from deliveries d join messages m on m.id = d.message
                   where external_id = %s and origin is null""",
                event["id"],
            )
        return all(row["state"] in {"done", "skipped", "held", "dead"} for row in rows)

    road.until(ended, 20)
    if "\x00" not in order_id and "\ud800" not in order_id:
        assert len(road.at_odoo(order_id)) == 1
