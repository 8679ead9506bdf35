"""Accepted means accounted for: what the inbox stores, once, and counts by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.message import State
from integration.store import inbox
from integration.store.database import Database
from integration.store.inbox import Arriving
from tests.store.road import Road


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def test_a_second_arrival_is_a_duplicate_and_makes_nothing_new(road: Road) -> None:
    first, second = road.accept("evt-1"), road.accept("evt-1")
    assert (first.verdict, second.verdict) == ("accepted", "duplicate")
    assert second.message == first.message
    assert road.value("select count(*) from deliveries") == 1
    assert road.value("select copies from messages") == 1


def test_the_same_id_with_another_body_is_a_conflict_kept_by_hash(road: Road) -> None:
    road.accept("evt-1")
    for _ in range(2):
        assert road.accept("evt-1", body={"total": "0.00"}).verdict == "conflict"
    assert road.value("select count from conflicts") == 2
    assert road.value("select sum(value) from counters where name = 'conflicts'") == 2


def test_what_is_due_names_its_step_and_target(road: Road) -> None:
    (due,) = road.accept("evt-1").due
    assert (due["step"], due["queue"], due["target"]) == ("transform", "ingest", "odoo")


def test_an_unwanted_event_gets_one_skipped_delivery(road: Road) -> None:
    accepted = road.accept("evt-1", skip=True)
    assert accepted.due == ()
    assert road.value("select state || ': ' || reason from deliveries") == "skipped: nobody wants it"


def test_a_delivery_behind_another_of_its_lane_waits_for_ever(road: Road) -> None:
    first, second = road.delivery("evt-1", version=1), road.delivery("evt-2", version=2)
    assert road.accept("evt-3", order="1002").due, "another order's lane is free"
    assert (road.state(first), road.state(second)) == (State.READY, State.WAITING)
    assert road.value("select due_at = 'infinity' from deliveries where id = %s", second) is True


def test_many_equal_arrivals_at_once_are_one_message(road: Road) -> None:
    with ThreadPoolExecutor(8) as pool:
        verdicts = [each.verdict for each in pool.map(lambda _: road.accept("evt-1"), range(40))]
    assert verdicts.count("accepted") == 1
    assert verdicts.count("duplicate") == 39
    assert road.value("select sum(value) from counters where name = 'accepted'") == 1


def test_two_workflows_of_one_lane_make_two_deliveries(road: Road) -> None:
    routes = [road.route("1001", workflow=name) for name in ("one", "two")]
    with road.database.transaction() as tx:
        arriving = Arriving(road.shop.id, road.event("evt-1"), b"body", b"hash", routes)
        (accepted,) = inbox.accept(tx, [arriving])
    assert accepted
    assert road.value("select array_agg(workflow order by workflow) from deliveries") == ["one", "two"]


def test_several_events_are_stored_in_one_statement_each_for_itself(road: Road) -> None:
    road.accept("evt-1", order="1")
    given = [("evt-3", "3"), ("evt-1", "1"), ("evt-2", "2"), ("evt-3", "3"), ("evt-4", "2")]
    with road.database.transaction() as tx:
        answers = inbox.accept(tx, [arriving(road, id, order) for id, order in given])
    numbers = [road.value("select external_id from messages where id = %s", each.message) if each else None
               for each in answers]  # fmt: skip
    assert numbers == ["evt-3", None, "evt-2", None, "evt-4"], "what came before, and what comes twice, is not new"
    assert [len(each.due) if each else None for each in answers] == [1, None, 1, None, 0], "one lane has one head"
    assert road.value("select count(*) from deliveries where due_at = 'infinity'") == 1
    assert road.value("select sum(value) from counters where name = 'accepted'") == 4
    assert road.value("select sum(value) from counters where name = 'deliveries'") == 4


def arriving(road: Road, id: str, order: str) -> Arriving:
    return Arriving(road.shop.id, road.event(id, order), b"body", id.encode(), [road.route(order)])
