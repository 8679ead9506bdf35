"""Good and bad orders at once on a running fleet, repaired as a person does it: one row each, until there is none."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import mappings
from integration.operations.selection import Selection
from integration.store import repair
from integration.store.database import Row
from tests.road.test_repair import Run, run
from tests.road.world import World

__all__ = ["run"]
GOOD = {"plain": 4, "b2b_po": 4, "shared": 4}
VATX = "unknown_tax_code+tax_excluded"
TAX = {VATX: 3, f"{VATX}+b2b_po": 2, f"{VATX}+shared": 2}
SKU = {"unknown_sku": 2, "unknown_sku+b2b_po": 1, "unknown_sku+shared": 2}
RENAMED = "lines[sku=NO-SUCH-SKU].sku=SKU-1"
SUMS = {"mismatch": 1, "mismatch+b2b_po": 1, "mismatch+shared": 1}


def placed(road: World, traits: dict[str, int]) -> list[str]:
    return [id for trait, count in traits.items() for id in road.generate(count, *[trait] * count)]


def waiting(road: World, ids: list[str]) -> list[Row]:
    with road.database.transaction() as tx:
        rows = repair.matching(tx, Selection(["held", "dead"]), 1000)  # type: ignore[list-item]
    return [row for row in rows if row["object_id"] in ids]


def held_once_each(road: World, ids: list[str]) -> list[Row]:
    rows = waiting(road, ids)
    assert {row["object_id"] for row in rows} == set(ids)
    twice = [place for place, count in Counter((row["object_id"], row["target"]) for row in rows).items() if count > 1]
    assert twice == []
    return rows


def settled(road: World, ids: list[str]) -> None:
    """Waits until nothing of these orders is under way, echoes included."""

    def still() -> bool:
        open = "m.object_id = any (%s) and d.open"
        with road.database.transaction() as tx:
            return not tx.value(
                f"select exists (select from deliveries d join messages m on m.id = d.message where {open})", ids
            )

    road.until(lambda: all(map(road.deliveries, ids)) and still() and road.redeliver() == 0 and still(), 90)


def corrected_taxes(road: World, ids: list[str], folder: Path) -> Path:
    shutil.copytree(mappings.FOLDER, folder)
    table = folder / "tables" / "taxes.json"
    taxes = json.loads(table.read_text())
    rates = {
        line["taxes"][0]["rate"] for id in ids for line in road.order(id)["lines"] if line["taxes"][0]["code"] == "VATX"
    }
    (rate,) = {f"{float(rate) * 100:g}" for rate in rates}
    taxes["values"]["VATX"] = {"rate": rate}
    table.write_text(json.dumps(taxes))
    for sample in folder.glob("samples/*/held_tax_code.json"):  # which shows that the code is unknown
        sample.unlink()
    return folder


def test_fifteen_bad_orders_are_fifteen_rows_and_none_after_the_repair(road: World, run: Run, tmp_path: Path) -> None:
    good, tax, sku, sums = (placed(road, traits) for traits in (GOOD, TAX, SKU, SUMS))
    bad = [*tax, *sku, *sums]
    settled(road, good + bad)
    before = held_once_each(road, bad)
    assert waiting(road, good) == []
    road.exactly_once(good)
    run("mapping", "publish", "--folder", corrected_taxes(road, tax, tmp_path / "mappings"), "--yes")
    run("replay", "--code", "unmapped", "--yes")
    settled(road, bad)
    assert {row["id"] for row in held_once_each(road, [*sku, *sums])} <= {row["id"] for row in before}
    run("held", "edit", *(row["id"] for row in waiting(road, sku)), "--event", "--set", RENAMED, "--replay")
    settled(road, bad)
    held_once_each(road, sums)
    run("held", "approve", "--code", "totals_mismatch", "--yes", "--why", "a cent")
    settled(road, bad)
    assert [f"{row['number']} {row['target']} {row['reason']}" for row in waiting(road, bad)] == []
    road.exactly_once(good + bad)
    for id in (*good, *bad):
        road.becomes(id, "processing")
    in_force = json.loads(run("decisions", "ls", "--limit", 1000, "--json"))["rows"]
    of_bad = [row for row in in_force if row["object_id"] in bad]
    assert {row["object_id"] for row in of_bad if row["kind"] == "set"} == set(sku)
    assert {row["object_id"] for row in of_bad if row["kind"] == "approve"} == set(sums)
    run("mapping", "rollback", "--yes")
    road.balanced()


def test_what_is_accepted_of_an_order_is_accepted_of_its_invoices(road: World, run: Run) -> None:
    ids = road.generate(2, "mismatch", "mismatch+b2b_po")
    settled(road, ids)
    run("held", "approve", *(row["id"] for row in held_once_each(road, ids)))
    settled(road, ids)
    road.age(ids, odoo=9, fusion=9)
    road.poll_all()
    for id in ids:
        road.becomes(id, "completed")
    assert waiting(road, ids) == []
    road.balanced()


def test_what_was_corrected_at_its_target_is_billed_and_not_held_again(road: World, run: Run) -> None:
    ids = road.generate(3, "unknown_sku", "unknown_sku+b2b_po", "unknown_sku+b2b_po")
    settled(road, ids)
    for row in held_once_each(road, ids):
        run("held", "edit", row["id"], "--set", RENAMED, "--replay")
    settled(road, ids)
    road.age(ids, odoo=9, fusion=9)
    road.poll_all()
    for id in ids:
        road.becomes(id, "completed")
    settled(road, ids)
    assert [f"{row['number']} {row['target']} {row['reason']}" for row in waiting(road, ids)] == []
    road.exactly_once(ids)
    road.balanced()
