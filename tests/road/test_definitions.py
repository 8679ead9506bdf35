"""Which mappings and workflows events are routed by: those that ship, or the last of them that compiled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import mappings
from integration.errors import Misconfigured
from integration.message import Event
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


def test_mappings_that_were_broken_since_leave_the_last_ones_in_force(runtime: Runtime, folder: Path) -> None:
    before = pins(runtime, Intake(runtime), "1")
    file = folder / "odoo" / "out" / "order.json"
    sound = file.read_text()
    file.write_text(sound.replace("},", "}", 1))
    with capture_logs() as logs:
        assert pins(runtime, Intake(runtime), "2") == before
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert entry["reason"].startswith("order.json cannot be read: ")
    assert str(file) in entry["fix"]

    changed = json.loads(sound)
    changed["rows"][0]["note"] = "changed"
    file.write_text(json.dumps(changed))
    after = pins(runtime, Intake(runtime), "3")
    assert after and not after & before
    file.write_text("{")
    assert pins(runtime, Intake(runtime), "4") == after


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
