"""What a person types to publish mappings, what a start publishes by itself, and what a replay translates by."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mappings
from integration.cli import main
from integration.message import State
from integration.rules.in_force import place_of
from integration.store.database import Database
from integration.vault import new_key
from tests.conftest import new_database
from tests.operations.orders import Orders
from tests.operations.slices import carry_out
from tests.store.road import Road

Fleet = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what ships, to be edited, in the place of that."""
    monkeypatch.setattr(mappings, "FOLDER", shutil.copytree(mappings.FOLDER, tmp_path / "mappings"))
    return tmp_path / "mappings"


@pytest.fixture
def variables(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": new_key(),
        "FLEET_HOME": str(tmp_path),
        "FLEET_USER": "anna",
        "COLUMNS": "9999",
    }


@pytest.fixture
def fleet(variables: dict[str, str]) -> Fleet:
    return lambda *arguments, **options: CliRunner(env=variables).invoke(
        main, [str(argument) for argument in arguments], **options
    )


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def edit(file: Path, change: Callable[[Any], object]) -> None:
    body = json.loads(file.read_text())
    change(body)
    file.write_text(json.dumps(body))


def describe(folder: Path, text: str) -> None:
    """A change that every sample passes."""
    edit(folder / "tables" / "uoms.json", lambda table: table.update(about=text))


def started(fleet: Fleet) -> str:
    """What a start says about the mappings."""
    result = fleet("migrate")
    assert result.exit_code == 0, result.output
    return result.output.partition("up to date\n")[2].strip()


def versions(fleet: Fleet) -> list[tuple[int, str, bool]]:
    rows = json.loads(fleet("mapping", "versions", "--json").output)["rows"]
    return [(row["version"], row["who"], row["in_force"]) for row in reversed(rows)]


def test_a_start_publishes_files_that_are_new(fleet: Fleet, folder: Path) -> None:
    assert started(fleet) == "mappings/ is published as version 1"
    assert started(fleet) == ""
    describe(folder, "changed before the next start")
    assert started(fleet) == "mappings/ is published as version 2"
    assert versions(fleet) == [(1, "anna", False), (2, "anna", True)]


def test_a_start_does_not_undo_what_was_published_by_command(fleet: Fleet, folder: Path, tmp_path: Path) -> None:
    started(fleet)
    own = shutil.copytree(folder, tmp_path / "own")
    describe(own, "an analyst's")
    assert fleet("mapping", "publish", "--folder", own, "--yes").exit_code == 0
    assert started(fleet) == "mappings/ differs from version 2 in force: `fleet mapping publish`"
    assert versions(fleet) == [(1, "anna", False), (2, "anna", True)]


def test_a_start_does_not_undo_a_rollback(fleet: Fleet, folder: Path) -> None:
    started(fleet)
    describe(folder, "published by command")
    assert fleet("mapping", "publish", "--yes").exit_code == 0
    assert started(fleet) == ""
    assert fleet("mapping", "rollback", "--yes").exit_code == 0
    assert started(fleet) == "mappings/ differs from version 3 in force: `fleet mapping publish`"
    assert [version for version, _, in_force in versions(fleet) if in_force] == [3]


def test_a_start_with_broken_files_leaves_the_last_version_in_force(fleet: Fleet, folder: Path) -> None:
    started(fleet)
    file = folder / "odoo" / "out" / "order.json"
    file.write_text(file.read_text().replace("},", "}", 1))
    said = started(fleet)
    assert said.startswith("version 1 of the mappings stays in force: order.json cannot be read: not JSON")
    assert said.endswith(f"Correct {file}.")
    assert versions(fleet) == [(1, "anna", True)]


def test_the_first_start_refuses_broken_files_and_changes_nothing(
    fleet: Fleet, folder: Path, variables: dict[str, str]
) -> None:
    variables["DATABASE_URL"] = new_database(variables["DATABASE_URL"])
    (folder / "workflows" / "order-to-odoo.json").write_text("{}")
    refused = fleet("migrate")
    assert refused.exit_code == 1
    assert refused.output.startswith("error: workflow order-to-odoo.json: name is missing")
    empty = Database(variables["DATABASE_URL"])
    with empty.transaction() as tx:
        assert tx.value("select count(*) from pg_tables where schemaname = 'public'") == 0
    empty.close()


def test_files_take_the_place_of_what_this_release_cannot_use(fleet: Fleet, folder: Path, database: Database) -> None:
    started(fleet)
    with database.transaction() as tx:
        tx.run(
            """with other as (
                   insert into definitions (hash, kind, name, body)
                   select 'of another release', kind, name, body || '{"transform": ["of.another.release"]}'
                   from definitions where name = 'order-to-odoo' returning hash)
               insert into publications (version, who, from_files, hashes)
               select 2, 'anna', false, array_agg(hash) from other"""
        )
    said = started(fleet)
    assert said.startswith("mappings/ is published as version 3: this release cannot use version 2: ")
    assert [version for version, _, in_force in versions(fleet) if in_force] == [3]
    assert folder.exists()


def test_what_changes_is_said_before_it_is_published(fleet: Fleet, folder: Path) -> None:
    started(fleet)
    describe(folder, "units")
    edit(folder / "tables" / "uoms.json", lambda table: table["values"].update(BOX33="Box of 33"))
    lines = ["uoms.json: BOX33 → Box of 33 added", "uoms.json: it is described in other words"]
    assert fleet("mapping", "diff").output.splitlines() == lines
    asked = fleet("mapping", "publish")
    assert (asked.exit_code, asked.output.splitlines()[:2]) == (2, lines)
    assert len(versions(fleet)) == 1
    said = fleet("mapping", "publish", "--note", "boxes of 33", "--yes").output.splitlines()
    assert said == [*lines, "Version 2 is in force for all objects."]
    assert fleet("mapping", "diff").output == "Nothing differs.\n"
    assert json.loads(fleet("mapping", "diff", 2, 1, "--json").output)["rows"][0] == {
        "document": "uoms.json",
        "change": "BOX33 → Box of 33 removed",
    }
    again = fleet("mapping", "publish", "--yes")
    assert again.output == "Nothing to publish: version 2 in force is the same.\n"
    (newest, _) = json.loads(fleet("mapping", "versions", "--json").output)["rows"]
    assert (newest["note"], newest["who"], newest["share"]) == ("boxes of 33", "anna", None)
    (noted,) = json.loads(fleet("audit", "ls", "--action", "publish", "--json").output)["rows"]
    assert (noted["who"], noted["detail"]) == ("anna", {"version": 2})


@pytest.mark.parametrize("share", ["0%", "100%", "half", "-5"])
def test_a_canary_is_for_a_share(fleet: Fleet, share: str) -> None:
    refused = fleet("mapping", "publish", f"--canary={share}", "--yes")
    assert refused.exit_code == 2
    assert "is not a share from 1% to 99%" in refused.output


def test_a_folder_without_workflows_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused = fleet("mapping", "publish", "--folder", tmp_path / "empty", "--yes")
    assert refused.exit_code == 1
    assert "nothing is published" in refused.output or "has no workflows" in refused.output


def test_a_refusal_names_the_check_of_the_folder_that_was_to_be_published(fleet: Fleet, folder: Path) -> None:
    wrong = shutil.copytree(folder, folder.parent / "an analyst's")
    edit(wrong / "samples" / "odoo.out.order" / "guest.json", lambda sample: sample["expect"].update(carrier="NONE"))
    refused = fleet("mapping", "publish", "--folder", wrong, "--yes").output
    assert refused.startswith("error: nothing is published: odoo.out.order: sample guest.json: ")
    (command,) = re.findall(r"fix: `fleet (.*)` lists everything that is wrong\.", refused)
    assert "guest.json" in fleet(*shlex.split(command)).output
    assert "all well" in fleet("mapping", "check", "--folder", folder, "odoo.out.order").output


def test_the_workflows_that_are_listed_are_those_in_force(fleet: Fleet, folder: Path) -> None:
    started(fleet)
    before = {row["name"]: row["pin"] for row in json.loads(fleet("workflows", "ls", "--json").output)["rows"]}
    describe(folder, "not published yet")
    listed = json.loads(fleet("workflows", "ls", "--json").output)["rows"]
    assert {row["name"]: row["pin"] for row in listed} == before
    assert {row["mapping_version"] for row in listed} == {1}
    assert fleet("mapping", "publish", "--canary", "10", "--yes").exit_code == 0
    both = json.loads(fleet("workflows", "ls", "--json").output)["rows"]
    assert [row["name"] for row in both if row["mapping_version"] == 2] == ["order-to-odoo", "product-to-odoo"]
    assert fleet("workflows", "ls").output.endswith("Version 1 is in force, and version 2 for 10 % of the objects.\n")


def held(road: Road, order: str) -> int:
    id = road.delivery(f"evt-{order}", order=order)
    claimed = road.claim(id)
    assert claimed
    road.move(claimed, State.HELD, code="unknown_sku", reason="unknown SKU", hint="Add it.")
    return id


def test_a_replay_is_translated_by_the_version_in_force(fleet: Fleet, folder: Path, road: Road) -> None:
    started(fleet)
    describe(folder, "published")
    assert fleet("mapping", "publish", "--yes").exit_code == 0
    id = held(road, "1001")
    describe(folder, "edited, and not published")
    said = fleet("replay", "--code", "unknown_sku", "--yes")
    assert said.output.splitlines() == [
        "mappings/ differs from version 2 in force: `fleet mapping publish`",
        f"Delivery {id} goes again.",
    ]
    pins = {row["name"]: row["pin"] for row in json.loads(fleet("workflows", "ls", "--json").output)["rows"]}
    assert road.value("select pin from deliveries where id = %s", id) == pins["order-to-odoo"]
    assert road.value("select mapping_version from deliveries where id = %s", id) == 2


def test_a_replay_gives_each_object_the_version_that_is_its_own(fleet: Fleet, folder: Path, road: Road) -> None:
    started(fleet)
    describe(folder, "tried on half")
    assert fleet("mapping", "publish", "--canary", "50%", "--yes").exit_code == 0
    orders = [str(number) for number in range(1001, 1013)]
    ids = {held(road, order): order for order in orders}
    assert fleet("replay", "--code", "unknown_sku", "--yes", "--detach").exit_code == 0
    carry_out(road.database)
    used = {order: road.value("select mapping_version from deliveries where id = %s", id) for id, order in ids.items()}
    assert used == {order: 2 if place_of(order) < 50 else 1 for order in orders}
    assert set(used.values()) == {1, 2}
    rows = json.loads(fleet("mapping", "versions", "--json").output)["rows"]
    counted = {row["version"]: (row["orders"], row["deliveries"]) for row in rows}
    assert counted == {version: (list(used.values()).count(version),) * 2 for version in (1, 2)}


def test_a_pinned_replay_keeps_its_version(fleet: Fleet, folder: Path, road: Road) -> None:
    started(fleet)
    id = held(road, "1001")
    road.run("update deliveries set mapping_version = 1 where id = %s", id)
    describe(folder, "newer")
    assert fleet("mapping", "publish", "--yes").exit_code == 0
    assert fleet("replay", id, "--pinned").exit_code == 0
    assert road.value("select pin || mapping_version from deliveries where id = %s", id) == "pin1"


def test_what_is_shown_names_the_version(fleet: Fleet, folder: Path, road: Road) -> None:
    started(fleet)
    id = held(road, "1001")
    assert fleet("replay", id).exit_code == 0
    claimed = road.claim(id)
    assert claimed
    road.move(claimed, State.HELD, code="unknown_sku", reason="unknown SKU", hint="Add it.")
    assert json.loads(fleet("held", "show", id, "--json").output)["mapping_version"] == 1
    assert "mapping version:" in fleet("held", "show", id).output


def test_every_delivery_of_an_order_names_its_version(database: Database, fleet: Fleet, variables: Any) -> None:
    orders = Orders(database)
    variables["FLEET_ENCRYPTION_KEYS"] = orders.key
    started(fleet)
    id = orders.order("1001")
    orders.run("update deliveries set mapping_version = 1")
    push = orders.post(id, "S00012", "12")
    orders.end(push, State.DEAD, code="http_400", reason="Clarity refuses it")
    (again,) = (row["again"] for row in json.loads(fleet("replay", id, "--yes", "--json").output)["rows"])
    assert fleet("dead", "replay", push, "--yes").exit_code == 0
    message = orders.value("select message from deliveries where id = %s", id)

    shown = json.loads(fleet("messages", "show", message, "--json").output)["rows"]
    assert {row["id"]: row["mapping_version"] for row in shown} == dict.fromkeys((id, push, again), 1)
    story = json.loads(fleet("orders", "show", "1001", "--json").output)
    versions = {each["delivery"]: each["mapping_version"] for each in [*story["rows"], *story["waits"]]}
    assert versions == {None: None} | dict.fromkeys((id, push, again), 1)
    drawn = fleet("orders", "show", "1001").output
    assert re.search(rf"odoo-1 +{id} +1 +order WEB-1001 done", drawn)
