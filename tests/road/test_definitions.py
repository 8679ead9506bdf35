"""Which mappings and workflows events are routed by: those in force; on an empty database, those that ship."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mappings
from integration.errors import Misconfigured
from integration.message import Event
from integration.rules.workflow import load_definitions
from integration.store import publications
from tasks.intake import Intake
from tasks.runtime import Runtime


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what ships, to be edited."""
    monkeypatch.setattr(mappings, "FOLDER", shutil.copytree(mappings.FOLDER, tmp_path / "mappings"))
    return tmp_path / "mappings"


def pins(runtime: Runtime, intake: Intake, id: str) -> set[str]:
    """What an order that comes in now is routed by."""
    with runtime.database.transaction() as tx:
        (arrival,) = intake.accept(tx, [intake.arriving("clarity", Event(id, "order.created", id, 1, id), b"{}")])
        assert arrival
        return {row["pin"] for row in tx.rows("select pin from deliveries where message = %s", arrival.message)}


def test_a_process_takes_what_is_in_force_whatever_the_files_are_by_then(runtime: Runtime, folder: Path) -> None:
    running = Intake(runtime)
    before = pins(runtime, running, "1")
    file = folder / "odoo" / "out" / "order.json"
    changed = json.loads(file.read_text())
    changed["rows"][0]["note"] = "changed"
    file.write_text(json.dumps(changed))
    assert pins(runtime, Intake(runtime), "2") == before
    file.write_text("{")
    assert pins(runtime, Intake(runtime), "3") == before

    file.write_text(json.dumps(changed))
    with runtime.database.transaction() as tx:
        assert publications.publish(tx, load_definitions(folder).rows(), "anna", after=1) == 2
    after = pins(runtime, running, "4")
    assert after and not after & before
    assert pins(runtime, Intake(runtime), "5") == after


def test_who_has_not_seen_the_newest_version_publishes_nothing(runtime: Runtime, folder: Path) -> None:
    Intake(runtime)
    rows = load_definitions(folder).rows()
    with runtime.database.transaction() as tx:
        assert publications.publish(tx, rows, "anna", after=1) == 2
        assert publications.publish(tx, rows, "bert", after=1) is None
        assert publications.newest(tx) == 2


def test_processes_that_start_at_once_publish_what_ships_once(runtime: Runtime) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Intake(runtime), range(8)))
    with runtime.database.transaction() as tx:
        assert tx.value("select array_agg(version) from publications") == [1]


def test_without_any_that_ever_worked_nothing_is_accepted(runtime: Runtime, folder: Path) -> None:
    (folder / "workflows" / "order-to-odoo.json").write_text("{}")
    with pytest.raises(Misconfigured, match=r"workflow order-to-odoo.json: name is missing; .*entity is missing"):
        Intake(runtime)


def test_a_mapping_that_no_workflow_uses_is_compiled_too(runtime: Runtime, folder: Path) -> None:
    rows = [{"to": "number", "from": "number", "via": ["no such function"]}]
    spare = {"name": "odoo.out.spare", "source": "order", "target": "odoo.order", "rows": rows}
    (folder / "odoo" / "out" / "spare.json").write_text(json.dumps(spare))
    with pytest.raises(Misconfigured, match="no such function"):
        Intake(runtime)


def test_a_workflow_to_a_system_that_is_not_there_is_refused(runtime: Runtime, folder: Path) -> None:
    file = folder / "workflows" / "odoo-shipment-to-clarity.json"
    file.write_text(file.read_text().replace('"target": "clarity"', '"target": "clarty"'))
    with pytest.raises(Misconfigured, match="target names 'clarty', which is no system; did you mean clarity"):
        Intake(runtime)
