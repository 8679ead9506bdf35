"""What a person types to find an order, to see its story, and to take a list away; each reveal is in the audit."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from integration.message import State
from integration.operations.matching import match_secret
from integration.store.database import Database
from integration.vault import match_key
from tests.operations.orders import Orders

Fleet = Callable[..., Result]
EMAIL = "jane@mail.example"


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


@pytest.fixture
def fleet(database_url: str, tmp_path: Path, orders: Orders) -> Fleet:
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": orders.key,
        "FLEET_HOME": str(tmp_path),
        "FLEET_USER": "jane",
        "COLUMNS": "9999",
    }
    return lambda *arguments: CliRunner(env=variables).invoke(main, [str(each) for each in arguments])


def key(orders: Orders, email: str = EMAIL) -> str:
    with orders.database.transaction() as tx:
        return match_key(email, match_secret(tx, orders.vault))


def audited(fleet: Fleet) -> list[tuple[str, str, dict[str, Any]]]:
    rows = json.loads(fleet("audit", "ls", "--json").output)["rows"]
    return [(row["who"], row["action"], row["detail"]) for row in reversed(rows)]


def two(orders: Orders) -> int:
    """One that Odoo has, and one that is held; the id of that delivery."""
    orders.end(orders.post(orders.order("1001", value="1234.50"), "S00012", "12"), State.DONE)
    held = orders.order("1002")
    orders.end(held, State.HELD, code="unknown_sku", reason="unknown SKU X")
    return held


def test_a_list_has_a_column_for_each_system(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    heading, held, there = fleet("orders", "ls").output.splitlines()
    assert heading.split() == ["number", "received", "value", "odoo", "notified", "wrong"]
    assert held.split()[:1] + held.split()[-5:] == ["WEB-1002", "-", "unknown_sku:", "unknown", "SKU", "X"]
    assert " 1234.50 EUR  S00012  processing  -" in there
    assert fleet("orders", "ls", "--number", "nope").output == "No order matches.\n"
    assert fleet("customers", "ls").output == "No customer matches.\n"
    assert fleet("products", "ls").output == "No product matches.\n"


def test_every_list_has_one_shape_and_goes_on_at_its_next(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    orders.customer("c-1")
    for command in ("orders", "messages"):
        first = json.loads(fleet(command, "ls", "--json", "--limit", 1).output)
        assert list(first) == ["rows", "next"]
        rest = json.loads(fleet(command, "ls", "--json", "--next", first["next"]).output)
        assert rest["next"] is None
        shown = [row["number"] for row in (*first["rows"], *rest["rows"]) if row["number"]]
        assert shown == ["WEB-1002", "WEB-1001"]
    for command in ("customers", "held", "dead", "audit"):
        assert list(json.loads(fleet(command, "ls", "--json").output)) == ["rows", "next"]
    assert list(json.loads(fleet("find", "1001", "--json").output)) == ["rows", "next"]
    assert f"--next {first['next']}" in fleet("messages", "ls", "--limit", 1).output


def test_a_story_says_what_it_waits_for_and_what_can_be_done(fleet: Fleet, orders: Orders) -> None:
    held = two(orders)
    shown = fleet("orders", "show", "WEB-1002").output
    assert f"delivery {held}, order WEB-1002: waits for a person: unknown SKU X" in shown
    assert f"fleet held show {held}:" in shown
    story = json.loads(fleet("orders", "show", "S00012", "--json").output)
    assert (story["object"]["number"], story["next"], len(story["rows"])) == ("WEB-1001", None, 3)


def test_events_that_changed_nothing_are_counted_only(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    orders.end(orders.order("1001", 2), State.SKIPPED, reason="unchanged: the target shows this already")
    shown = fleet("orders", "show", "1001").output
    assert "unchanged" not in shown
    assert "1 event changed nothing: --all shows it, too." in shown
    assert "unchanged" in fleet("orders", "show", "1001", "--all").output


def test_what_cannot_be_shown_says_how_to_find_it(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    assert fleet("orders", "show", "nope").output == (
        "error: there is no order nope\nfix: `fleet orders ls` lists those there are.\n"
    )
    orders.post(orders.for_both("1003")[1], "12", "999")
    assert fleet("orders", "show", "12").output == (
        "error: 12 is 2 orders\nfix: Give the id of one of them: 1001, 1003.\n"
    )
    assert fleet("find", "nope").output.startswith("Nothing is known under nope.\n")
    assert (fleet("find", " ").exit_code, "Find what?" in fleet("find", "").output) == (2, True)


def test_a_number_of_clarity_goes_before_an_id_and_both_before_numbers_of_others(fleet: Fleet, orders: Orders) -> None:
    orders.post(orders.order("1001"), "WEB-1002", "1002")
    orders.order("1002")
    assert json.loads(fleet("orders", "show", "1002", "--json").output)["object"]["object"] == "1002"
    assert json.loads(fleet("orders", "show", "WEB-1002", "--json").output)["object"]["object"] == "1002"


def test_an_address_finds_what_is_its_own_and_is_written_nowhere(fleet: Fleet, orders: Orders) -> None:
    orders.order("1001", key=key(orders))
    orders.customer("c-77", key=key(orders))
    orders.order("1002", key=key(orders, "joe@mail.example"))
    rows = json.loads(fleet("find", f" {EMAIL.upper()} ", "--json").output)["rows"]
    assert [(row["entity"], row["object"]) for row in rows] == [("customer", "c-77"), ("order", "1001")]
    listed = json.loads(fleet("orders", "ls", "--email", EMAIL, "--json").output)["rows"]
    assert [row["object"] for row in listed] == ["1001"]
    fleet("orders", "ls", "--email", EMAIL, "--csv", "--body", "--reveal")
    assert audited(fleet) == [
        ("jane", "export", {"of": "orders", "count": 1, "selection": "email_key given"})
    ]  # fmt: skip


def lines(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.output)))


def test_csv_has_all_columns_of_all_rows(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    for delivery in orders.for_both("1003"):
        orders.post(delivery, f"N{delivery}", str(delivery))
    split, held, there = lines(fleet("orders", "ls", "--csv"))
    assert (there["number"], there["value"], there["odoo_number"], there["fusion_number"]) == (
        "WEB-1001", "1234.50", "S00012", ""
    )  # fmt: skip
    assert (held["code"], held["odoo_state"]) == ("unknown_sku", "held")
    assert split["fusion_number"].startswith("N")
    assert [row["state"] for row in lines(fleet("held", "ls", "--csv"))] == ["held"]
    assert [row["number"] for row in lines(fleet("messages", "ls", "--csv"))] == ["WEB-1003", "WEB-1002", "WEB-1001"]
    assert fleet("orders", "ls", "--csv", "--json").exit_code == 2


@pytest.mark.parametrize("start", "=+-@")
def test_a_cell_is_no_formula_to_a_spreadsheet(fleet: Fleet, orders: Orders, start: str) -> None:
    two(orders)
    orders.run("update messages set number = %s where number = 'WEB-1001'", f"{start}cmd")
    (row,) = [row for row in lines(fleet("orders", "ls", "--csv")) if row["object"] == "1001"]
    assert row["number"] == f"'{start}cmd"


@pytest.mark.parametrize(("command", "of"), [("orders", "orders"), ("messages", "messages")])
@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_what_is_taken_away_is_masked_or_audited(
    fleet: Fleet, orders: Orders, command: str, of: str, form: str
) -> None:
    two(orders)
    masked = fleet(command, "ls", form, "--body")
    assert (masked.exit_code, "ring twice" in masked.output, "***" in masked.output) == (0, False, True)
    assert audited(fleet) == []
    bare = fleet(command, "ls", form, "--body", "--reveal", "--since", "2h")
    assert "ring twice" in bare.output
    ((who, action, detail),) = audited(fleet)
    assert (who, action, detail["of"], detail["count"]) == ("jane", "export", of, 2)
    assert detail["selection"].startswith("since 20")
    assert fleet(command, "ls", form, "--reveal").exit_code == 2
    assert fleet(command, "ls", "--body").exit_code == 2


def test_all_of_a_customer_is_masked(fleet: Fleet, orders: Orders) -> None:
    orders.customer("c-77")
    (row,) = json.loads(fleet("customers", "ls", "--json", "--body").output)["rows"]
    assert row["body"]["data"] == {"id": "c-77", "notes": "***"}


def test_the_ledger_counts_orders_first(fleet: Fleet, orders: Orders) -> None:
    two(orders)
    result = fleet("ledger")
    heading, *counts = result.output.splitlines()[:4]
    assert heading.startswith("Orders since ")
    assert [line.split(":")[0] for line in counts] == [
        "received", "in the ERP they belong to", "waiting for a person"
    ]  # fmt: skip
    assert [line.split()[-1] for line in counts] == ["2", "1", "1"]
    assert "held   1       10.50 EUR" in result.output
    printed = json.loads(fleet("ledger", "--json", "--since", "2h").output)
    assert (printed["balanced"], printed["next"], printed["rows"][0]["accepted"]) == (True, None, 2)
    assert printed["orders"]["received"]["waiting"] == 1
    assert [row["value"] for row in printed["orders"]["for_a_person"]] == ["10.50"]


def test_the_audit_is_found_by_what_it_is_about(fleet: Fleet, orders: Orders) -> None:
    held = two(orders)
    fleet("held", "resolve", held, "--reason", "entered by hand")
    for chosen in (("--number", "WEB-1002"), ("--delivery", held), ("--who", "jane"), ("--since", "2h")):
        rows = json.loads(fleet("audit", "ls", *chosen, "--json").output)["rows"]
        assert [(row["action"], row["delivery"]) for row in rows] == [("resolve", held)], chosen
    for other in (("--number", "WEB-1001"), ("--until", "2h"), ("--code", "http_400")):
        assert fleet("audit", "ls", *other).output == "Nothing like that was done.\n"
