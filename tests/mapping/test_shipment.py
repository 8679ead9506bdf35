"""A shipment on its way back: from an ERP's document to Clarity's, or held with a reason that says what to do."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from integration.canonical import load, thaw
from integration.canonical.hints import fill
from integration.canonical.shipment import check_shipment
from integration.errors import Failure, Hold, Reject, Skip
from integration.rules.workflow import Workflow, load_definitions
from mappings import FOLDER

WORKFLOWS: dict[str, Workflow] = {each.name: each for each in load_definitions(FOLDER).workflows}
SHIPMENT: dict[str, Any] = {
    "id": "odoo-1/17",
    "order_id": "1001",
    "source": "odoo-1",
    "status": "shipped",
    "lines": [{"order_line_id": "1", "sku": "SKU-1", "quantity": "2"}],
}


def given(mapping: str, sample: str, **changes: Any) -> dict[str, Any]:
    """A sample's document as a stored event has it."""
    found: dict[str, Any] = json.loads((FOLDER / "samples" / mapping / f"{sample}.json").read_text())["given"]
    return {"id": "1", "type": "shipment.changed", "data": found | changes}


def held(name: str, event: dict[str, Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        WORKFLOWS[name].translate(event)
    return caught.value


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("odoo-shipment-to-clarity", "odoo.in.shipment/partial"),
        ("fusion-shipment-to-clarity", "fusion.in.shipment/partial"),
    ],
)
def test_what_left_an_erp_is_shown_in_clarity(name: str, sample: str) -> None:
    canonical, _, document = WORKFLOWS[name].translate(given(*sample.split("/")))
    check_shipment(canonical)
    assert document["order_id"] == canonical["order_id"] == "1001"
    assert document["body"]["externalRef"] == canonical["id"]
    [line] = document["body"]["lines"]
    assert line == {"orderLineId": "1", "quantity": canonical["lines"][0]["quantity"]}


def test_amounts_may_be_decimals_as_well_as_text() -> None:
    text = given("odoo.in.shipment", "fractional_quantity")
    numbers = thaw(json.dumps(text).replace('"1.50"', "1.50").replace('"2.25"', "2.25").encode())
    made = [WORKFLOWS["odoo-shipment-to-clarity"].translate(event).target for event in (text, numbers)]
    assert made[0] == made[1]
    assert made[0]["body"]["lines"] == [{"orderLineId": "1", "quantity": Decimal("1.50")}]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("odoo", "nothing has left yet, or no whole set of a kit"), ("fusion", "nothing has left yet")],
)
def test_what_has_not_left_is_not_shown(name: str, reason: str) -> None:
    with pytest.raises(Skip) as caught:
        WORKFLOWS[f"{name}-shipment-to-clarity"].translate(given(f"{name}.in.shipment", "not_left_yet"))
    assert (caught.value.reason, caught.value.settles) == (reason, True)


def test_the_reason_says_plainly_that_more_is_shipped_than_ordered() -> None:
    """The reason is not hidden behind a row of the mapping, for no row is to blame."""
    failure = held("odoo-shipment-to-clarity", given("odoo.in.shipment", "held_overshipped"))
    assert (type(failure), failure.code) == (Hold, "overshipped")
    assert failure.reason == "shipped more than ordered: 3 of SKU-1 are shipped, but only 2 are left of line 1"


def test_an_unknown_status_says_where_to_enter_it_and_how_it_comes_again() -> None:
    failure = held("fusion-shipment-to-clarity", given("fusion.in.shipment", "held_status"))
    assert failure.reason == (
        "fusion.in.shipment row 7.1 (line_statuses[2].status from StatusCode): "
        "not in the table fusion_line_statuses: 'AWAIT_QC'"
    )
    assert fill(failure.hint, "shipment", "fusion") == (
        "Add the value to mappings/tables/fusion_line_statuses.json and run `fleet mapping publish`; or, if the "
        "value is wrong, correct it where it comes from. The shipment is read again as soon as it changes in Fusion."
    )


def test_a_document_that_is_wrong_is_to_be_corrected_where_it_comes_from() -> None:
    failure = held("odoo-shipment-to-clarity", given("odoo.in.shipment", "rejected_quantity"))
    assert (type(failure), failure.reason) == (
        Reject,
        "not a valid odoo.shipment: lines.0.quantity: not a decimal number",
    )
    assert fill(failure.hint, "shipment", "odoo") == (
        "Correct these fields of the shipment in Odoo. The shipment is read again as soon as it changes in Odoo."
    )


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"status": "lost"}, "unknown_status", "unknown shipment status 'lost'"),
        ({"lines": []}, "no_lines", "the shipment has left, but no line of the order is in it"),
        (
            {"lines": [{"order_line_id": "1", "sku": None, "quantity": "0"}]},
            "quantity",
            "0 of line 1 is shipped, which is not above zero",
        ),
    ],
)
def test_a_shipment_that_cannot_be_right_is_held(changes: dict[str, Any], code: str, reason: str) -> None:
    check_shipment(load("shipment", SHIPMENT))
    with pytest.raises(Hold) as caught:
        check_shipment(load("shipment", SHIPMENT | changes))
    assert (caught.value.code, caught.value.reason) == (code, reason)


@pytest.mark.parametrize("status", ["open", "cancelled"])
def test_what_has_not_left_needs_no_lines(status: str) -> None:
    check_shipment(load("shipment", SHIPMENT | {"status": status, "lines": []}))
