"""``fleet mapping`` and ``fleet workflows`` as they are typed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from integration.canonical import digest
from integration.cli.mapping import mapping
from integration.cli.workflows import workflows
from integration.errors import Failure
from mappings import FOLDER
from tests.mapping.shop import order

MAPPINGS = [
    f"{place}.{name}"
    for place, names in {
        "clarity.in": "customer order payment product product_picture return",
        "clarity.out": "cancellation customer invoice product refund returned_goods shipment stock_level",
        "fusion.in": "cancellation customer invoice product shipment",
        "fusion.out": "customer order product",
        "odoo.in": "cancellation customer invoice product refund returned_goods shipment stock_level",
        "odoo.out": "customer order payment product product_picture return",
    }.items()
    for name in names.split()
]
WORKFLOWS = [
    "customer-to-fusion",
    "customer-to-odoo",
    "fusion-cancellation-to-clarity",
    "fusion-customer-to-clarity",
    "fusion-invoice-to-clarity",
    "fusion-product-to-clarity",
    "fusion-shipment-to-clarity",
    "odoo-cancellation-to-clarity",
    "odoo-customer-to-clarity",
    "odoo-invoice-to-clarity",
    "odoo-product-to-clarity",
    "odoo-refund-to-clarity",
    "odoo-returned-goods-to-clarity",
    "odoo-shipment-to-clarity",
    "odoo-stock-level-to-clarity",
    "order-to-fusion",
    "order-to-odoo",
    "payment-to-odoo",
    "product-to-fusion",
    "product-to-odoo",
    "return-to-odoo",
]


def fleet(command: click.Command, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=given)


def failure(result: Result) -> Failure:
    """What `fleet` prints as reason and fix, with exit code 1."""
    assert isinstance(result.exception, Failure)
    return result.exception


def test_check_says_that_all_is_well() -> None:
    result = fleet(mapping, "check")
    assert result.exit_code == 0
    assert [line.split(": ")[0] for line in result.output.splitlines()] == [
        *MAPPINGS,
        "tables and workflows",
        "JSON Schemas",
        "workflows",
        "examples/another-currency",
        "examples/by-product",
        "examples/copy-for-the-books",
        "examples/custom-fields/fusion.out.order",
        "examples/custom-fields/odoo.out.order",
        "examples/lines-without-sku/fusion.out.order",
        "examples/lines-without-sku/odoo.out.order",
        "examples/more-from-odoo/odoo.in.product",
        "examples/more-from-odoo/odoo.out.product",
        "examples/payments/odoo.out.payment",
        "examples/pictures",
        "examples/tax-by-place/odoo.out.order",
    ]
    assert all(line.endswith(": all well") for line in result.output.splitlines())


def test_check_fails_with_one_line_per_problem(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "m")
    table = tmp_path / "m/tables/payment_terms.json"
    table.write_text(table.read_text().replace('"30 Days"', '"30 Tage"'))
    result = fleet(mapping, "check", "odoo.out.order", "--folder", str(tmp_path / "m"))
    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == [
        "  sample company_express_po.json: payment_term is '30 Tage', expected '30 Days'"
    ]
    as_json = fleet(mapping, "check", "odoo.out.order", "--folder", str(tmp_path / "m"), "--json")
    assert as_json.exit_code == 1
    printed = json.loads(as_json.output)
    assert printed["ok"] is False
    assert [row["problem"] for row in printed["rows"]] == [
        "sample company_express_po.json: payment_term is '30 Tage', expected '30 Days'"
    ]


def test_check_of_an_unknown_mapping_fails() -> None:
    result = fleet(mapping, "check", "odoo.lorry")
    assert result.exit_code == 1
    assert f"there is no mapping odoo.lorry. These are here: {', '.join(MAPPINGS)}." in result.output


@pytest.mark.parametrize(
    "wrap", [lambda bare: bare, lambda bare: {"id": "evt_1", "type": "order.created", "data": bare}]
)
def test_run_takes_a_bare_order_or_an_event(wrap: Any, tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(wrap(order())))
    result = fleet(mapping, "run", "clarity.in.order", str(path))
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    assert (printed["number"], printed["totals"]["grand_total"]) == ("WEB-1001", "28.00")


def test_what_one_mapping_prints_the_next_reads() -> None:
    canonical = fleet(mapping, "run", "clarity.in.order", "-", given=json.dumps(order())).output
    printed = json.loads(fleet(mapping, "run", "odoo.out.order", "-", given=canonical).output)
    assert (printed["key"], printed["carrier"], len(printed["lines"])) == ("1001", "STANDARD", 4)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"id": "1", "id": "2"}', 'the key "id" occurs twice in one object'),
        ("[]", "not a valid clarity.order: Invalid input type"),
    ],
)
def test_run_says_what_is_wrong_with_a_document(given: str, reason: str) -> None:
    assert failure(fleet(mapping, "run", "clarity.in.order", "-", given=given)).reason == reason


def test_run_of_an_unknown_mapping_or_file_says_so() -> None:
    assert failure(fleet(mapping, "run", "sap.order", "-", given="{}")).reason == "there is no mapping sap.order"
    missing = fleet(mapping, "run", "odoo.out.order", "no-such-file.json")
    assert missing.exit_code == 2
    assert "no-such-file.json" in missing.output


def test_functions_are_listed() -> None:
    lines = fleet(mapping, "functions").output.splitlines()
    assert "lookup TABLE     The value's entry in a table." in lines
    assert lines[-1] == (
        "Also in JMESPath expressions (from, each, when): "
        "allocate, came_back, credited, difference, eq, gt, gte, lt, lte, mentions, negate, region, split, sum"
    )
    listed = {each["name"]: each for each in json.loads(fleet(mapping, "functions", "--json").output)["rows"]}
    assert listed["split"]["arguments"] == ["separator"]


def test_workflows_are_listed_and_checked() -> None:
    rows = json.loads(fleet(workflows, "ls", "--json", "--folder", str(FOLDER)).output)["rows"]
    row = next(each for each in rows if each["name"] == "order-to-odoo")
    assert (row["name"], row["source"], row["target"]) == ("order-to-odoo", "clarity", "odoo")
    assert row["transform"] == ["clarity.in.order", "odoo.out.order"]
    assert len(row["pin"]) == len(digest({}))
    assert "order-to-odoo" in fleet(workflows, "ls", "--folder", str(FOLDER)).output
    *well, warning = fleet(workflows, "check").output.splitlines()
    assert well == [f"{name}: all well" for name in WORKFLOWS]
    printed = json.loads(fleet(workflows, "check", "--json").output)
    assert (printed["ok"], printed["workflows"]) == (True, WORKFLOWS)
    assert "order.refunded" in printed["lead_nowhere"]["clarity"]
    assert "order.created" not in printed["lead_nowhere"]["clarity"]
    nowhere = ", ".join(printed["lead_nowhere"].pop("clarity"))
    assert warning == f"warning: no workflow takes these events of clarity: {nowhere}"
    assert printed["lead_nowhere"] == {}


def test_a_workflow_that_cannot_work_fails_the_check(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "m")
    (tmp_path / "m/tables/taxes.json").unlink()
    result = fleet(workflows, "check", "--folder", str(tmp_path / "m"))
    assert result.exit_code == 1
    (*_, line) = (each for each in result.output.splitlines() if each.startswith("fusion/out/order.json"))
    assert re.fullmatch(r".*:\d+:\d+: row [\d.]+: via\[0\]\[1\]: there is no table 'taxes' in mappings/tables", line), (
        line
    )


@pytest.mark.parametrize("command", ["check", "run", "functions"])
def test_help_shows_an_example(command: str) -> None:
    assert f"fleet mapping {command}" in fleet(mapping, command, "--help").output
