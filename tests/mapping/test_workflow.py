"""Definitions: loaded from the folder, named by content, and rebuilt from what was stored."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.errors import Hold, Misconfigured, Reject, Skip
from integration.workflow import Definitions, Workflow, load_definitions
from mappings import FOLDER
from tests.mapping.shop import order

TYPES = ["order.created", "order.updated", "order.status_changed", "order.cancelled"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's mappings that a test may spoil."""
    shutil.copytree(FOLDER, tmp_path / "mappings")
    return tmp_path / "mappings"


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def named(definitions: Definitions, name: str = "order-to-odoo") -> Workflow:
    return next(each for each in definitions.workflows if each.name == name)


def event(**changes: Any) -> dict[str, Any]:
    return {"id": "evt_1", "type": "order.created", "data": order(changes)}


def stored_and_back(definitions: Definitions) -> Definitions:
    """As the store does it: bodies to jsonb, which keeps no order of keys, and back."""
    rows = [
        {"kind": kind, "name": name, "hash": hash, "body": json.loads(json.dumps(body, sort_keys=True))}
        for kind, name, hash, body in definitions.rows()
    ]
    return Definitions.from_rows(rows)


def test_order_events_from_clarity_start_the_workflow_to_odoo() -> None:
    definitions = load_definitions(FOLDER)
    for event_type in TYPES:
        assert [each.name for each in definitions.matching("clarity", event_type)] == [
            "order-to-fusion",
            "order-to-odoo",
        ]
    assert definitions.matching("clarity", "order.refunded") == []
    assert definitions.matching("odoo", "order.created") == []
    workflow = named(definitions)
    assert (workflow.target, workflow.entity) == ("odoo", "order")
    assert workflow.informs == "clarity"
    for stage, told in ((None, None), ("posted", "processing"), ("shipped", "shipped")):
        statuses = [workflow.status_after({"status": status}, stage) for status in ("confirmed", "cancelled", "void")]
        assert statuses == [told, None, None]


def test_a_status_may_depend_on_the_stage_and_go_to_another_system(folder: Path) -> None:
    pushed = {"partly_shipped": "partially_shipped", "shipped": "shipped", "completed": "completed"}
    edit(folder / "workflows" / "order-to-odoo.json", then={"push_status": pushed, "at": "fusion"})
    definitions = load_definitions(folder)
    workflow = stored_and_back(definitions).workflow(named(definitions).pin)
    assert workflow.informs == "fusion"
    stages = (None, "posted", "partly_shipped", "shipped", "completed")
    statuses = [workflow.status_after({"status": "confirmed"}, stage) for stage in stages]
    assert statuses == [None, None, "partially_shipped", "shipped", "completed"]


def test_a_workflow_without_then_tells_nobody(folder: Path) -> None:
    edit(folder / "workflows" / "order-to-odoo.json", then={})
    assert named(load_definitions(folder)).status_after({"status": "confirmed"}, "shipped") is None


def test_an_event_becomes_the_canonical_and_the_targets_document() -> None:
    workflow = named(load_definitions(FOLDER))
    canonical, part, made = workflow.translate(event(), {"odoo"})
    assert part is canonical
    assert canonical["totals"]["grand_total"] == Decimal("28.00")
    assert made["key"] == "1001"
    assert [line["total"] for line in made["lines"]] == [Decimal(text) for text in ("18.00", "5.00", "0.50", "-0.10")]


def test_an_event_without_object_is_rejected() -> None:
    workflow = named(load_definitions(FOLDER))
    for empty in ({}, {"data": None}, {"data": []}, []):
        with pytest.raises(Reject, match="the event holds no object in data"):
            workflow.translate(empty)  # type: ignore[arg-type]


def test_an_order_on_hold_is_left_as_it_is() -> None:
    workflow = named(load_definitions(FOLDER))
    with pytest.raises(Skip) as caught:
        workflow.translate(event(status="on_hold"))
    assert caught.value.reason == "the order is on hold in Clarity: nothing is sent until it is released"


def test_a_pin_brings_back_the_same_rules_from_the_store() -> None:
    definitions = load_definitions(FOLDER)
    workflow = named(definitions)
    again = stored_and_back(definitions).workflow(workflow.pin)
    assert again.pin == workflow.pin
    assert again.translate(event()) == workflow.translate(event())


def test_an_edited_table_is_a_new_pin_and_the_old_pin_keeps_the_old_table(folder: Path) -> None:
    old = load_definitions(folder)
    table = folder / "tables" / "payment_terms.json"
    edit(table, values=json.loads(table.read_text())["values"] | {"NET7": "7 Days"})
    new = load_definitions(folder)
    before, after = named(old), named(new)
    assert before.pin != after.pin
    both = Definitions([*old.rows(), *new.rows()])
    assert both.workflow(after.pin).translate(event(paymentTerms="NET7")).target["payment_term"] == "7 Days"
    with pytest.raises(Hold, match="not in the table payment_terms: 'NET7'"):
        both.workflow(before.pin).translate(event(paymentTerms="NET7"))


def test_an_unused_table_and_the_order_of_keys_change_no_pin(folder: Path) -> None:
    before = named(load_definitions(folder))
    (folder / "tables" / "colours.json").write_text('{"values": {"r": "red"}}')
    path = folder / "tables" / "taxes.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True, indent=1))
    assert named(load_definitions(folder)).pin == before.pin


def test_a_workflow_whose_table_was_not_stored_cannot_run() -> None:
    definitions = load_definitions(FOLDER)
    workflow = named(definitions)
    partial = Definitions(each for each in definitions.rows() if each.name != "taxes")
    with pytest.raises(Misconfigured, match="workflow order-to-odoo uses table taxes, which is not stored"):
        partial.workflow(workflow.pin)


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("tables/taxes.json", "{", "taxes.json cannot be read: not JSON"),
        ("tables/taxes.json", "[]", "taxes.json is not a JSON object"),
        ("tables/taxes.json", "{}", "table taxes has no values"),
        ("tables/taxes.json", '{"values": {"A": 1, "A": 2}}', 'the key "A" occurs twice in one object'),
        ("tables/taxes.json", '{"values": {"A": 8.25}}', "taxes.json holds a number with a fraction"),
        (
            "odoo/order.json",
            '{"name": "odoo.orders", "rows": []}',
            "the mapping in odoo/order.json is not named odoo.order",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder: Path, path: str, text: str, reason: str) -> None:
    (folder / path).write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder)
    assert reason in caught.value.reason
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "other"}, "workflow order-to-odoo.json: its name is not order-to-odoo"),
        ({"extra": 1}, "workflow order-to-odoo.json: unknown key extra"),
        ({"siblings": []}, "workflow order-to-odoo.json: unknown key siblings"),
        ({"when": ""}, "workflow order-to-odoo.json: when is not a condition"),
        ({"lines": True, "carries_charges": True}, "workflow order-to-odoo.json: lines is not a condition"),
        ({"fulfils": "no"}, "workflow order-to-odoo.json: fulfils is neither true nor false"),
        (
            {"fulfils": False},
            "workflow order-to-odoo.json: lines of a copy: what does not fulfil has the order in full",
        ),
        (
            {"lines": "sku", "carries_charges": "yes"},
            "workflow order-to-odoo.json: carries_charges is neither true nor false",
        ),
        ({"then": "processing"}, "workflow order-to-odoo.json: then is not an object"),
        (
            {"then": {"push_status": "processing", "to": "clarity"}},
            "workflow order-to-odoo.json: then: unknown key to",
        ),
        ({"then": {"at": "clarity"}}, "workflow order-to-odoo.json: then: push_status is missing"),
        (
            {"then": {"push_status": "processing", "at": ["clarity"]}},
            "workflow order-to-odoo.json: then: at is not the name of a system",
        ),
        (
            {"then": {"push_status": "processing", "when": True}},
            "workflow order-to-odoo.json: then: when is not a condition",
        ),
        (
            {"then": {"push_status": {"shipped": 1}}},
            "workflow order-to-odoo.json: then: push_status is neither a status nor a table of statuses by stage",
        ),
        (
            {"then": {"push_status": {}}},
            "workflow order-to-odoo.json: then: push_status is neither a status nor a table of statuses by stage",
        ),
        (
            {"then": {"push_status": {"shippped": "shipped"}}},
            "workflow order-to-odoo.json: then: there is no stage shippped; "
            "stages are posted, partly_shipped, shipped, completed",
        ),
        (
            {"then": {"push_status": "processing", "when": "gt("}},
            "workflow order-to-odoo: when 'gt(': not a JMESPath expression",
        ),
        ({"transform": ["clarity.order", "sap.order"]}, "workflow order-to-odoo.json: there is no mapping sap.order"),
        (
            {"when": "totals.grand_total > `0`"},
            "workflow order-to-odoo: when 'totals.grand_total > `0`': > is blind to decimals; write gt(a, b)",
        ),
    ],
)
def test_a_workflow_that_cannot_work_is_refused(folder: Path, changes: dict[str, Any], reason: str) -> None:
    edit(folder / "workflows" / "order-to-odoo.json", **changes)
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder)
    assert caught.value.reason == reason


def test_charges_are_carried_by_who_has_lines(folder: Path) -> None:
    path = folder / "workflows" / "order-to-odoo.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "lines"}))
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder)
    assert caught.value.reason == "workflow order-to-odoo.json: carries_charges without lines"


def test_a_condition_that_does_not_fit_the_document_rejects_it(folder: Path) -> None:
    for name in ("order-to-odoo", "order-to-fusion"):
        edit(folder / "workflows" / f"{name}.json", when="gt(customer.name, '1')")
    workflow = named(load_definitions(folder))
    with pytest.raises(Reject, match="the condition of order-to-odoo does not fit the document"):
        workflow.translate(event())


def test_there_is_no_mapping_of_that_name() -> None:
    with pytest.raises(Misconfigured) as caught:
        load_definitions(FOLDER).mapping("sap.order")
    assert caught.value.reason == "there is no mapping sap.order"
    names = sorted(each.name for each in load_definitions(FOLDER).rows() if each.kind == "mapping")
    assert caught.value.hint == f"These are here: {', '.join(names)}."
