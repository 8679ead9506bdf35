"""Definitions: loaded from the folder, named by content, and rebuilt from what was stored."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.errors import Hold, Misconfigured, Reject, Skip
from integration.events import EVENTS
from integration.rules.offers import Offer
from integration.rules.workflow import Definitions, Workflow, load_definitions
from mappings import FOLDER
from tests.mapping.shop import order

THEN = {"entity": "order_status", "system": "clarity", "push_status": "processing"}
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
    for stage, reported in ((None, None), ("posted", "processing"), ("shipped", "shipped")):
        statuses = [workflow.status_after({"status": status}, stage) for status in ("confirmed", "cancelled", "void")]
        assert statuses == [reported, None, None]


def test_a_status_may_depend_on_the_stage_and_go_to_another_system(folder: Path) -> None:
    pushed = {"partly_shipped": "partially_shipped", "shipped": "shipped", "completed": "completed"}
    edit(folder / "workflows" / "order-to-odoo.json", then=THEN | {"push_status": pushed, "system": "fusion"})
    definitions = load_definitions(folder)
    workflow = stored_and_back(definitions).workflow(named(definitions).pin)
    assert workflow.informs == "fusion"
    stages = (None, "posted", "partly_shipped", "shipped", "completed")
    statuses = [workflow.status_after({"status": "confirmed"}, stage) for stage in stages]
    assert statuses == [None, None, "partially_shipped", "shipped", "completed"]


def test_without_then_no_status_is_pushed(folder: Path) -> None:
    path = folder / "workflows" / "order-to-odoo.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "then"}))
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
        ("tables/taxes.json", "{}", "table taxes.json: values is missing"),
        ("tables/taxes.json", '{"values": {"A": 1, "A": 2}}', 'the key "A" occurs twice in one object'),
        ("tables/taxes.json", '{"values": {"A": 8.25}}', "taxes.json holds a number with a fraction"),
        (
            "odoo/out/order.json",
            '{"name": "odoo.orders", "source": "order", "target": "odoo.order", "rows": []}',
            "mapping odoo.out.order: name is not odoo.out.order, as the place of the file says",
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
        ({"name": "other"}, "name is not order-to-odoo, as the place of the file says"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"sources": "odoo"}, "unknown key 'sources'; did you mean source?"),
        ({"siblings": []}, "unknown key 'siblings'"),
        ({"when": ""}, "when is not a condition"),
        ({"lines": True, "carries_charges": True}, "lines is not a condition"),
        ({"fulfils": "no"}, "fulfils is neither true nor false"),
        ({"fulfils": False}, "lines of a copy: what does not fulfil has the order in full"),
        ({"lines": "sku", "carries_charges": "yes"}, "carries_charges is neither true nor false"),
        ({"on": "order.created"}, "on is not a list of names"),
        ({"on": ["order.craeted"]}, "on names 'order.craeted', which is not known; did you mean order.created?"),
        ({"transform": []}, "transform is not a list of names"),
        ({"then": "processing"}, "then is not an object"),
        ({"then": THEN | {"at": "clarity"}}, "then: unknown key 'at'"),
        ({"then": {"system": "clarity", "entity": "order_status"}}, "then.push_status is missing"),
        ({"then": THEN | {"system": ["clarity"]}}, 'then.system cannot be ["clarity"]'),
        ({"then": THEN | {"when": True}}, "then.when is not a condition"),
        *(
            (
                {"then": THEN | {"push_status": pushed}},
                "then.push_status is neither a status nor a table of statuses by stage",
            )
            for pushed in ({"shipped": 1}, {})
        ),
        (
            {"then": THEN | {"push_status": {"shippped": "shipped"}}},
            "then.push_status names 'shippped', which is no stage; did you mean shipped?",
        ),
        ({"needs": {"entity": "customer"}}, "needs is not a list"),
        ({"needs": [{"entity": "customer"}]}, "needs[0].id is missing"),
        ({"needs": [{"entity": "customer", "id": "x", "at": "odoo"}]}, "needs[0]: unknown key 'at'"),
        (
            {"transform": ["clarity.in.order", "odoo.order"]},
            "there is no mapping odoo.order (odoo/order.json); did you mean odoo.out.order?",
        ),
        (
            {"transform": ["clarity.in.order", "clarity.out.shipment"]},
            "transform has clarity.out.shipment after order, but it reads shipment; "
            "first comes a mapping to the canonical document, then one from it",
        ),
    ],
)
def test_a_workflow_that_cannot_work_is_refused(folder: Path, changes: dict[str, Any], reason: str) -> None:
    edit(folder / "workflows" / "order-to-odoo.json", **changes)
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder)
    assert caught.value.reason == f"workflow order-to-odoo.json: {reason}"
    assert str(folder / "workflows" / "order-to-odoo.json") in (caught.value.hint or "")


def test_a_workflow_begins_with_a_mapping_to_the_canonical_document(folder: Path) -> None:
    edit(folder / "workflows" / "odoo-invoice-to-clarity.json", transform=["clarity.out.invoice"])
    with pytest.raises(Misconfigured, match="transform has clarity.out.invoice after nothing, but it reads invoice"):
        load_definitions(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"needs": [{"entity": "customer", "id": "gt("}]}, "needs[0].id 'gt(': not a JMESPath expression"),
        ({"then": THEN | {"when": "gt("}}, "then.when 'gt(': not a JMESPath expression"),
        (
            {"when": "totals.grand_total > `0`"},
            "when 'totals.grand_total > `0`': > is blind to decimals; write gt(a, b)",
        ),
    ],
)
def test_an_expression_that_cannot_work_is_refused(folder: Path, changes: dict[str, Any], reason: str) -> None:
    edit(folder / "workflows" / "order-to-odoo.json", **changes)
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder)
    assert caught.value.reason == f"workflow order-to-odoo.json: {reason}"


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


# --- directions


@pytest.mark.parametrize("place", ["odoo/return.json", "odoo/inn/return.json", "odoo/in/more/return.json"])
def test_a_mapping_without_direction_is_refused_not_overlooked(folder: Path, place: str) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text("{}")
    with pytest.raises(Misconfigured, match=f"the mapping {place} has no direction") as caught:
        load_definitions(folder)
    assert str(folder / "odoo" / "in") in (caught.value.hint or "")


def test_a_mapping_in_the_wrong_direction_is_refused(folder: Path) -> None:
    path = folder / "odoo" / "out" / "order.json"
    edit(path, name="odoo.in.order")
    path.rename(folder / "odoo" / "in" / "order.json")
    reason = "mapping odoo.in.order: target is odoo.order, which is not a canonical document"
    with pytest.raises(Misconfigured, match=reason):
        load_definitions(folder)


# --- needs and follow-ups


def test_what_a_workflow_needs_is_found_in_the_canonical_document(folder: Path) -> None:
    needs = [{"entity": "customer", "id": "customer.id"}, {"entity": "product", "id": "lines[].sku"}]
    edit(folder / "workflows" / "order-to-odoo.json", needs=needs)
    definitions = load_definitions(folder)
    workflow = stored_and_back(definitions).workflow(named(definitions).pin)
    assert [entity for entity, _ in workflow.needs] == ["customer", "product"]
    canonical = {"customer": {"id": "c-77"}, "lines": [{"sku": "A"}, {"sku": None}, {"sku": "B"}, {"sku": "A"}]}
    assert workflow.needed(canonical) == [("customer", "c-77"), ("product", "A"), ("product", "B")]
    assert workflow.needed({"customer": None, "lines": []}) == []


def test_a_need_that_does_not_fit_the_document_rejects_it(folder: Path) -> None:
    needs = [{"entity": "customer", "id": "negate(customer.id)"}]
    edit(folder / "workflows" / "order-to-odoo.json", needs=needs)
    with pytest.raises(Reject, match="the need of order-to-odoo for its customer does not fit the document"):
        named(load_definitions(folder)).needed({"customer": {"id": "c-77"}})


def test_a_workflow_stored_by_an_older_release_still_compiles() -> None:
    definitions = load_definitions(FOLDER)
    workflow = named(definitions)
    rows = [dict(row._asdict()) for row in definitions.rows()]
    for row in rows:
        if row["hash"] == workflow.pin:
            row["body"] = {**row["body"], "then": {"push_status": "processing", "at": "fusion"}}
    old = Definitions.from_rows(rows).workflow(workflow.pin)
    assert (old.informs, old.needs) == ("fusion", ())
    assert old.status_after({"status": "confirmed"}, "posted") == "processing"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": "odo"}, "target names 'odo', which is no system; did you mean odoo?"),
        ({"source": "sap"}, "source names 'sap', which is no system"),
        ({"source": "fusion"}, "on names 'order.created', which fusion does not send"),
        ({"entity": "ordr"}, "entity names 'ordr', which odoo does not take; did you mean order?"),
        (
            {"needs": [{"entity": "custmer", "id": "customer.id"}]},
            "needs[0].entity names 'custmer', which odoo does not take; did you mean customer?",
        ),
        (
            {"then": THEN | {"system": "clarty"}},
            "then.system names 'clarty', which is no system; did you mean clarity?",
        ),
        (
            {"then": THEN | {"entity": "shipments"}},
            "then.entity names 'shipments', which clarity does not take; did you mean shipment?",
        ),
        (
            {"then": THEN | {"system": "fusion"}},
            "then.entity names 'order_status', which fusion does not take; it takes customer, order, product",
        ),
    ],
)
def test_what_no_system_offers_is_refused_at_load(folder: Path, changes: dict[str, Any], reason: str) -> None:
    erp = {"order", "customer", "product", "payment", "return"}
    clarity = {"order_status", "shipment", "invoice", "refund", "cancellation", "customer", "product", "stock_level"}
    taken = {"clarity": clarity | {"returned_goods"}, "odoo": erp, "fusion": erp - {"payment", "return"}}
    offered = {name: Offer(posts, EVENTS[name]) for name, posts in taken.items()}
    load_definitions(folder, offers=offered)
    edit(folder / "workflows" / "order-to-odoo.json", **changes)
    with pytest.raises(Misconfigured) as caught:
        load_definitions(folder, offers=offered)
    assert caught.value.reason.startswith(f"workflow order-to-odoo.json: {reason}")
