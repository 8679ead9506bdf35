"""One row per object and target for a person to look at, however many events of the object fail."""

from __future__ import annotations

import pytest

from integration.message import State, Step
from integration.operations.selection import Selection
from integration.store import audit, decisions, deliveries, ends, ledger, repair, superseded
from integration.store.database import Database, Row
from integration.store.deliveries import Next
from integration.store.repair import Restart
from tests.store.road import Road

SKU, TAX = "no product has the SKU '{}'", "no tax of {} %"


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def fail(
    road: Road, version: int, reason: str = SKU, state: State = State.HELD, *, id: int = 0, order: str = "1001"
) -> int:
    """An event of an order that ends held or dead, as the end of a hop writes it; its delivery."""
    id = id or road.delivery(f"evt-{order}-{version}", order=order, version=version)
    claimed = road.claim(id)
    assert claimed
    with road.database.transaction() as tx:
        next = Next(state, code="unknown", reason=reason.format(version), document=f"document {version}".encode())
        ends.move(tx, [(claimed, next)])
        superseded.keep_one(tx, claimed, state)
        ends.leave_lane(tx, [(claimed, False)])
    with road.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()
    return id


def rows(road: Road) -> list[Row]:
    with road.database.transaction() as tx:
        return tx.rows("select d.*, m.external_id from deliveries d join messages m on m.id = d.message order by d.id")


def row(road: Road, id: int) -> Row:
    return next(each for each in rows(road) if each["id"] == id)


def for_a_person(road: Road) -> list[int]:
    with road.database.transaction() as tx:
        found = repair.matching(tx, Selection([State.HELD, State.DEAD]), 100)
    return sorted(each["id"] for each in found)


def test_the_same_row_stays_for_the_newest_event_and_counts(road: Road) -> None:
    first, *later = [fail(road, version) for version in range(1, 7)]
    assert for_a_person(road) == [first]
    stays = row(road, first)
    assert (stays["version"], stays["external_id"], bytes(stays["document"])) == (6, "evt-1001-6", b"document 6")
    assert (stays["reason"], stays["newer"]) == ("no product has the SKU '6'", 5)
    assert {row(road, id)["reason"] for id in later} == {f"superseded by {first}"}
    assert sorted(each["external_id"] for each in rows(road)) == [f"evt-1001-{version}" for version in range(1, 7)]
    with road.database.transaction() as tx:
        (source,) = ledger.balance(tx).sources
    assert (source["accepted"], source["held"], source["skipped"], source["open"]) == (6, 1, 5, 0)


def test_another_fault_is_another_row_and_the_older_is_superseded(road: Road) -> None:
    first = fail(road, 1)
    second = fail(road, 2, TAX)
    assert for_a_person(road) == [second]
    assert (row(road, first)["state"], row(road, first)["reason"]) == ("skipped", f"superseded by {second}")
    third = fail(road, 3, SKU, State.DEAD)
    assert for_a_person(road) == [third]
    assert row(road, third)["newer"] == 0


def test_an_older_event_that_fails_late_is_superseded_itself(road: Road) -> None:
    newest = fail(road, 5)
    assert [fail(road, 3), *for_a_person(road)][1:] == [newest]
    assert (row(road, newest)["version"], row(road, newest)["newer"]) == (5, 0)


def test_what_was_tried_for_the_older_event_is_not_taken_for_a_try_of_the_newer(road: Road) -> None:
    first = fail(road, 1)
    road.run("insert into attempts (delivery, round, effect, outcome) values (%s, 1, 'order.load', 'ok')", first)
    fail(road, 2)
    assert row(road, first)["round"] == 2
    with road.database.transaction() as tx:
        looked_at = deliveries.look(tx, first)
    assert looked_at
    assert (looked_at.effects, looked_at.event_id) == ([], "evt-1001-2")


def test_a_correction_of_an_older_event_is_not_taken_for_one_of_the_newer(road: Road) -> None:
    first = fail(road, 1)
    with road.database.transaction() as tx:
        looked_at = deliveries.look(tx, first)
        assert looked_at
        assert repair.edit(tx, looked_at, b"corrected", ["lines.0.sku"], "jane")
    second = fail(road, 2)
    assert for_a_person(road) == [second]
    assert bytes(row(road, first)["document"]) == b"corrected"
    assert bytes(row(road, second)["document"]) == b"document 2"


def test_who_corrects_what_was_read_before_a_newer_event_is_not_heard(road: Road) -> None:
    first = fail(road, 1)
    with road.database.transaction() as tx:
        looked_at = deliveries.look(tx, first)
    fail(road, 2)
    assert looked_at
    with road.database.transaction() as tx:
        assert not repair.edit(tx, looked_at, b"corrected", ["lines.0.sku"], "jane")
        assert not decisions.correct(tx, looked_at, {"lines[1].sku": b"sealed"}, "jane")


def test_forty_bad_orders_are_forty_rows_before_and_after_a_repair(road: Road) -> None:
    ids = [fail(road, version, order=f"bad{n}") for version in (1, 2, 3) for n in range(40)][:40]
    assert for_a_person(road) == ids
    with road.database.transaction() as tx:
        assert len(repair.replay(tx, ids, Restart(), "jane")) == 40
    for id in ids:
        fail(road, 3, id=id)
    assert for_a_person(road) == ids
    newer = [fail(road, 4, order=f"bad{n}") for n in range(40)]
    assert for_a_person(road) == ids
    assert not {*newer} & {*ids}
    with road.database.transaction() as tx:
        kinds = repair.kinds(tx, Selection([State.HELD]))
        assert [(each["count"]) for each in kinds] == [40]
        assert audit.of_deliveries(tx, [ids[0]])


def test_rows_of_another_object_and_another_target_are_left_alone(road: Road) -> None:
    one, other = fail(road, 1), fail(road, 1, order="1002")
    elsewhere = road.delivery("evt-x", version=1)
    road.run("update deliveries set lane = 'fusion-1/order__1001' where id = %s", elsewhere)
    fail(road, 1, id=elsewhere)
    fail(road, 2)
    assert for_a_person(road) == [one, other, elsewhere]


def test_a_newer_one_still_runs_and_takes_effect(road: Road) -> None:
    held = fail(road, 1)
    fail(road, 2)
    right = road.claim(road.delivery("evt-1001-3", version=3))
    assert right
    with road.database.transaction() as tx:
        ends.move(tx, [(right, Next(State.DONE))])
        ends.leave_lane(tx, [(right, True)])
    assert for_a_person(road) == []
    assert (row(road, held)["state"], row(road, held)["reason"]) == ("skipped", f"superseded by {right.id}")
    assert right.step is Step.TRANSFORM
