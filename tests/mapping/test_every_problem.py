"""``fleet mapping check`` and ``fleet workflows check`` list all that is wrong at once, each with its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from integration.cli import main
from integration.rules.json_places import Places, Position
from mappings import FOLDER

WRONG = [
    ("tables/taxes.json", '"values"', '"vales"', None, "values is missing"),
    ("tables/taxes.json", "", "", None, "unknown key 'vales'; did you mean values?"),
    ("odoo/out/order.json", '"lookup", "statuses"', '"lookup", "status"', "2",
     "there is no table 'status' in mappings/tables; did you mean statuses?"),
    ("odoo/out/order.json", '"to": "key", "from"', '"to": "key", "form"', "1",
     "unknown key 'form'; did you mean from?"),
    ("fusion/in/shipment.json", '"codes"]', '"coeds"]', "8",
     'names "coeds", which is no function; did you mean codes?'),
    ("clarity/in/order.json", '"to": "number"', '"to": "numbre"', "2",
     "names 'numbre', which the document does not have; did you mean number?"),
    ("clarity/in/order.json", '"to": "sku"', '"to": "skuu"', "16.2",
     "names 'skuu', which the document does not have; did you mean sku?"),
    ("workflows/order-to-odoo.json", "order.created", "order.craeted", None,
     "names 'order.craeted', which is not known; did you mean order.created?"),
    ("workflows/order-to-odoo.json", '"target": "odoo"', '"target": "oddo"', None,
     "names 'oddo', which is no system; did you mean odoo?"),
    ("workflows/order-to-odoo.json", '"odoo.out.order"', '"odoo.out.ordr"', None,
     "there is no mapping odoo.out.ordr (odoo/out/ordr.json); did you mean odoo.out.order?"),
    ("workflows/customer-to-odoo.json", '"entity": "customer"', '"entity": "custmer"', None,
     "names 'custmer', which odoo does not take; did you mean customer?"),
    ("examples/custom-fields/odoo/out/order.json", '"listed"', '"listd"', "3.1",
     'names "listd", which is no function; did you mean listed?'),
    ("examples/tax-by-place/odoo/out/order.json", '"rate"], "via": [["tax_name"', '"rate", "id"], "via": [["tax_name"',
     "1.1.2", "is no list of 4: tax_name takes country, region, tax class and the rate of taxes_by_place"),
    ("examples/tax-by-place/tables/taxes_by_place.json", '"PL/*/*"', '"PL/*"', None,
     "has not 3 values joined by /: country, region, tax class"),
    ("examples/another-currency/tables/rates.json", '"1.0812"', '"1,0812"', None,
     "is not a number above zero, as text like 1.0850"),
    ("examples/another-currency/tables/rates.json", '"2026-11-23"', '"2026-11-31"', None,
     "is not a day like 2026-11-20"),
    ("examples/another-currency/tables/rates.json", '"2026-11-20", "rate": "1.0850"', '"2026-11-16", "rate": "1.0850"',
     None, "is a second rate of that day"),
    ("examples/another-currency/tables/rates.json", '"GBP"', '"GPB"', None, "is no currency in use (ISO 4217)"),
    ("examples/another-currency/order-to-odoo.json", '"by": "rates"', '"by": "ratse"', None,
     "names the table 'ratse', which is not in mappings/tables; did you mean rates?"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "mappings")


@pytest.fixture
def check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    monkeypatch.setenv("FLEET_HOME", "/nonexistent")

    def run(command: str, *options: str) -> tuple[int, Any]:
        result = CliRunner().invoke(main, [command, "check", "--folder", str(folder), *options])
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.output) if "--json" in options else result.output

    return run


def spoil(folder: Path) -> None:
    for file, sound, broken, *_ in WRONG:
        text = (folder / file).read_text()
        assert sound in text, (file, sound)
        (folder / file).write_text(text.replace(sound, broken, 1))
    (folder / "tables" / "carriers.json").write_text('{"values": {\n  "A": "a",\n}}')


@pytest.mark.parametrize("command", ["mapping", "workflows"])
def test_every_problem_of_every_file_is_listed_at_once(
    command: str, folder: Path, check: Callable[..., tuple[int, Any]]
) -> None:
    spoil(folder)
    code, said = check(command, "--json")
    rows = said["rows"]
    assert (code, said["ok"], said["next"]) == (1, False, None)
    found = {(row["file"], row["row"]): row for row in rows}
    for file, _, _, row, problem in WRONG:
        assert any(each["problem"].endswith(problem) and each["row"] == row for each in rows if each["file"] == file)
        assert problem.partition("; did you mean ")[2].rstrip("?") in [each["suggestion"] or "" for each in rows]
    assert len(rows) == len(WRONG) + 1
    broken = found["tables/carriers.json", None]
    assert broken["line"] in (2, 3), "the releases of Python differ about a comma too much"
    for row in rows:
        if row["value"] is not None:
            line = (folder / row["file"]).read_text().splitlines()[row["line"] - 1]
            assert line[row["column"] - 1 :].startswith(json.dumps(row["value"])), row
    code, drawn = check(command)
    assert code == 1
    assert all(f"{row['file']}:{row['line']}:{row['column']}: {row['problem']}" in drawn for row in rows)


def test_two_workflows_that_both_fulfil_an_order_have_the_line_of_each(
    folder: Path, check: Callable[..., tuple[int, Any]]
) -> None:
    change(folder / "workflows" / "order-to-odoo.json", lambda body: body.pop("when", None))
    for name in ("order-to-odoo", "order-to-fusion"):
        change(folder / "workflows" / f"{name}.json", without_lines)
    for command in ("mapping", "workflows"):
        code, said = check(command, "--json")
        (row,) = said["rows"]
        assert code == 1
        assert row["problem"].startswith("order-to-fusion and order-to-odoo both fulfil the lines of order.created")
        places = [f"{row['file']}:{row['line']}:{row['column']}", *row["also"]]
        assert places == [of("workflows/order-to-fusion.json", folder), of("workflows/order-to-odoo.json", folder)]
        _, drawn = check(command)
        assert f"{places[0]}: {row['problem']} ({places[1]})" in drawn


def test_workflows_that_cannot_share_an_order_have_the_line_of_each(
    folder: Path, check: Callable[..., tuple[int, Any]]
) -> None:
    for name in ("order-to-odoo", "order-to-fusion"):
        change(folder / "workflows" / f"{name}.json", lambda body: body.update(lines="sku", carries_charges=True))
    code, said = check("workflows", "--json")
    (row,) = said["rows"]
    places = [f"{row['file']}:{row['line']}:{row['column']}", *row["also"]]
    wanted = [of(f"workflows/{name}.json", folder, '"sku"') for name in ("order-to-fusion", "order-to-odoo")]
    assert (code, places) == (1, wanted)
    assert "exactly one must have carries_charges" in row["problem"]


def test_rows_that_carry_a_field_both_ways_have_the_line_of_each(
    folder: Path, check: Callable[..., tuple[int, Any]]
) -> None:
    back = {"to": "fields.creditLimit", "from": "credit_limit"}
    change(folder / "odoo" / "out" / "customer.json", lambda body: body["rows"].append(back))
    _, said = check("mapping", "--json")
    (row,) = [each for each in said["rows"] if "is carried by" in each["problem"]]
    assert row["problem"].startswith(
        "credit_limit of the customer is carried by customer-to-odoo and by odoo-customer-to-clarity. give it one owner"
    )
    places = [f"{row['file']}:{row['line']}", *(each.rpartition(":")[0] for each in row["also"])]
    files = ("odoo/out/customer.json", "clarity/out/customer.json")
    assert [each.partition(":")[0] for each in places] == list(files)
    for place in places:
        file, _, line = place.partition(":")
        near = "".join((folder / file).read_text().splitlines()[int(line) - 1 : int(line) + 3])
        assert "credit_limit" in near


def change(file: Path, how: Callable[[dict[str, Any]], Any]) -> None:
    body = json.loads(file.read_text())
    how(body)
    file.write_text(json.dumps(body, indent=2))


def without_lines(body: dict[str, Any]) -> None:
    for key in ("lines", "carries_charges", "fulfils"):
        body.pop(key, None)


def of(file: str, folder: Path, value: str = '"order.created"') -> str:
    """The place of a value in a file."""
    text = (folder / file).read_text()
    before = text[: text.index(value)]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_the_position_of_each_value_is_that_of_its_first_character() -> None:
    text = '{\n  "a": [1, {"b": "ä\\ud800"}],\n\t"c": null\n}\n'
    places = Places(text)
    assert places.broken is None
    assert places.at(()) == Position(1, 1)
    assert places.at(("a", 0)) == Position(2, 9)
    assert places.at(("a", 1, "b")) == Position(2, 18)
    assert places.at(("c",)) == Position(3, 7)
    assert places.at(("a", 1, "x")) == places.at(("a", 1)) == Position(2, 12)


@pytest.mark.parametrize(
    ("text", "position"),
    [("", (1, 1)), ('{\n "a" 1}', (2, 6)), ("[1] x", (1, 5)), ("[" * 100_000, (1, 1))],
)
def test_what_is_not_json_is_broken_somewhere(text: str, position: tuple[int, int]) -> None:
    assert Places(text).broken == position


def test_what_is_sound_has_no_problem(check: Callable[..., tuple[int, Any]]) -> None:
    for command in ("mapping", "workflows"):
        code, said = check(command, "--json")
        assert (code, said["ok"], said["rows"]) == (0, True, [])
