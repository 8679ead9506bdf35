"""The story of an order: what happened, in its order, and why what is not finished does not go on."""

from __future__ import annotations

import pytest

from integration.message import Event, State, Step
from integration.operations.story import Story, story
from integration.store import attempts, crossrefs, deliveries, installations, repair
from integration.store.attempts import Intending, Outcome
from integration.store.database import Database
from integration.store.inbox import Route
from integration.store.repair import Restart
from tests.operations.orders import Orders


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


def of(orders: Orders, id: str = "1001") -> Story:
    with orders.database.transaction() as tx:
        return story(tx, orders.vault, "order", id)


def because(orders: Orders, id: str = "1001") -> list[tuple[int, str]]:
    return [(each["delivery"], each["because"]) for each in of(orders, id).waits]


def test_both_directions_are_one_time_line(orders: Orders) -> None:
    id = orders.order("1001")
    claimed = orders.take(id)
    with orders.database.transaction() as tx:
        intent = attempts.intend(tx, [Intending(claimed, "order.load", b"frozen")])[0]
        assert intent
        attempts.close(tx, [(claimed, Outcome(intent.attempt, "failed", code="http_400"))])
    orders.move(claimed, State.DEAD, code="http_400", reason="Odoo refuses it")
    with orders.database.transaction() as tx:
        repair.replay(tx, [id], Restart(Step.TRANSFORM), "jane")
    push = orders.post(id, "S00012", "12")
    orders.end(push, State.DONE)
    shipment = orders.shipment("1001", "WH/OUT/7")
    orders.end(shipment, State.SKIPPED, reason="nothing has left yet")
    its = of(orders)
    assert [(each["what"], each["delivery"], each["target"], each["says"]) for each in its.events] == [
        ("event", None, None, "order.created of WEB-1001 from clarity-1"),
        ("attempt", id, "odoo-1", "order.load: failed (http_400)"),
        ("decision", id, "odoo-1", "jane: replay (was dead, code http_400, step transform, fingerprint "
         f"{orders.value('''select detail ->> 'fingerprint' from audit''')})"),
        ("delivery", id, "odoo-1", "order WEB-1001 done"),
        ("delivery", push, "clarity-1", "status push done: processing"),
        ("event", None, None, "shipment.changed of WH/OUT/7 from odoo-1"),
        ("delivery", shipment, "clarity-1", "shipment WH/OUT/7 skipped: nothing has left yet"),
    ]  # fmt: skip
    assert [each["at"] for each in its.events] == sorted(each["at"] for each in its.events)
    assert [each["quiet"] for each in its.events] == [False] * 5 + [True] * 2
    assert its.waits == []
    assert its.commands == {}


def test_what_another_order_did_is_not_part_of_it(orders: Orders) -> None:
    orders.order("1001")
    orders.order("1002")
    orders.customer("1001")
    orders.shipment("1002", "WH/OUT/7")
    assert [each["says"] for each in of(orders).events] == ["order.created of WEB-1001 from clarity-1"]
    assert of(orders, "nobody's").events == []


def test_an_event_that_no_workflow_takes_belongs_to_it_too(orders: Orders) -> None:
    orders.order("1001")
    unwanted = Route(entity="event", lane="none", state=State.SKIPPED.value, reason="no workflow takes it")
    orders.event_of(Event("evt-refund", "order.refunded", "1001", 2, None), unwanted)
    assert "order.refunded of 1001 from clarity-1" in [each["says"] for each in of(orders).events]


def test_what_was_skipped_and_decided_by_a_person_is_not_quiet(orders: Orders) -> None:
    orders.end(orders.order("1001"), State.DONE)
    orders.end(second := orders.order("1001", 2), State.HELD, code="unknown_sku", reason="unknown SKU X")
    with orders.database.transaction() as tx:
        repair.resolve(tx, [second], "entered by hand", "jane")
    assert not any(each["quiet"] for each in of(orders).events)


def test_a_person_is_waited_for_with_the_reason_and_what_can_be_done(orders: Orders) -> None:
    id = orders.order("1001")
    orders.end(id, State.HELD, code="total_differs", reason="the sums differ by 0.01 EUR")
    orders.run("update deliveries set newer = 2")
    its = of(orders)
    assert because(orders) == [
        (id, "waits for a person: the sums differ by 0.01 EUR (2 newer events wait)"),
    ]
    assert list(its.commands) == [f"fleet held show {id}", f"fleet held approve {id}", f"fleet held replay {id}"]


def test_only_differing_sums_are_offered_for_approval(orders: Orders) -> None:
    id = orders.order("1001")
    orders.end(id, State.HELD, code="unknown_sku", reason="unknown SKU X")
    assert f"fleet held approve {id}" not in of(orders).commands


def test_another_object_is_waited_for_by_its_name(orders: Orders) -> None:
    id = orders.order("1001")
    needs = crossrefs.needed(orders.odoo.id, "customer", "c/77")
    orders.move(orders.take(id), State.WAITING, due_in=60.0, needs=needs, code="needs", reason="no customer yet")
    assert because(orders) == [(id, "waits for customer c/77 at odoo-1")]
    assert list(of(orders).commands) == ["fleet find c/77"]


def test_the_delivery_ahead_is_named(orders: Orders) -> None:
    first, second = orders.order("1001", 1), orders.order("1001", 2)
    third = orders.order("1001", 3)
    assert because(orders) == [
        (first, "waits for a worker of ingest"),
        (second, f"waits behind delivery {first}, which has to end first"),
        (third, f"waits behind delivery {first}, which has to end first"),
    ]


def test_who_paused_the_target_is_named(orders: Orders) -> None:
    id = orders.order("1001")
    orders.move(orders.take(id), State.READY, step=Step.ENRICH, queue="odoo")
    with orders.database.transaction() as tx:
        installations.pause(tx, orders.odoo.id, "stocktaking", None, who="anna")
    ((delivery, says),) = because(orders)
    assert delivery == id
    assert says.startswith("odoo-1 is paused by anna since ")
    assert says.endswith(" UTC: stocktaking")
    assert list(of(orders).commands) == ["fleet targets resume odoo"]


def test_the_next_try_is_named_with_what_failed(orders: Orders) -> None:
    id = orders.order("1001")
    orders.move(orders.take(id), State.WAITING, due_in=60.0, spends=True, code="timeout", reason="Odoo gave no answer")
    due = orders.value("select to_char(due_at, 'YYYY-MM-DD HH24:MI:SS') from deliveries")
    assert because(orders) == [(id, f"due again at {due} UTC, after Odoo gave no answer (1 failed try)")]
    orders.run("update deliveries set state = 'ready', due_at = now()")
    with orders.database.transaction() as tx:
        assert deliveries.claim(tx, [id], [Step.TRANSFORM], [orders.odoo.id])
    assert because(orders) == [(id, "transform runs now")]


def test_each_end_names_the_definitions_it_was_made_by(orders: Orders) -> None:
    orders.end(orders.order("1001"), State.HELD, code="unknown_sku", reason="unknown SKU X")
    assert [each.get("definitions") for each in of(orders).events] == [None, "pin"]
