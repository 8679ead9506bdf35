"""Which target takes on which lines of an order: step by step, without anybody on the other side."""

from __future__ import annotations

import pytest

from integration.message import Step
from integration.settings import Settings
from integration.store import fulfilment, repair
from integration.store.fulfilment import Claim
from tasks import runner
from tasks.dry_run import dry_run
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tasks.tracking import Job
from tests.mapping.shop import ORDER
from tests.road.orders import ALL, FUSION, Orders

LINE = ORDER["lines"][0]
PERSON, COMPANY = {"customer__type": "person"}, {"customer__type": "company"}


@pytest.mark.parametrize(("customer", "has", "not_"), [(PERSON, "odoo", "fusion"), (COMPANY, "fusion", "odoo")])
def test_one_has_it_and_the_other_is_skipped(orders: Orders, customer: dict[str, str], has: str, not_: str) -> None:
    ids = orders.come(**customer)
    assert orders.state(ids) == {has: "done", not_: "skip"}
    assert orders.row(ids[not_])["reason"] == f"no line of the order is for {not_}"
    assert orders.fulfilled_by() == {"1": has}


def test_what_is_stored_of_an_event_is_encrypted(orders: Orders) -> None:
    orders.accept(customer__name="Ada Lovelace")
    with orders.runtime.database.transaction() as tx:
        (body,) = (bytes(row["body"]) for row in tx.rows("select body from messages"))
    assert b"Ada Lovelace" not in body
    assert b"Ada Lovelace" in orders.runtime.vault.open(body)


@pytest.mark.parametrize("lines", [[], None])
def test_an_order_without_lines_is_held(orders: Orders, lines: object) -> None:
    ids = orders.come(**PERSON, lines=lines)
    assert orders.state(ids) == {"odoo": "no_lines", "fusion": "no_lines"}


def test_an_order_whose_lines_are_all_taken_out_is_held_where_they_are(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**PERSON, lines=[])
    assert orders.state(ids) == {"odoo": "no_lines", "fusion": "skip"}


def test_a_line_that_is_taken_out_with_the_quantity_0_is_not_moved(orders: Orders) -> None:
    sample = {**LINE, "id": "2", "unitPrice": "0.00", "lineTotal": "0.00", "discounts": [], "taxes": []}
    orders.come(**PERSON, lines=[LINE, sample])
    assert orders.fulfilled_by() == {"1": "odoo", "2": "odoo"}
    ids = orders.come(**PERSON, lines=[LINE, {**sample, "quantity": "0"}])
    assert orders.state(ids) == {"odoo": "done", "fusion": "skip"}, orders.row(ids["odoo"])


def test_of_an_order_that_two_carry_in_full_none_is_cancelled_by_itself(orders: Orders) -> None:
    """Release 0.1.0 posted every order to both; the rules give it to one of them now."""
    orders.come(**PERSON)
    orders.run("update progress set fulfilled_by = '{}' where fulfilled_by <> '{}'")
    ids = orders.accept(**COMPANY)
    orders.take_on(ids["fusion"], ids["odoo"])
    assert orders.state(ids)["odoo"] == "line_moves"


def test_what_is_wrong_with_it_is_held_where_it_is_to_go(orders: Orders) -> None:
    ids = orders.come(**PERSON, totals__grandTotal="1.00", paymentTerms="NO-SUCH-TERM")
    assert orders.state(ids) == {"odoo": "unmapped", "fusion": "skip"}, orders.row(ids["odoo"])


def test_it_is_not_moved_unless_a_person_approves(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY)
    assert orders.state(ids) == {"odoo": "line_moves", "fusion": "throttled"}
    assert orders.fulfilled_by() == {"1": "odoo"}
    orders.take_on(ids["fusion"])
    assert orders.row(ids["fusion"])["reason"] == "line '1' of the order is fulfilled by odoo-1, until that lets it go"
    orders.approve(ids["odoo"])
    orders.take_on(ids["odoo"])
    assert orders.row(ids["odoo"])["step"] == "enrich"
    orders.take_on(ids["fusion"])
    assert orders.state(ids)["fusion"] == "throttled", "it still exists at Odoo"
    orders.post(ids["odoo"])
    assert orders.fulfilled_by() == {"1": None}
    orders.take_on(ids["fusion"])
    orders.post(ids["fusion"])
    assert orders.state(ids) == {"odoo": "done", "fusion": "done"}
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_a_person_who_leaves_it_where_it_is_leaves_the_other_held(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY)
    with orders.runtime.database.transaction() as tx:
        repair.resolve(tx, [ids["odoo"]], "it stays", "jane")
    orders.take_on(ids["fusion"])
    row = orders.row(ids["fusion"])
    assert (row["state"], row["code"]) == ("held", "fulfilled_elsewhere")
    assert "See what odoo-1 has of it" in row["hint"]


def test_one_that_is_on_its_way_to_a_target_is_waited_for(orders: Orders) -> None:
    first = orders.accept(**PERSON)
    orders.take_on(first["odoo"])
    ids = orders.accept(**COMPANY)
    orders.take_on(first["fusion"], *ids.values())
    assert orders.state(ids) == {"odoo": "waiting", "fusion": "throttled"}
    orders.post(first["odoo"])
    orders.take_on(*ids.values())
    assert orders.state(ids) == {"odoo": "line_moves", "fusion": "throttled"}


def test_a_line_that_another_claims_in_the_same_moment_is_not_taken_from_it(orders: Orders) -> None:
    """Between the look at the claims and the end of the hop."""
    ids = orders.accept(**PERSON)
    clarity, fusion = (orders.runtime.installations[kind].id for kind in ("clarity", "fusion"))

    def validate(job: Job) -> None:
        BODIES[Step.VALIDATE](job)
        with orders.runtime.database.transaction() as tx:
            fulfilment.claim(tx, [Claim(clarity, "1001", fusion, {"1"}, {"1"})])

    runner.run(orders.runtime, [ids["odoo"]], Step.TRANSFORM, {**BODIES, Step.VALIDATE: validate})
    row = orders.row(ids["odoo"])
    assert (row["state"], row["step"], row["code"]) == ("waiting", "transform", "throttled")
    assert row["reason"] == "another target claimed a line of the order meanwhile"
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_a_look_at_an_order_claims_nothing(orders: Orders) -> None:
    ids = orders.accept(**PERSON)
    found = dry_run(orders.runtime, ids["odoo"], None, {})
    assert found
    assert found.sends
    assert orders.fulfilled_by() == {}


def test_an_older_event_that_comes_late_takes_nothing_away(orders: Orders) -> None:
    orders.come(version=7, **COMPANY)
    late = orders.come(version=6, **PERSON)
    assert orders.state(late) == {"odoo": "skip", "fusion": "skip"}
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_what_never_existed_there_moves_freely(orders: Orders) -> None:
    """It was held at Odoo before anything was sent."""
    held = orders.come(**PERSON, totals__grandTotal="1.00")
    assert orders.state(held) == {"odoo": "totals_mismatch", "fusion": "skip"}
    assert orders.fulfilled_by() == {"1": "odoo"}
    ids = orders.come(**COMPANY)
    orders.take_on(ids["fusion"])
    orders.post(ids["fusion"])
    assert orders.state(ids) == {"odoo": "skip", "fusion": "done"}
    assert orders.row(held["odoo"])["reason"].startswith("superseded")
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_a_try_whose_outcome_nobody_knows_counts_as_standing_there(orders: Orders) -> None:
    ids = orders.accept(**PERSON)
    orders.take_on(*ids.values())
    orders.run("insert into attempts (delivery, round, effect, outcome) values (%s, 1, 'x', 'unknown')", ids["odoo"])
    orders.run("update deliveries set state = 'dead', finished_at = now() where id = %s", ids["odoo"])
    assert orders.state(orders.come(**COMPANY)) == {"odoo": "line_moves", "fusion": "throttled"}


def test_a_cancelled_order_is_cancelled_wherever_it_may_be(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY, status="cancelled")
    assert orders.state(ids) == {"odoo": "done", "fusion": "done"}
    assert orders.fulfilled_by() == {}


def test_an_erp_that_is_configured_no_more_keeps_what_it_has(orders: Orders, stores: dict[str, str]) -> None:
    """Odoo takes all from now on, but not what Fusion fulfils."""
    orders.come(**COMPANY)
    runtime = Runtime(Settings.load(stores | {name: url for name, url in ALL.items() if name not in FUSION}))
    alone = Orders(runtime)
    ids = alone.come(version=2, **COMPANY)
    row = alone.row(ids["odoo"])
    assert (set(ids), row["code"]) == ({"odoo"}, "fulfilled_elsewhere")
    assert row["reason"] == "line '1' of the order is fulfilled by fusion-1, and would be fulfilled twice"
    runtime.database.close()
