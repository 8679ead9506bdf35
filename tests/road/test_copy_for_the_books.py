"""The example of a copy for the books on a fleet: both ERPs have every order in full, and one of them fulfils it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import mappings
from integration.local import processes
from tests.road.world import World

CODE = ("integration", "tasks", "mappings")


@pytest.fixture
def copying(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A fleet whose workflows are those of the example, put where its page says."""
    for name in CODE:
        shutil.copytree(processes.PROJECT / name, tmp_path / name)  # as compiled: a dozen processes start at once
    for path in (mappings.FOLDER / "examples" / "copy-for-the-books").glob("*.json"):
        shutil.copy(path, tmp_path / "mappings" / "workflows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "PROJECT", tmp_path)
        patch.setattr(mappings, "FOLDER", tmp_path / "mappings")  # what a start publishes
        with World.running(tmp_path_factory.mktemp("fleet")) as world:
            yield world


@pytest.mark.own_fleet
def test_both_have_it_and_what_the_copy_ships_and_bills_is_not_sent_to_clarity(copying: World) -> None:
    ids = copying.generate(2, "plain", "b2b_po")
    copying.finished(*ids)
    copying.age(ids, odoo=6, fusion=20)
    copying.until(lambda: bool(refused(copying)) or all_ended(copying, ids), 120, lambda: copying.all(ids[0]))
    assert refused(copying) == []
    pods = {each["source_id"]: each for each in copying.control("GET", "ledger")["fusion"]["orders"]}
    for id in ids:
        total = Decimal(copying.order(id)["totals"]["grandTotal"])
        assert [Decimal(str(each["amount_total"])) for each in copying.at_odoo(id)] == [total]
        assert (Decimal(pods[id]["totals"]["total"]), pods[id]["created"]) == (total, 1)
        shown = [*copying.shipments(id), *copying.invoices(id)]
        assert {each["external_ref"].partition("/")[0] for each in shown} == {"odoo-1"}
        assert sum(Decimal(each["total"]) for each in copying.invoices(id)) == total
        assert {each["external_ref"].partition(":")[0] for each in copying.pushes(id)} <= {"odoo", "odoo-1"}
    copying.balanced()


def all_ended(world: World, ids: list[str]) -> bool:
    """Whether the orders are completed, and every shipment and invoice of the copy has ended here."""
    with world.database.transaction() as tx:
        rows = tx.rows(
            """select open, (state = 'skipped' and workflow like 'fusion-%' and reason =
                   'fusion-1 has the order as a copy for the books: this is not sent on') is true as of_the_copy
               from deliveries"""
        )
    completed = {world.order(id)["status"] for id in ids} == {"completed"}
    return (
        completed and sum(row["of_the_copy"] for row in rows) >= 2 * len(ids) and not any(row["open"] for row in rows)
    )


def refused(world: World) -> list[str]:
    """What ended, and not well."""
    with world.database.transaction() as tx:
        rows = tx.rows("select id, state, reason from deliveries where state in ('held', 'dead')")
    return [f"{row['id']} {row['state']} {row['reason']}" for row in rows]
