"""An order that is converted: a rate that was used is used again, whatever the table says by then."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mappings
from integration.canonical import thaw
from integration.rules.workflow import load_definitions
from integration.store import publications
from tests.road.orders import Orders

EXAMPLE = mappings.FOLDER / "examples" / "another-currency"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ships, with the example put where its page says, before a fleet begins."""
    folder = shutil.copytree(mappings.FOLDER, tmp_path / "mappings")
    for path in (*EXAMPLE.glob("*.json"), *EXAMPLE.glob("tables/*.json")):
        shutil.copy(path, folder / ("tables" if path.parent.name == "tables" else "workflows"))
    monkeypatch.setattr(mappings, "FOLDER", folder)
    return folder


def test_a_later_version_is_converted_at_the_rate_of_the_first(folder: Path, orders: Orders) -> None:
    at = {"currency": "EUR", "createdDate": "2026-11-21T10:00:00Z", "placedAt": None}
    first = converted(orders, orders.come(**at)["odoo"])
    assert (first["currency"], first["conversion"]["rate"]) == ("USD", Decimal("1.0850"))
    kept = value(orders, "select body from progress where entity = 'order' and body ? 'conversion'")
    assert kept["currency"] == "USD"
    assert kept["conversion"]["rate"] == "1.0850"

    add_rate(folder, orders, date="2026-11-21", rate="1.2000")
    second = converted(orders, orders.come(**at, notes="Ring twice")["odoo"])
    assert second["conversion"] == first["conversion"]
    assert second["totals"] == first["totals"]

    other = converted(orders, orders.come(**at, id="1002")["odoo"])
    assert other["conversion"]["rate"] == Decimal("1.2000")


def test_without_a_rate_the_order_is_held_until_one_is_published(folder: Path, orders: Orders) -> None:
    at = {"currency": "EUR", "createdDate": "2026-12-24T10:00:00Z", "placedAt": None}
    id = orders.come(**at)["odoo"]
    row = orders.row(id)
    assert (row["state"], row["code"]) == ("held", "no_rate")
    assert "no rate from EUR to USD of 2026-12-24 or the 7 days before" in row["reason"]
    add_rate(folder, orders, date="2026-12-24", rate="1.1000")
    again = orders.come(**at, notes="Ring twice")["odoo"]
    assert converted(orders, again)["conversion"]["rate"] == Decimal("1.1000")


def converted(orders: Orders, delivery: int) -> dict[str, Any]:
    """What the target carries of the order: the part, as it is kept."""
    sealed = value(orders, "select document from deliveries where id = %s", delivery)
    part: dict[str, Any] = thaw(orders.runtime.vault.open(sealed))["part"]
    return part


def value(orders: Orders, sql: str, *values: object) -> Any:
    with orders.runtime.database.transaction() as tx:
        return tx.value(sql, *values)


def add_rate(folder: Path, orders: Orders, **rate: str) -> None:
    path = folder / "tables" / "rates.json"
    table = json.loads(path.read_text())
    table["rates"].append({"from": "EUR", "to": "USD", **rate})
    path.write_text(json.dumps(table))
    with orders.runtime.database.transaction() as tx:
        rows = load_definitions(folder).rows()
        assert publications.publish(tx, rows, "anna", after=publications.newest(tx))
