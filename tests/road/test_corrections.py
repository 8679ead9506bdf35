"""Corrections, approvals and replays beside the echoes of our own writes: each takes effect, once, and stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integration.errors import Hold
from integration.message import Step
from integration.operations import jobs
from integration.operations.acts import Means
from integration.operations.corrections import Correctable
from integration.operations.editing import corrected, differing
from integration.operations.jobs import advance
from integration.operations.selection import Selection
from integration.publishing import in_force
from integration.store import deliveries, ledger, repair
from integration.store.repair import Restart
from tasks import runner
from tasks.dry_run import dry_run
from tasks.steps import BODIES
from tests.mapping.shop import ORDER, order
from tests.road.orders import Orders
from tests.road.test_decisions import CENT, PERSON, UNCHANGED, again, edit, waiting

ECHO = {"status": "processing", "updatedDate": "2026-11-21T00:00:00Z"}
SHOWN = "unchanged: the target shows this already"


def balanced(orders: Orders) -> None:
    with orders.runtime.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()


def replayed(orders: Orders, id: int) -> int:
    """The delivery that a replay of this one makes, taken on."""
    with orders.runtime.database.transaction() as tx:
        (new,) = repair.replay(tx, [id], Restart(), "jane").values()
    orders.take_on(new)
    return new


# What a correction makes is checked as an event is.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "foo"}, "unmapped"),
        ({"lines": None}, "no_lines"),
        ({"lines": [{**ORDER["lines"][0], "quantity": "-1", "lineTotal": "-9.00"}]}, "quantity"),
    ],
    ids=["unknown status", "no lines", "below zero"],
)
def test_what_a_correction_of_the_event_makes_is_held_by_the_checks(
    orders: Orders, changes: dict[str, Any], code: str
) -> None:
    held = orders.come(**CENT)["odoo"]
    before = order({name.replace("__", "."): value for name, value in CENT.items()})
    edit(orders, held, before, {**before, **changes})
    again(orders, held)
    assert (orders.row(held)["state"], orders.row(held)["code"]) == ("held", code), orders.row(held)


def test_what_is_about_another_object_is_written_over_none(orders: Orders) -> None:
    """As a release before this one let it be corrected."""
    held = orders.come(**CENT)["odoo"]
    before = order({name.replace("__", "."): value for name, value in CENT.items()})
    edit(orders, held, before, order({"id": "1111", "customer.type": "person"}))
    again(orders, held)
    assert orders.row(held)["step"] == "enrich"
    runner.run(orders.runtime, [held], Step.ENRICH, BODIES)
    row = orders.row(held)
    assert (row["state"], row["code"]) == ("held", "another_object"), row
    assert row["reason"] == "the document is about another order than its event"


# A correction of the target's document, and what comes back of it.


def corrected_there(orders: Orders) -> int:
    """An order of which Odoo lacks the product, sent with another SKU."""

    def lacks(_: object) -> None:
        raise Hold("unknown SKU 'BOTTLE'", hint="Make it.", code="unknown_sku")

    id = orders.accept(**PERSON)["odoo"]
    orders.take_on(id)
    runner.run(orders.runtime, [id], Step.ENRICH, {Step.ENRICH: lacks, Step.POST: lacks})
    for setting in ("lines.0.sku=NEXT", "lines.0.sku=SKU-1"):
        with orders.runtime.database.transaction() as tx:
            delivery = deliveries.look(tx, id)
            assert delivery
            was = Correctable.of(delivery, orders.runtime.vault, event=False)
            made = corrected(was.document, [setting])
            assert was.store(tx, orders.runtime.vault, made, differing(was.document, made), "jane", None)
    again(orders, id)
    orders.post(id)
    assert orders.row(id)["state"] == "done"
    return id


@pytest.mark.parametrize(
    ("echo", "reason"),
    [(ECHO, UNCHANGED), ({**ECHO, "status": "completed", "paymentStatus": "partially_paid"}, SHOWN)],
    ids=["our status", "our invoice"],
)
def test_what_was_corrected_at_one_target_is_not_held_again_by_our_own_echo(
    orders: Orders, echo: dict[str, Any], reason: str
) -> None:
    corrected_there(orders)
    id = orders.come(**PERSON, **echo)["odoo"]
    assert (orders.row(id)["state"], orders.row(id)["reason"]) == ("skipped", reason)
    assert waiting(orders) == []
    balanced(orders)


def test_what_its_source_changes_is_sent_all_the_same(orders: Orders) -> None:
    corrected_there(orders)
    id = orders.accept(**PERSON, notes="ring twice")["odoo"]
    orders.take_on(id)
    assert orders.row(id)["step"] == "enrich", "the correction was for the one delivery"


# A job, and an echo that takes the place of an item while it runs.


def approving(orders: Orders) -> Callable[[], tuple[str, str | None]]:
    """A job that approves what is held at Odoo; carries it out, and returns its result and remark."""
    runtime = orders.runtime
    with runtime.database.transaction() as tx:
        found = jobs.preview(tx, "approve", Selection(["held"], target="odoo"), 10, "jane")  # type: ignore[list-item]
        jobs.start(tx, found.id, "jane")
        known = in_force(tx, runtime.settings.kinds)

    def carry_out() -> tuple[str, str | None]:
        while advance(runtime.database, found.id, Means(known, dict.fromkeys(runtime.targets, 10), runtime.vault)):
            pass
        with runtime.database.transaction() as tx:
            (item,) = jobs.items(tx, found.id, result=None, limit=10).rows
        return item["result"], item["remark"]

    return carry_out


@pytest.mark.parametrize("newer", [ECHO, {"notes": "ring twice"}], ids=["an echo", "the same failure"])
def test_an_approval_is_for_what_has_taken_the_place_meanwhile(orders: Orders, newer: dict[str, Any]) -> None:
    held = orders.come(**CENT)["odoo"]
    carry_out = approving(orders)
    orders.come(**CENT, **newer)
    assert carry_out() == ("applied", None)
    orders.take_on(held)
    orders.post(held)
    assert orders.row(held)["state"] == "done"
    with orders.runtime.database.transaction() as tx:
        assert tx.value("select version from crossrefs where entity = 'order' and their_id is not null") == 2
        assert tx.value("select count(*) from decisions where kind = 'approve'") == 1
    assert waiting(orders) == []
    balanced(orders)


def test_it_is_not_for_what_differs_in_another_sum(orders: Orders) -> None:
    held = orders.come(**CENT)["odoo"]
    carry_out = approving(orders)
    orders.come(**CENT | {"totals__grandTotal": "38.01", "totals__balanceDue": "18.01"})
    assert carry_out() == ("skipped", "a newer event of the object has taken its place")
    assert orders.row(held)["code"] == "totals_mismatch"


# A replay of what the target shows, after an echo.


def test_what_is_done_is_sent_again_after_an_echo(orders: Orders) -> None:
    done = orders.come(**PERSON)["odoo"]
    for echo in (ECHO, {**ECHO, "paymentStatus": "partially_paid"}):
        orders.come(**PERSON, **echo)
        for _ in range(2):
            new = replayed(orders, done)
            assert orders.row(new)["step"] == "enrich", orders.row(new)
            orders.post(new)
            assert orders.row(new)["state"] == "done"
    assert orders.row(orders.come(**PERSON, **ECHO, notes="ring twice")["odoo"])["state"] == "done"
    assert orders.row(replayed(orders, done))["reason"] == "superseded: version 4 was applied already"
    balanced(orders)


def test_a_dry_run_says_the_same(orders: Orders) -> None:
    done = orders.come(**PERSON)["odoo"]
    orders.come(**PERSON, **ECHO)
    found = dry_run(orders.runtime, done, None, {}, ask=False)
    assert found
    assert found.stops is None
    orders.come(**PERSON, notes="ring twice")
    found = dry_run(orders.runtime, done, None, {}, ask=False)
    assert found
    assert found.stops
    assert found.stops.reason == "superseded: version 3 was applied already"


def test_what_clarity_has_put_on_hold_is_not_sent_again(orders: Orders) -> None:
    done = orders.come(**PERSON)["odoo"]
    orders.come(**PERSON, status="on_hold")
    assert orders.row(replayed(orders, done))["reason"] == "superseded: version 2 was applied already"
