"""A bad order and its later events over both targets: one row each for a person, before and after any repair."""

from __future__ import annotations

import pytest

from integration.operations.selection import Selection
from integration.store import ledger, repair
from integration.store.database import Row
from integration.store.repair import Restart
from tests.road.orders import Orders

PERSON, COMPANY = {"customer__type": "person"}, {"customer__type": "company"}
WRONG = {"totals__grandTotal": "1.00"}


def rows(orders: Orders) -> list[Row]:
    with orders.runtime.database.transaction() as tx:
        return repair.matching(tx, Selection(["held", "dead"]), 1000)  # type: ignore[list-item]


def balanced(orders: Orders) -> None:
    with orders.runtime.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()


@pytest.fixture
def bad(orders: Orders) -> Orders:
    """One order for each target, each with six events that are wrong in the same way, and differ in something else."""
    for count in range(6):
        orders.come(**PERSON, **WRONG, notes=f"ring {count} times")
        orders.come(**COMPANY, **WRONG, id="1002", notes=f"ring {count} times")
    return orders


def test_six_events_of_one_fault_are_one_row_per_target(bad: Orders) -> None:
    found = sorted((row["target"], row["code"], row["newer"]) for row in rows(bad))
    assert found == [("fusion-1", "totals_mismatch", 5), ("odoo-1", "totals_mismatch", 5)]
    balanced(bad)


def test_it_is_one_row_after_a_replay_that_fails_again(bad: Orders) -> None:
    before = {row["id"] for row in rows(bad)}
    for id in before:
        with bad.runtime.database.transaction() as tx:
            repair.replay(tx, [id], Restart(), "jane")
        bad.take_on(id)
    assert {row["id"] for row in rows(bad)} == before
    balanced(bad)


def test_what_is_approved_goes_on_with_the_newest_event(bad: Orders) -> None:
    for row in rows(bad):
        bad.approve(row["id"], "totals_mismatch")
        bad.take_on(row["id"])
        assert bad.row(row["id"])["step"] == "enrich"
        bad.post(row["id"])
        assert bad.row(row["id"])["state"] == "done"
    with bad.runtime.database.transaction() as tx:
        applied = tx.rows("select our_id, version from crossrefs where entity = 'order' and their_id is not null")
        newest = tx.rows("select object_id as our_id, max(version) as version from messages group by object_id")
    assert sorted(map(dict.items, applied), key=str) == sorted(map(dict.items, newest), key=str)
    assert rows(bad) == []
    balanced(bad)


def test_an_event_that_is_right_leaves_none(bad: Orders) -> None:
    bad.come(**PERSON)
    bad.come(**COMPANY, id="1002")
    assert rows(bad) == []
    balanced(bad)


def test_another_fault_takes_the_place_of_the_first(bad: Orders) -> None:
    bad.come(**PERSON, paymentTerms="NO-SUCH-TERM")
    found = sorted((row["target"], row["code"], row["newer"]) for row in rows(bad))
    assert found == [("fusion-1", "totals_mismatch", 5), ("odoo-1", "unmapped", 0)]
    balanced(bad)
