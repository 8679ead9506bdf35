"""What no row reads is listed, so that nothing is left behind without somebody's decision."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from integration.cli.mapping import mapping
from integration.errors import Misconfigured
from integration.rules.carried import not_carried
from integration.rules.workflow import load_definitions
from integration.sandbox.clarity.generate import TRAITS, generate
from mappings import FOLDER
from tests.mapping.shop import order

DOCUMENT = {
    "id": "1",
    "colour": {"code": "R", "name": "red"},
    "lines": [{"id": "1", "parts": [{"a": 1, "b": 2}], "note": "x", "empty": None, "none": [], "nothing": {}}],
}
PATHS = ["id", "colour.code", "colour.name", "lines.id", "lines.parts.a", "lines.parts.b", "lines.note"]
LINES = PATHS[3:]


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ({"default": 1}, []),
        ({"from": "colour"}, ["colour.code", "colour.name"]),
        ({"from": ["id || colour.name", "lines"]}, ["id", "colour.name", *LINES]),
        ({"default": 1, "when": "colour.code == 'R' && lines[?note]"}, ["colour.code", *LINES]),
        ({"from": "lines[].parts[].a", "via": ["sum"]}, ["lines.parts.a"]),
        ({"from": "lines[0].parts[?b].a"}, ["lines.parts.a", "lines.parts.b"]),
        ({"from": "sum(lines[].parts[].a)"}, ["lines.parts.a"]),
        ({"from": "{code: colour.code, note: lines[0].note}"}, ["colour.code", "lines.note"]),
        ({"from": "colour | code"}, ["colour.code"]),
        ({"from": "'colour'"}, []),
        ({"from": "@"}, PATHS),
        ({"each": "lines", "rows": [{"to": "y", "from": "note"}]}, ["lines.note"]),
        ({"each": "lines", "rows": [{"to": "y", "from": "root.colour.name"}]}, ["colour.name"]),
        ({"each": "lines", "rows": [{"to": "y", "from": "position"}]}, []),
        ({"each": "lines", "rows": [{"to": "y", "from": "parent.colour.name"}]}, ["colour.name"]),
        (
            {"each": "lines", "rows": [{"to": "y", "each": "parts", "rows": [{"to": "z", "from": "parent.note"}]}]},
            ["lines.note"],
        ),
        (
            {"each": "lines", "rows": [{"to": "y", "each": "parts", "rows": [{"to": "z", "from": "b"}]}]},
            ["lines.parts.b"],
        ),
        ({"from": "colour", "rows": [{"to": "y", "from": "code"}]}, ["colour.code"]),
        ({"rows": [{"to": "y", "from": "id"}]}, ["id"]),
    ],
)
def test_what_a_row_reads_is_carried(row: dict[str, Any], read: list[str]) -> None:
    dropped = not_carried({"target": "thing", "rows": [{"to": "x", **row}]}, [DOCUMENT])
    assert dropped == [path for path in PATHS if path not in read]


def test_of_an_object_taken_whole_the_canonical_document_keeps_what_it_names() -> None:
    rows = [
        {"to": "payments", "from": "payments"},
        {"to": "lines", "each": "lines", "rows": [{"to": "taxes", "from": "taxes"}]},
    ]
    taxes = [{"code": "VAT", "rate": "0.2", "amount": "1", "jurisdiction": "GB"}]
    given = {"payments": [{"id": "p", "amount": "1", "reference": "tok"}], "lines": [{"taxes": taxes}]}
    assert not_carried({"target": "order", "rows": rows}, [given]) == ["payments.reference", "lines.taxes.jurisdiction"]
    assert not_carried({"target": "odoo.order", "rows": rows}, [given]) == []


def test_what_is_left_out_on_purpose_is_not_listed() -> None:
    body = {"target": "thing", "rows": [{"to": "x", "from": "id"}], "left_out": {"lines.parts": "why", "colour": "why"}}
    assert not_carried(body, [DOCUMENT]) == ["lines.id", "lines.note"]


def test_every_field_of_the_sandboxs_orders_is_carried_or_left_out_on_purpose() -> None:
    orders = generate(2 * len(TRAITS), 1, list(TRAITS))
    assert not_carried(load_definitions(FOLDER).mapping("clarity.in.order").body, orders) == []


def check(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(mapping, ["check", "clarity.in.order", "--folder", str(folder), *arguments])


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "clarity/in/order.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "m"))


def test_the_check_lists_what_is_not_carried_and_passes(folder: Path) -> None:
    edit(folder, '"brand": ', '"sister": ')
    result = check(folder)
    assert (result.exit_code, result.output.splitlines()[1:]) == (0, ["  not carried over: brand"])
    assert json.loads(check(folder, "--json").output)["checked"][0]["not_carried"] == ["brand"]


def test_what_is_left_out_and_read_after_all_fails_the_check(folder: Path) -> None:
    edit(folder, '"brand": ', '"currency": ')
    result = check(folder)
    assert result.exit_code == 1
    assert "  left_out names currency, which a row reads" in result.output.splitlines()


def test_left_out_without_a_reason_is_refused(folder: Path) -> None:
    edit(folder, '"left_out": {', '"left_out": {"x": "",')
    with pytest.raises(Misconfigured, match="mapping clarity.in.order: left_out has to give a reason for each path"):
        load_definitions(folder).mapping("clarity.in.order")


def test_a_run_lists_what_is_not_carried_apart_from_the_document() -> None:
    given = json.dumps(order({"giftWrap": True, "lines.0.weight": "1.5"}))
    result = CliRunner().invoke(mapping, ["run", "clarity.in.order", "-"], input=given)
    assert json.loads(result.stdout)["number"] == "WEB-1001"
    assert result.stderr == "Not carried over by clarity.in.order: lines.weight, giftWrap\n"
