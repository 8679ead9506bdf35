"""Where a value comes from: the row that the translator has taken it from, and what that row reads."""

from __future__ import annotations

from typing import Any

import pytest

import mappings
from integration.canonical import load
from integration.operations.differences import leaves
from integration.rules.definition_files import read_json
from integration.rules.origins import MADE, origin
from integration.rules.translator import Scope
from integration.rules.workflow import load_definitions

DEFINITIONS = load_definitions(mappings.FOLDER)
MAPPINGS = sorted(each.name for each in DEFINITIONS.rows() if each.kind == "mapping")


def of(rows: list[dict[str, Any]], document: Any, path: str) -> tuple[str, tuple[str, ...]] | None:
    found = origin({"target": "odoo.order", "rows": rows}, document, path)
    return (found.row, found.reads) if found else None


def row_of(mapping: dict[str, Any], number: str) -> dict[str, Any]:
    row = mapping
    for place in number.split("."):
        row = row["rows"][int(place) - 1]
    return row


def test_a_row_is_found_by_its_place_and_its_condition() -> None:
    rows = [
        {"to": "name", "when": "kind == 'company'", "from": "company || name"},
        {"to": "name", "from": "name"},
        {"to": "ref", "on": "create", "from": "number"},
        {"to": "fixed", "default": 1},
    ]
    assert of(rows, {"kind": "company", "name": "Ada"}, "name") == ("1", ("company", "name", "kind"))
    assert of(rows, {"kind": "person", "name": "Ada"}, "name") == ("2", ("name",))
    assert of(rows, {"number": "7"}, "on_create.ref") == ("3", ("number",))
    assert of(rows, {}, "fixed") == ("4", ())
    assert of(rows, {}, "other") is None


def test_an_item_of_a_list_is_found_behind_those_of_the_rows_before() -> None:
    sku = [{"to": "sku", "from": "sku || root.fallback"}]
    rows = [{"to": "lines", "each": "lines[?goods]", "rows": sku}, {"to": "lines", "each": "fees", "rows": sku}]
    document = {"fallback": "F", "lines": [{"sku": "no"}, {"sku": "A", "goods": True}], "fees": [{}, {"sku": "C"}]}
    assert of(rows, document, "lines.0.sku") == ("1.1", ("fallback", "lines.1.sku"))
    assert of(rows, document, "lines.1.sku") == ("2.1", ("fallback", "fees.0.sku"))
    assert of(rows, document, "lines.2.sku") == ("2.1", ("fallback", "fees.1.sku"))
    assert of(rows, document, "lines.3.sku") is None


def test_what_an_item_is_part_of_is_read_as_the_translator_reads_it() -> None:
    inner = {"to": "rate", "when": "parent.kind == 'food'", "from": "rate"}
    rows = [{"to": "lines", "each": "lines", "rows": [{"to": "taxes", "each": "taxes", "rows": [inner]}]}]
    lines = [{"kind": kind, "taxes": [{"rate": "1"}]} for kind in ("food", "toys")]
    found = of(rows, {"lines": lines}, "lines.0.taxes.0.rate")
    assert found and found[0] == "1.1.1"
    assert "lines.0.taxes.0.rate" in found[1]
    assert of(rows, {"lines": lines}, "lines.1.taxes.0.rate") is None


def test_what_an_expression_has_made_has_no_path() -> None:
    rows = [{"to": "part", "from": "{name: first}", "rows": [{"to": "name", "from": "name"}]}]
    assert of(rows, {"first": "Ada"}, "part.name") == ("1.1", (f"{MADE}.name",))


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_value_of_every_sample_comes_from_a_row_that_fired(name: str) -> None:
    mapping, count = DEFINITIONS.mapping(name), 0
    for path in sorted((mappings.FOLDER / "samples" / name).glob("*.json")):
        sample = read_json(path)
        if "expect" not in sample:
            continue
        given, fired, made = load(mapping.source, sample["given"]), set[str](), dict[str, Any]()
        for step in mapping.steps:
            step(given, Scope(given, "", fired), made)
        for place, value in leaves(made):
            found = origin(mapping.body, given, place)
            assert found, (path.name, place)
            defaults = row_of(mapping.body, found.row).get("default")
            assert found.row in fired or value in (defaults, []), (path.name, place, found)
            count += 1
    assert count
