"""By object: one row for an order or a customer, whatever has happened with it; found by any number of any system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integration.message import State
from integration.operations import objects
from integration.operations.objects import Page
from integration.operations.selection import Selection
from integration.operations.totals import Totals, concerned, totals
from integration.store import fulfilment
from integration.store.database import Database, Row
from tests.operations.orders import Orders


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


def listed(orders: Orders, of: str = "order", limit: int = 100, before: int | None = None, **chosen: object) -> Page:
    with orders.database.transaction() as tx:
        after = {} if before is None else {"before": before}
        return objects.listed(tx, orders.vault, of, Selection(**chosen), limit, **after)  # type: ignore[arg-type]


def ids(page: Page) -> list[str]:
    return [row["object"] for row in page.rows]


def one(orders: Orders, id: str) -> Row:
    with orders.database.transaction() as tx:
        (row,) = objects.rows_of(tx, orders.vault, "order", [id])
    return row


def found(orders: Orders, text: str, key: str | None = None) -> list[tuple[str, str, str]]:
    with orders.database.transaction() as tx:
        rows = objects.find(tx, orders.vault, text, key)
    return [(row["entity"], row["object"], row["matched"]) for row in rows]


def test_forty_bad_orders_of_several_events_are_forty_rows(orders: Orders) -> None:
    for version in (1, 2, 3):
        for number in range(40):
            orders.end(orders.order(str(number), version), State.HELD, code="unknown_sku", reason="unknown SKU X")
    page = listed(orders)
    assert ids(page) == [str(number) for number in reversed(range(40))]
    assert ids(listed(orders, states=[State.HELD])) == ids(page)


def test_an_order_and_a_customer_of_one_id_are_two_objects(orders: Orders) -> None:
    orders.order("77")
    orders.end(orders.customer("77"), State.HELD, code="ambiguous_customer", reason="two match")
    assert (ids(listed(orders)), ids(listed(orders, "customer"))) == (["77"], ["77"])
    assert one(orders, "77")["wrong"] == []
    (customer,) = listed(orders, "customer").rows
    assert [each["code"] for each in customer["wrong"]] == ["ambiguous_customer"]
    assert listed(orders, states=[State.HELD]).rows == []


def test_a_row_says_where_the_order_is_and_what_is_wrong(orders: Orders) -> None:
    odoo, fusion = orders.for_both("1001")
    orders.end(orders.post(odoo, "S00012", "12"), State.DONE)
    orders.end(fusion, State.DEAD, code="http_400", reason="Fusion refuses it", hint="Correct it.")
    row = one(orders, "1001")
    assert (row["number"], row["notified"], row["newer"]) == ("WEB-1001", "processing", 0)
    assert [
        (each["target"], each["system"], each["number"], each["theirs"], each["state"], each["delivery"])
        for each in row["targets"]
    ] == [("odoo-1", "odoo", "S00012", "12", "done", odoo), ("fusion-1", "fusion", None, None, "dead", fusion)]
    assert row["wrong"] == [
        {"id": fusion, "entity": "order", "target": "fusion-1", "state": "dead", "code": "http_400",
         "reason": "Fusion refuses it"}
    ]  # fmt: skip


def test_clarity_was_notified_of_what_was_pushed_not_of_what_is_to_be(orders: Orders) -> None:
    push = orders.post(orders.order("1001"), "S00012", "12")
    assert one(orders, "1001")["notified"] is None
    orders.end(push, State.DONE)
    assert one(orders, "1001")["notified"] == "processing"


def test_newer_events_that_wait_are_counted(orders: Orders) -> None:
    for version in (1, 2, 3):
        claimed = orders.take(orders.order("1001", version))
        orders.move(claimed, State.HELD, code="unknown_sku", reason="unknown SKU X")
        with orders.database.transaction() as tx:
            from integration.store import superseded

            superseded.keep_one(tx, claimed, State.HELD)
    row = one(orders, "1001")
    assert ([each["code"] for each in row["wrong"]], row["newer"]) == (["unknown_sku"], 2)


def test_what_is_held_of_a_part_is_wrong_with_its_order(orders: Orders) -> None:
    orders.post(orders.order("1001"), "S00012", "12")
    orders.order("1002")
    orders.end(orders.shipment("1001", "WH/OUT/7"), State.HELD, code="overshipped", reason="more than was ordered")
    assert [each["entity"] for each in one(orders, "1001")["wrong"]] == ["shipment"]
    assert ids(listed(orders, states=[State.HELD])) == ["1001"]
    assert ids(listed(orders, code="overshipped")) == ["1001"]
    assert ids(listed(orders, states=[State.DONE], target="odoo")) == ["1001"]


def test_the_value_is_that_of_the_newest_event_that_says_one(orders: Orders) -> None:
    orders.order("1001", 1, value="10.50")
    orders.order("1001", 2, value="12")
    orders.event_of(orders.event("evt-bare", "1001", 3), orders.route("1001"))
    row = one(orders, "1001")
    assert (row["value"], row["currency"]) == (Decimal("12"), "EUR")


def test_a_list_goes_on_where_it_ended(orders: Orders) -> None:
    for number in range(7):
        orders.order(str(number))
        orders.order(str(number), 2)
    seen, before, pages = [], None, 0
    while pages == 0 or before is not None:
        page = listed(orders, limit=3, before=before)
        seen += ids(page)
        before, pages = page.next, pages + 1
        orders.order("0", 10 + pages)  # what comes meanwhile moves no row to another page
    assert (seen, pages) == ([str(number) for number in reversed(range(7))], 3)


def test_a_list_is_narrowed_by_whatever_is_given(orders: Orders) -> None:
    key = "0f" * 16
    orders.order("1001", key=key)
    orders.end(orders.order("1002"), State.DEAD, code="http_400", reason="no")
    orders.for_both("1003")
    alone = {
        "number": "WEB-1002",
        "object": "1002",
        "states": [State.DEAD],
        "code": "http_400",
        "ids": [orders.value("select id from deliveries where state = 'dead'")],
        "fingerprint": orders.value("select fingerprint from deliveries where state = 'dead'"),
    }
    for name, value in alone.items():
        assert ids(listed(orders, **{name: value})) == ["1002"], name
    assert ids(listed(orders, email_key=key)) == ["1001"]
    assert ids(listed(orders, target="fusion")) == ids(listed(orders, workflow="order-to-fusion")) == ["1003"]
    assert ids(listed(orders, states=[State.READY])) == ["1003", "1001"]
    assert ids(listed(orders, states=[State.READY, State.DEAD])) == ["1003", "1002", "1001"]
    assert ids(listed(orders, states=[State.DONE])) == []
    assert ids(listed(orders, pin="pi")) == ["1003", "1002", "1001"]
    assert ids(listed(orders, pin="p_")) == []
    assert ids(listed(orders, type="order.cancelled")) == []


def test_times_are_about_the_first_event_of_an_order(orders: Orders) -> None:
    orders.order("1001")
    orders.run("update messages set received_at = now() - interval '3 days'")
    orders.order("1002")
    orders.order("1001", 2)
    a_day_ago = datetime.now(UTC) - timedelta(days=1)
    assert ids(listed(orders, since=a_day_ago)) == ["1002"]
    assert ids(listed(orders, until=a_day_ago)) == ["1001"]
    assert ids(listed(orders, until=a_day_ago, states=[State.READY])) == ["1001"]
    assert ids(listed(orders, since=a_day_ago, until=a_day_ago)) == []


def test_an_order_is_found_by_any_number_of_any_system(orders: Orders) -> None:
    key = "0f" * 16
    orders.post(orders.order("1001", key=key), "S00012", "12")
    orders.shipment("1001", "WH/OUT/7")
    orders.order("1002")
    for text, matched in (
        ("WEB-1001", "number"),
        ("web-1001", "number"),
        ("1001", "id"),
        ("S00012", "odoo-1 number"),
        ("12", "odoo-1 id"),
        ("WH/OUT/7", "shipment WH/OUT/7"),
    ):
        assert found(orders, text) == [("order", "1001", matched)], text
    assert found(orders, "jane@mail.example", key) == [("order", "1001", "e-mail address")]
    assert found(orders, "WEB-100") == found(orders, "%") == []


def test_an_order_is_found_by_the_tracking_number_of_its_shipment(orders: Orders) -> None:
    orders.order("1001")
    shipment = orders.take(orders.shipment("1001", "WH/OUT/7"))
    with orders.database.transaction() as tx:
        fulfilment.record(tx, shipment, "1001", {"lines": {}, "tracking": ["1Z999AA10123456784", "1Z2"]})
    for text in ("1Z999AA10123456784", "1z 999 aa1 01 2345 6784", "1Z2"):
        assert found(orders, text) == [("order", "1001", "tracking number of a shipment")], text
    assert found(orders, "1Z9") == found(orders, "lines") == []


def test_a_shipment_whose_order_is_not_known_is_found_by_itself(orders: Orders) -> None:
    orders.shipment(None, "WH/OUT/8")
    assert found(orders, "WH/OUT/8") == [("shipment", "odoo-1/WH/OUT/8", "number")]


def test_one_text_may_mean_several_objects(orders: Orders) -> None:
    orders.order("77")
    orders.customer("77")
    assert found(orders, "77") == [("customer", "77", "id"), ("order", "77", "id")]


def test_what_retention_has_removed_is_found_by_its_crossref(orders: Orders) -> None:
    orders.post(orders.order("1001"), "S00012", "12")
    for table in ("attempts", "deliveries", "messages"):
        orders.run(f"delete from {table}")
    assert found(orders, "S00012") == [("order", "1001", "odoo-1 number")]
    row = one(orders, "1001")
    assert (row["received"], [each["number"] for each in row["targets"]]) == (None, ["S00012"])


def summed(orders: Orders) -> Totals:
    with orders.database.transaction() as tx:
        return totals(tx, "order", datetime.now(UTC) - timedelta(hours=1))


def test_every_order_is_counted_once_wherever_it_is(orders: Orders) -> None:
    orders.post(orders.order("1"), "S1", "1")
    for delivery in orders.for_both("2"):
        orders.post(delivery, f"N{delivery}", str(delivery))
    orders.order("3")
    for version in (1, 2):
        orders.end(orders.order("4", version, value="12.30"), State.HELD, code="unknown_sku", reason="no")
    orders.end(orders.order("5", value="7", currency="USD"), State.DEAD, code="http_400", reason="no")
    orders.end(orders.order("6"), State.SKIPPED, reason="not wanted")
    orders.customer("7")
    sums = summed(orders)
    assert sums.received == {"received": 6, "one": 1, "several": 1, "open": 1, "waiting": 2, "nowhere": 1}
    assert [(row["state"], row["count"], row["value"], row["currency"]) for row in sums.for_a_person] == [
        ("held", 1, Decimal("12.30"), "EUR"),
        ("dead", 1, Decimal("7"), "USD"),
    ]


def test_what_waits_is_counted_by_object_and_a_part_as_its_order(orders: Orders) -> None:
    for delivery in (
        *orders.for_both("1"),
        orders.shipment("1", "S1"),
        orders.shipment("2", "S2"),
        orders.customer("3"),
    ):
        orders.end(delivery, State.HELD, code="unknown_sku", reason="no")
    with orders.database.transaction() as tx:
        assert concerned(tx, Selection([State.HELD])) == {"order": 2, "customer": 1}
        assert concerned(tx, Selection([State.HELD], target="odoo")) == {"customer": 1, "order": 1}
        assert concerned(tx, Selection([State.DEAD])) == {}


def test_what_came_before_is_not_received_but_still_waits_for_a_person(orders: Orders) -> None:
    orders.end(orders.order("1"), State.HELD, code="unknown_sku", reason="no")
    orders.run("update messages set received_at = now() - interval '3 days', value = null")
    sums = summed(orders)
    assert sums.received["received"] == 0
    assert [(row["count"], row["value"], row["currency"]) for row in sums.for_a_person] == [(1, None, None)]
