"""Rows that an example adds to a mapping: where they go, and that each of them needs a sample."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from integration.errors import Misconfigured
from integration.rules.added_rows import numbers_of, with_rows
from integration.rules.mapping_check import check_definitions
from integration.rules.workflow import load_definitions
from mappings import FOLDER

BASE = [
    {"to": "sku", "when": "kind == 'kit'", "default": "KIT"},
    {"to": "sku", "from": "sku"},
    {"to": "lines", "each": "lines", "rows": [{"to": "name", "from": "name"}, {"to": "note", "from": "note"}]},
]
ADDED = [
    {"to": "brand", "from": "attributes.brand"},
    {"to": "sku", "when": "kind == 'service'", "default": "SERVICE"},
    {"to": "lines", "each": "lines", "rows": [{"to": "note", "from": "remark"}, {"to": "size", "from": "size"}]},
]


def body(rows: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {"name": "a.out.b", "source": "b", "target": "a.b", "rows": rows, **more}


def test_added_rows_take_places_come_before_what_always_applies_or_come_last() -> None:
    left_out = {"attributes.brand": "no place for it", "tags": "no place for them"}
    made = with_rows(body(BASE, left_out=left_out), body(ADDED))
    lines = [{"to": "name", "from": "name"}, {"to": "note", "from": "remark"}, {"to": "size", "from": "size"}]
    assert made["rows"] == [
        ADDED[1],
        *BASE[:2],
        {"to": "lines", "each": "lines", "rows": lines},
        ADDED[0],
    ]
    assert made["left_out"] == {"tags": "no place for them"}
    assert numbers_of(made["rows"], ADDED) == {"1", "4.2", "4.3", "5"}
    assert [row["to"] for row in BASE] == ["sku", "sku", "lines"], "what is shipped stays as it is"


def test_each_added_row_needs_a_sample(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "mappings")
    sample = folder / "examples/custom-fields/samples/odoo.out.order/cost_centre_and_engraving.json"
    sample.unlink()
    problems = [str(problem) for checked in check_definitions(folder) for problem in checked.problems]
    assert all(problem.endswith("has no sample that exercises it") for problem in problems)
    assert [problem.partition("(")[2].partition(")")[0] for problem in problems] == [
        "attributes",
        "fields.x_studio_engraving",
        "order.x_studio_cost_centre",
        "order.x_tags",
    ]


def test_rows_for_a_mapping_that_is_not_there_are_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "mappings")
    example = folder / "examples/custom-fields"
    path = (example / "odoo/out/order.json").rename(example / "odoo/out/ordr.json")
    path.write_text(path.read_text().replace('"odoo.out.order"', '"odoo.out.ordr"'))
    with pytest.raises(Misconfigured, match=r"there is no mapping odoo\.out\.ordr, to which an example adds rows"):
        load_definitions(folder, instead=example)
