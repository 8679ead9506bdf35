"""What a person decides holds for later versions of the object until Clarity changes the very value it was about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.canonical import thaw
from integration.canonical.correction import corrections
from integration.errors import Failure
from integration.message import Event
from integration.operations.selection import Selection
from integration.settings import Settings
from integration.store import decisions, deliveries, ledger, repair
from integration.store.database import Row
from integration.store.repair import Restart
from mappings import FOLDER
from tasks.intake import Intake
from tasks.runtime import Runtime
from tests.mapping.shop import ORDER, order
from tests.road.orders import ALL, Orders

PERSON = {"customer__type": "person"}
NOWHERE: dict[str, Any] = {**PERSON, "billingAddress__countryCode": "Nowhere"}
CENT: dict[str, Any] = {**PERSON, "totals__grandTotal": "28.01", "totals__balanceDue": "8.01"}
UNCHANGED = "unchanged: nothing that the mapping reads has changed"


def waiting(orders: Orders) -> list[Row]:
    with orders.runtime.database.transaction() as tx:
        return repair.matching(tx, Selection(["held", "dead"]), 100)  # type: ignore[list-item]


def listed(orders: Orders) -> list[tuple[str, str]]:
    with orders.runtime.database.transaction() as tx:
        rows = decisions.listed(tx, object_id="1001", number=None, ended=True, limit=9)
    with orders.runtime.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()
    return [(row["kind"], row["state"]) for row in reversed(rows)]


def edit(orders: Orders, id: int, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Corrects the event of a held or dead delivery, and sends nothing."""
    vault = orders.runtime.vault
    with orders.runtime.database.transaction() as tx:
        delivery = deliveries.look(tx, id)
        assert delivery
        found = corrections(before, after)
        assert decisions.correct(tx, delivery, {each.place: vault.seal(each.frozen()) for each in found}, "jane")


def edit_country(orders: Orders, id: int) -> None:
    changes = {name.replace("__", "."): value for name, value in NOWHERE.items()}
    edit(orders, id, order(changes), order(changes | {"billingAddress.countryCode": "GB"}))


def again(orders: Orders, *ids: int) -> None:
    with orders.runtime.database.transaction() as tx:
        repair.replay(tx, ids, Restart(), "jane")
    orders.take_on(*ids)


def canonical(orders: Orders, id: int) -> dict[str, Any]:
    with orders.runtime.database.transaction() as tx:
        sealed = tx.value("select document from deliveries where id = %s", id)
    found: dict[str, Any] = thaw(orders.runtime.vault.open(sealed))["canonical"]
    return found


def test_a_correction_of_the_event_is_for_all_its_targets(orders: Orders) -> None:
    ids = orders.come(**NOWHERE)
    assert orders.state(ids) == {"odoo": "unmapped", "fusion": "unmapped"}
    edit_country(orders, ids["odoo"])
    again(orders, *ids.values())
    assert (orders.row(ids["odoo"])["step"], orders.state(ids)["fusion"]) == ("enrich", "skip")
    assert canonical(orders, ids["odoo"])["billing_address"]["country"] == "GB"


def test_it_is_applied_to_later_versions_until_clarity_changes_the_value(orders: Orders) -> None:
    edit_country(orders, orders.come(**NOWHERE)["odoo"])
    later = orders.come(**NOWHERE, notes="ring twice")
    assert orders.state(later) == {"odoo": "done", "fusion": "skip"}, orders.row(later["odoo"])
    assert canonical(orders, later["odoo"])["billing_address"]["country"] == "GB"
    assert waiting(orders) == [], "the corrected one is superseded by what has taken effect"
    assert listed(orders) == [("set", "in force")]
    elsewhere = orders.come(**PERSON, billingAddress__countryCode="PL")
    assert canonical(orders, elsewhere["odoo"])["billing_address"]["country"] == "PL"
    assert listed(orders) == [("set", "lapsed")]
    back = orders.come(**NOWHERE)
    assert orders.state(back) == {"odoo": "unmapped", "fusion": "unmapped"}, "it does not come back to life"


def test_an_older_version_neither_has_it_nor_ends_it(orders: Orders) -> None:
    edit_country(orders, orders.come(**NOWHERE, version=5)["odoo"])
    older = orders.accept(**PERSON, version=4, billingAddress__countryCode="PL")
    orders.take_on(older["odoo"])
    assert canonical(orders, older["odoo"])["billing_address"]["country"] == "PL"
    assert listed(orders) == [("set", "in force")]


def test_what_lapsed_for_one_target_is_still_applied_for_an_older_version_at_another(orders: Orders) -> None:
    first = orders.come(**NOWHERE)
    edit_country(orders, first["odoo"])
    newer = orders.accept(**PERSON, billingAddress__countryCode="PL")
    orders.take_on(newer["odoo"])
    again(orders, first["fusion"])
    assert orders.state(first)["fusion"] == "skip", "it was translated, with the correction"


def test_a_revoked_correction_is_not_applied(orders: Orders) -> None:
    edit_country(orders, orders.come(**NOWHERE)["odoo"])
    with orders.runtime.database.transaction() as tx:
        (row,) = decisions.listed(tx, object_id="1001", number=None, ended=False, limit=9)
        assert decisions.revoke(tx, [row["id"]], "joe") == [row["id"]]
        assert decisions.revoke(tx, [row["id"]], "joe") == []
    later = orders.come(**NOWHERE, notes="ring twice")
    assert orders.state(later)["odoo"] == "unmapped"
    assert listed(orders) == [("set", "revoked")]


def test_a_row_is_found_by_its_id_wherever_it_is(orders: Orders) -> None:
    wrong = {**ORDER["lines"][0], "discounts": [], "quantity": "0", "lineTotal": "1.00", "taxes": [], "id": "2"}
    given = order({"lines": [*ORDER["lines"], wrong]})
    right = order({"lines": [*ORDER["lines"], {**wrong, "lineTotal": "0.00"}]})
    (correction,) = corrections(given, right)
    assert correction.place == "lines[id=2].lineTotal"
    moved = correction.apply(order({"lines": [wrong, *ORDER["lines"]]}))
    assert [line["lineTotal"] for line in moved["lines"]] == ["0.00", "18.00"]
    assert correction.apply(order()) is None, "the line is gone"
    (whole,) = corrections(given, order())
    assert (whole.place, whole.apply(given)) == ("lines", order())
    (added,) = corrections(order(), {**order(), "tags": ["a"]})
    assert added.apply(order()) == {**order(), "tags": ["a"]}
    assert added.apply({**order(), "tags": []}) is None


def approve(orders: Orders) -> int:
    id = orders.come(**CENT)["odoo"]
    orders.approve(id, "totals_mismatch")
    orders.take_on(id)
    orders.post(id)
    assert orders.row(id)["state"] == "done"
    return id


def test_an_approval_covers_later_versions_with_the_same_sums(orders: Orders) -> None:
    approve(orders)
    later = orders.come(**CENT, notes="ring twice")
    assert orders.state(later)["odoo"] == "done", orders.row(later["odoo"])
    assert listed(orders) == [("approve", "in force")]


@pytest.mark.parametrize(
    "changed",
    [
        {"totals__grandTotal": "28.02", "totals__balanceDue": "8.02"},
        {
            "fees": [{**ORDER["fees"][0], "amount": "0.60"}],
            "totals__fees": "0.60",
            "totals__grandTotal": "28.11",
            "totals__balanceDue": "8.11",
        },
    ],
    ids=["two cents", "a cent of other sums"],
)
def test_it_does_not_survive_a_change_of_the_sums(orders: Orders, changed: dict[str, Any]) -> None:
    approve(orders)
    assert orders.state(orders.come(**CENT | changed))["odoo"] == "totals_mismatch"
    assert listed(orders) == [("approve", "lapsed")]


def test_it_covers_every_check_of_the_same_money_at_its_target(orders: Orders) -> None:
    id = approve(orders)
    with orders.runtime.database.transaction() as tx:
        delivery = deliveries.look(tx, id)
    assert delivery
    assert invoiced(orders, "28.00") == "enrich", "the order is 28.01, and the cent is accepted"
    assert invoiced(orders, "27.99") == "invoices_differ", "nobody has accepted two"
    with orders.runtime.database.transaction() as tx:
        decisions.revoke(tx, [delivery.decisions[0]["id"]], "jane")
    assert invoiced(orders, "28.00", "2") == "invoices_differ"


def invoiced(orders: Orders, total: str, id: str = "1") -> str:
    """The state of Odoo's invoice of the order, all of which comes to this."""
    given = json.loads((FOLDER / "samples" / "odoo.in.invoice" / "open.json").read_text())["given"]
    object_id = f"odoo-1/{id}{total}"
    sums = dict.fromkeys(("total", "residual", "order_invoiced"), total)
    given = {**given, **sums, "object_id": object_id, "order_id": "1001", "their_order": None, "order_rounding": None}
    body = json.dumps({"id": object_id, "type": "invoice.changed", "data": given}).encode()
    event = Event(object_id, "invoice.changed", object_id, 1, None)
    with orders.runtime.database.transaction() as tx:
        intake = Intake(orders.runtime)
        (arrival,) = intake.accept(tx, [intake.arriving("odoo", event, body)])
        assert arrival
        made = tx.value("select id from deliveries where message = %s", arrival.message)
    orders.take_on(made)
    row = orders.row(made)
    return str(row["code"] or row["step"])


def test_an_echo_of_what_was_taken_is_skipped_before_it_is_checked(orders: Orders) -> None:
    approve(orders)
    with orders.runtime.database.transaction() as tx:
        tx.run("delete from decisions")
    echo = orders.come(**CENT, status="processing", updatedDate="2026-11-21T00:00:00Z")
    assert orders.row(echo["odoo"])["reason"] == UNCHANGED
    assert waiting(orders) == []
    unknown = orders.come(**CENT, status="half-way")
    assert orders.state(unknown)["odoo"] == "unmapped", "this says something that was not said before"


@pytest.mark.parametrize("wrong", [CENT, {**PERSON, "paymentTerms": "NO-SUCH-TERM"}, NOWHERE])
def test_an_echo_of_what_waits_leaves_one_row_as_it_is(orders: Orders, wrong: dict[str, Any]) -> None:
    held = orders.come(**wrong)["odoo"]
    before = next(row for row in waiting(orders) if row["id"] == held)
    echo = orders.come(**wrong, status="processing", externalIds={"odoo": "S00001"})["odoo"]
    assert orders.row(echo)["reason"] == UNCHANGED
    (after,) = [row for row in waiting(orders) if row["target"].startswith("odoo")]
    changes = {name for name in before if before[name] != after[name]}
    assert changes <= {"message", "round"}, "it waits for the newest event"
    assert after["message"] > before["message"]
    assert orders.come(**wrong, notes="ring twice")
    (counted,) = [row for row in waiting(orders) if row["target"].startswith("odoo")]
    assert (counted["id"], counted["newer"]) == (held, 1), "this one says something else"
    with orders.runtime.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()


def test_the_row_of_an_echo_is_repaired_in_its_newest_version(orders: Orders) -> None:
    held = orders.come(**CENT)["odoo"]
    orders.come(**CENT, status="processing")
    orders.approve(held, "totals_mismatch")
    orders.take_on(held)
    orders.post(held)
    with orders.runtime.database.transaction() as tx:
        assert tx.value("select max(version) from crossrefs where entity = 'order' and their_id is not null") == 2


def test_a_replay_always_runs(orders: Orders) -> None:
    ids = orders.come(**CENT)
    again(orders, ids["odoo"])
    assert orders.state(ids)["odoo"] == "totals_mismatch"
    done = orders.come(**PERSON)["odoo"]
    with orders.runtime.database.transaction() as tx:
        (new,) = repair.replay(tx, [done], Restart(), "jane").values()
    orders.take_on(new)
    assert orders.row(new)["step"] == "enrich"


def test_what_is_translated_by_other_definitions_is_no_echo(orders: Orders) -> None:
    held = orders.come(**CENT)["odoo"]
    orders.run("update deliveries set taken = 'of other definitions' where id = %s", held)
    orders.come(**CENT, status="processing")
    (row,) = waiting(orders)
    assert (row["id"], row["newer"]) == (held, 1)


def test_nothing_of_it_is_kept_in_clear(orders: Orders) -> None:
    edit_country(orders, orders.come(**NOWHERE)["odoo"])
    with orders.runtime.database.transaction() as tx:
        stored = bytes(tx.value("select change from decisions"))
    assert b"Nowhere" not in stored
    with pytest.raises(Failure):
        Runtime(Settings.load({**ALL, "FLEET_HOME": "/nonexistent"})).vault.open(stored)
