"""`fleet trigger`: what the sandbox's Clarity sends goes the whole road."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.cli import main
from integration.settings import runtime_file
from tests.road.orders import NOWHERE
from tests.road.test_customer_events import at_rest, eventually, registered
from tests.road.world import World


def trigger(world: World, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.defpath, "FLEET_HOME": str(world.fleet.home)} | more
    command = [sys.executable, "-m", "integration.cli", "trigger", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def test_an_order_is_placed_and_cancelled(road: World) -> None:
    placed = trigger(road, "order.created", "--number", "2", "--json")
    assert placed.returncode == 0, placed.stderr
    ids = [row["id"] for row in json.loads(placed.stdout)["rows"]]
    assert len(ids) == 2
    road.finished(*ids)
    cancelled = trigger(road, "order.cancelled", "--id", ids[0])
    assert cancelled.stdout.startswith(f"order.cancelled {ids[0]}")
    road.until(lambda: {row["type"] for row in road.deliveries(ids[0])} >= {"order.created", "order.cancelled"}, 30)
    road.finished(*ids)


def test_a_customer_is_registered_and_changed(road: World) -> None:
    (row,) = json.loads(trigger(road, "customer.created", "--json").stdout)["rows"]
    assert trigger(road, "customer.updated", "--id", row["id"]).returncode == 0
    assert road.shop("GET", f"customers/{row['id']}")["name"] != row["name"]


@pytest.mark.parametrize(("system", "account", "shown"), [("odoo", "A-41", "creditLimit"), ("fusion", "A-42", "taxId")])
def test_a_change_of_a_customer_in_an_erp_reaches_clarity(road: World, system: str, account: str, shown: str) -> None:
    id = registered(road, type="company", accountNumber=account)["id"]
    at_rest(road, id, 2)
    asked = ("customer.changed", "--system", system, "--id", id)
    ((made,),) = [row["made"] for row in json.loads(trigger(road, *asked, "--json").stdout)["rows"]]
    value = made.partition("=")[2]
    road.poll_all()
    eventually(road, lambda: str(road.shop("GET", f"customers/{id}")[shown]).removesuffix(".00"), value)
    again = trigger(road, *asked)
    assert again.stdout.startswith(f"customer.changed {id} "), again.stderr
    assert value not in again.stdout, "another change each time"


def test_products_are_offered_changed_and_deleted(road: World) -> None:
    first, second = json.loads(trigger(road, "product.created", "--number", "2", "--json").stdout)["rows"]
    assert first["sku"] != second["sku"]
    assert (
        trigger(road, "product.updated", "--id", first["id"]).stdout
        == f"product.updated {first['id']} {first['sku']}\n"
    )
    assert trigger(road, "product.deleted", "--id", first["id"]).returncode == 0
    assert road.shop("GET", f"products/{first['id']}")["status"] == "deleted"


@pytest.mark.parametrize(("trait", "system"), [("plain", "odoo"), ("b2b_po", "fusion")])
def test_an_order_is_shipped_and_billed(road: World, trait: str, system: str) -> None:
    (id,) = road.generate(1, trait)
    road.finished(id)
    shipped = trigger(road, "shipment.changed", "--system", system, "--id", id)
    assert shipped.stdout.startswith(f"shipment.changed {id} "), shipped.stderr
    road.becomes(id, "shipped")
    billed = trigger(road, "invoice.changed", "--system", system, "--id", road.order(id)["number"], "--json")
    ((invoice,),) = [row["made"] for row in json.loads(billed.stdout)["rows"]]
    road.until(lambda: invoice in {each["number"] for each in road.control("GET", "ledger")["clarity"]["invoices"]}, 30)
    again = trigger(road, "shipment.changed", "--system", system, "--id", id)
    assert (again.returncode, "is left to ship" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("order.create",), 2, "the sandbox sends no 'order.create'; did you mean order.created"),
        (("order.cancelled",), 2, "order.cancelled needs --id"),
        (("order.created", "--id", "1"), 2, "order.created takes no --id"),
        (("order.cancelled", "--id", "no-such"), 1, "error: the sandbox's clarity has no no-such"),
        (("order.created", "--system", "odoo"), 1, "error: odoo sends no events"),
        (("shipment.change",), 2, "the sandbox sends no 'shipment.change'; did you mean shipment.changed"),
        (("shipment.changed", "--system", "odoo"), 2, "shipment.changed needs --system and --id"),
        (("shipment.changed", "--system", "clarity", "--id", "1"), 1, "error: clarity ships and bills nothing"),
        (("customer.changed", "--id", "c-1"), 2, "customer.changed needs --system and --id"),
        (("customer.changed", "--system", "odoo", "--id", "no-such"), 1, "error: no-such is no customer that odoo has"),
        (
            ("invoice.changed", "--system", "fusion", "--id", "no-such"),
            1,
            "error: the sandbox's fusion has no order no-such",
        ),
    ],
)
def test_what_cannot_be_is_said(road: World, arguments: tuple[str, ...], code: int, says: str) -> None:
    refused = trigger(road, *arguments)
    assert (refused.returncode, says in refused.stderr) == (code, True), refused.stderr


def test_nothing_invented_reaches_a_real_system(tmp_path: Path) -> None:
    """A home that is held, as by a fleet which runs, and the settings of that fleet."""
    (tmp_path / "run").mkdir()
    sandbox = {"FLEET_SANDBOX_URL": NOWHERE, "FLEET_SANDBOX_TOKEN": "token", "CLARITY_URL": f"{NOWHERE}/api/v1"}
    runtime_file(tmp_path).write_text(json.dumps(sandbox | {"ODOO_URL": "https://erp.example"}))
    with (tmp_path / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = CliRunner(env={"FLEET_HOME": str(tmp_path)}).invoke(main, ["trigger", "order.created"])
    assert refused.exit_code == 1
    assert refused.output.startswith("error: a real system is configured: odoo\n"), refused.output
