"""The shipped mappings do what their samples say, every row is exercised, and the check sees what is taken away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from integration.canonical.money import minor_digits
from integration.rules.mapping_check import check_definitions, differences, run_sample
from integration.rules.workflow import Definitions, load_definitions
from mappings import FOLDER

SAMPLES = sorted((FOLDER / "samples").glob("*/*.json"))
ODOO = [path for path in SAMPLES if path.parent.name == "odoo.out.order" and "expect" in json.loads(path.read_text())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "mappings")
    return tmp_path / "mappings"


@cache
def shipped() -> Definitions:
    return load_definitions(FOLDER)


def problems(folder: Path) -> list[str]:
    return [str(problem) for checked in check_definitions(folder) for problem in checked.problems]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_comes_out_as_it_says(path: Path) -> None:
    assert run_sample(shipped().mapping(path.parent.name), json.loads(path.read_text())) == []


def test_everything_shipped_is_exercised_and_used() -> None:
    checked = check_definitions(FOLDER)
    assert [str(problem) for each in checked for problem in each.problems] == []
    fewest = {each.name: each.samples for each in checked if each.rows}
    assert {name for name, samples in fewest.items() if samples > 12} >= {
        "clarity.in.order",
        "fusion.out.order",
        "odoo.out.order",
    }


@pytest.mark.parametrize("path", ODOO, ids=lambda path: path.stem)
def test_odoo_computes_the_total_that_the_order_states(path: Path) -> None:
    """Odoo 19's arithmetic with ``round_per_line``, done here apart from the code that chose prices and discounts."""
    document = json.loads(path.read_text())["expect"]
    assert odoo_total(document) == Decimal(document["amount_total"])


def odoo_total(document: dict[str, Any]) -> Decimal:
    def rounded(amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-minor_digits(document["currency"])), ROUND_HALF_UP)

    total = Decimal(0)
    for line in document["lines"]:
        fields = {name: Decimal(line["fields"][name]) for name in ("product_uom_qty", "price_unit", "discount")}
        assert fields["discount"] == round(fields["discount"], 2)
        net = fields["price_unit"] * (1 - fields["discount"] / 100) * fields["product_uom_qty"]
        assert abs(net - Decimal(line["total"])) < Decimal("1e-8"), "unrounded, the line has to be its total already"
        added = [Decimal(tax["rate"]) for tax in line["taxes"] if not tax["included"]]
        total += rounded(net) + sum((rounded(rounded(net) * rate / 100) for rate in added), Decimal(0))
    return total


def drop_row(folder: Path) -> None:
    path = folder / "odoo" / "out" / "order.json"
    mapping = json.loads(path.read_text())
    mapping["rows"] = [row for row in mapping["rows"] if row["to"] != "amount_total"]
    path.write_text(json.dumps(mapping))


def add_row(folder: Path) -> None:
    path = folder / "odoo" / "out" / "order.json"
    mapping = json.loads(path.read_text())
    mapping["rows"].append({"to": "order.x_brand", "from": "attributes.brand"})
    path.write_text(json.dumps(mapping))


def change_table(folder: Path) -> None:
    path = folder / "tables" / "carriers.json"
    path.write_text(path.read_text().replace('"PICKUP": "PICKUP"', '"PICKUP": "COUNTER"'))


def add_table(folder: Path) -> None:
    (folder / "tables" / "colours.json").write_text('{"values": {}}')


def drop_workflow(folder: Path) -> None:
    (folder / "workflows" / "odoo-invoice-to-clarity.json").unlink()


def add_samples(folder: Path) -> None:
    (folder / "samples" / "odoo.return").mkdir()


def break_mapping(folder: Path) -> None:
    path = folder / "odoo" / "out" / "order.json"
    path.write_text(path.read_text().replace('["lookup", "statuses"]', '["lookup", "stati"]'))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (drop_row, "sample guest.json: amount_total is missing, expected '17.20'"),
        (add_row, "row 38 (order.x_brand) has no sample that exercises it"),
        (change_table, "sample unicode_notes.json: carrier is 'COUNTER', expected 'PICKUP'"),
        (add_table, "no mapping uses the table colours"),
        (drop_workflow, "no workflow uses the mapping odoo.in.invoice"),
        (add_samples, "samples/odoo.return belongs to no mapping"),
        (
            break_mapping,
            "odoo/out/order.json:9:59: row 2: via[0][1]: there is no table 'stati' in mappings/tables",
        ),
    ],
)
def test_the_check_sees_a_planted_defect(folder: Path, spoil: Callable[[Path], None], found: str) -> None:
    assert problems(folder) == []
    spoil(folder)
    assert found in problems(folder)


def test_the_check_of_a_mapping_without_samples_names_every_row(folder: Path) -> None:
    shutil.rmtree(folder / "samples" / "clarity.in.order")
    [checked] = check_definitions(folder, "clarity.in.order")
    assert len(checked.problems) == checked.rows
    assert str(checked.problems[0]) == "row 1 (id) has no sample that exercises it"


@pytest.mark.parametrize(
    ("expected", "made", "lines"),
    [
        ({"a": "1.20"}, {"a": Decimal("1.2")}, []),
        ({"a": 1}, {"a": Decimal("1.00")}, []),
        ({"a": "1.20"}, {"a": Decimal("1.21")}, ["a is '1.21', expected '1.20'"]),
        ({"a": "x"}, {"a": Decimal(1)}, ["a is '1', expected 'x'"]),
        ({"a": True}, {"a": Decimal(1)}, ["a is '1', expected True"]),
        ({"a": 1}, {"a": "1"}, ["a is '1', expected 1"]),
        ({"a": {"b": None}}, {"a": {}}, ["a.b is missing, expected None"]),
        ({}, {"a": Decimal(1)}, ["a is '1', expected nothing"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a has 1 items, expected 2"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a[0].b is 2, expected 1"]),
    ],
)
def test_differences_are_listed_place_by_place(expected: Any, made: Any, lines: list[str]) -> None:
    assert list(differences(expected, made)) == lines


@pytest.mark.parametrize(
    ("sample", "reported"),
    [
        ({"given": {}}, "it has neither expect nor held nor rejected"),
        ({"given": {}, "expect": {}}, "it is Reject: not a valid order: id: missing; "),
        ({"given": {}, "held": "x"}, "it is Reject: not a valid order: id: missing; "),
        ({"given": {}, "rejected": "quantity"}, "it is rejected for another reason: not a valid order: id: missing; "),
    ],
)
def test_a_wrong_sample_names_its_fault(sample: dict[str, Any], reported: str) -> None:
    [problem] = run_sample(load_definitions(FOLDER).mapping("odoo.out.order"), sample)
    assert problem.startswith(reported)


def test_a_sample_that_should_be_refused_but_is_not_is_reported(folder: Path) -> None:
    given = json.loads((folder / "samples/odoo.out.order/guest.json").read_text())["given"]
    mapping = load_definitions(folder).mapping("odoo.out.order")
    assert run_sample(mapping, {"given": given, "held": "anything"}) == ["it should be held, but was translated"]


def test_what_is_accepted_is_what_the_samples_expect_from_then_on(folder: Path) -> None:
    change_table(folder)
    sample = folder / "samples/odoo.out.order/unicode_notes.json"
    refusal = folder / "samples/odoo.out.order/held_uom.json"
    refusal.write_text(json.dumps({"given": json.loads(sample.read_text())["given"], "held": "the unit"}))
    kept = refusal.read_bytes()
    before = json.loads(sample.read_text())
    checked = {each.name: each for each in check_definitions(folder, accept=True)}
    assert checked["odoo.out.order"].accepted == ["unicode_notes.json"]
    assert [*map(str, checked["odoo.out.order"].problems)] == [
        "sample held_uom.json: it should be held, but was translated"
    ]
    assert refusal.read_bytes() == kept
    assert json.loads(sample.read_text()) == before | {"expect": before["expect"] | {"carrier": "COUNTER"}}
    assert problems(folder) == [*map(str, checked["odoo.out.order"].problems)]


def test_another_reason_to_hold_a_document_is_accepted(folder: Path) -> None:
    sample = folder / "samples/odoo.out.order/held_uom.json"
    before = json.loads(sample.read_text())
    sample.write_text(json.dumps(before | {"held": "as it was said before"}))
    assert len(problems(folder)) == 1
    (checked,) = check_definitions(folder, "odoo.out.order", accept=True)
    assert (checked.accepted, checked.problems) == (["held_uom.json"], [])
    found = json.loads(sample.read_text())
    assert before["held"] in found["held"]
    assert found | {"held": before["held"]} == before
    assert problems(folder) == []


def test_accepting_writes_only_what_is_different(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    check_definitions(folder, accept=True)
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
    (folder / "table.schema.json").write_text("{}")
    assert problems(folder) == ["table.schema.json is out of date; `fleet mapping check --accept` writes it"]
    check_definitions(folder, accept=True)
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
