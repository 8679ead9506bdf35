"""A new key, with the fleet running: nothing is lost, nothing is left under the old one, and the steps are printed."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from integration.cli import keys, main
from integration.local.credentials import Credentials
from integration.local.fleet import Fleet
from integration.settings import Settings
from integration.store import secrets
from integration.store.database import Database
from integration.store.secrets import SEALED, Column, Renewed
from integration.vault import Vault, fingerprint, new_key
from tests.ports import free_ports
from tests.road.world import World
from tests.store.road import Road

OLD, NEW = new_key(), new_key()
NOT_SEALED = {"messages.body_hash", "conflicts.body_hash", "seen.body_hash", "sessions.hash", "sign_in_links.hash"}
ORDERS = 120
DOCUMENT = Column("deliveries", "document")


@pytest.fixture
def road(database: Database) -> Road:
    """Values in every sealed column, under the old key; more than one batch of them."""
    road, vault = Road(database), Vault([OLD])
    for number in range(ORDERS):
        road.accept(f"evt-{number}", order=str(number))
    road.run("insert into attempts (delivery, round, effect) select id, 1, 'order.load' from deliveries")
    road.run("insert into secrets (name, value) values ('match', '')")
    road.run("insert into rejected (source, external_id, reason, body) values (1, 'evt', 'no event', '')")
    road.run(
        """insert into decisions (kind, installation, entity, object_id, version, delivery, decided_by)
           values ('set', 1, 'order', '1', 1, 1, 'jane')"""
    )
    for column in SEALED:
        place = f"{column.table}.{column.name}".encode()
        road.run(f"update {column.table} set {column.name} = %s", vault.seal(place))
    return road


def rotate(
    database_url: str, home: Path, *arguments: str, keys: tuple[str, ...] = (NEW, OLD), command: str = "rotate"
) -> Result:
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": ",".join(keys),
        "FLEET_HOME": str(home),
    }
    return CliRunner(env=variables).invoke(main, ["keys", command, *arguments])


def opened(road: Road, vault: Vault, column: Column) -> set[str]:
    with road.database.transaction() as tx:
        rows = tx.rows(f"select {column.name} as value from {column.table}")
    return {vault.open(row["value"]).decode() for row in rows}


def test_no_sealed_column_is_forgotten(database: Database) -> None:
    with database.transaction() as tx:
        rows = tx.rows(
            """select table_name || '.' || column_name as name from information_schema.columns
               where table_schema = 'public' and data_type = 'bytea'"""
        )
    sealed = {f"{column.table}.{column.name}" for column in SEALED}
    assert {row["name"] for row in rows} == sealed | NOT_SEALED


def test_everything_is_brought_under_the_newest_key(road: Road, database_url: str, tmp_path: Path) -> None:
    said = rotate(database_url, tmp_path)
    assert said.exit_code == 0, said.output
    stored = 3 + 4 * ORDERS + ORDERS
    assert f"{stored} values are stored; {stored} were brought under the newest key." in said.output
    assert "leave it out of FLEET_ENCRYPTION_KEYS and run `fleet restart`" in said.output
    for column in SEALED:
        assert opened(road, Vault([NEW]), column) == {f"{column.table}.{column.name}"}
    assert f"{stored} values are stored; 0 were" in rotate(database_url, tmp_path).output
    assert road.value("select detail ->> 'renewed' from audit order by id limit 1") == str(stored)


def test_the_keys_are_listed_with_what_each_of_them_opens(road: Road, database_url: str, tmp_path: Path) -> None:
    road.run("update messages set body = %s where id = 7", Vault([new_key()]).seal(b"lost"))
    listed = rotate(database_url, tmp_path, command="ls")
    assert listed.exit_code == 0, listed.output
    assert f"{fingerprint(OLD)} False {3 + 5 * ORDERS - 1} " in " ".join(listed.output.split())
    assert "opened by no key, for one is missing or they were altered: 1" in listed.output
    assert OLD not in listed.output
    rotate(database_url, tmp_path)
    said = json.loads(rotate(database_url, tmp_path, "--json", command="ls").output)
    assert [(row["key"], row["fingerprint"], row["opens"]) for row in said["rows"]] == [
        (1, fingerprint(NEW), 3 + 5 * ORDERS - 1),
        (2, fingerprint(OLD), 0),
    ]
    assert said["unreadable"] == 1


def test_what_was_broken_off_is_gone_on_with(road: Road, database_url: str, tmp_path: Path) -> None:
    column = SEALED[1]
    with road.database.transaction() as tx:
        values = secrets.read(tx, column, 0, keys.BATCH)
        renewed = [Renewed(key, old, Vault([NEW]).seal(b"messages.body")) for key, old in values]
        assert secrets.replace(tx, column, renewed) == keys.BATCH
    said = rotate(database_url, tmp_path)
    assert f"{3 + 5 * ORDERS - keys.BATCH} were brought under" in said.output
    assert opened(road, Vault([NEW]), column) == {"messages.body"}


def test_with_one_key_the_steps_are_printed_and_nothing_is_done(road: Road, database_url: str, tmp_path: Path) -> None:
    said = rotate(database_url, tmp_path, keys=(OLD,))
    assert said.exit_code == 0
    assert said.output.index("<old>,<new>") < said.output.index("<new>,<old>") < said.output.index("fleet keys rotate")
    assert len(Vault([CliRunner().invoke(main, ["keys", "new"]).output.strip()]).seal(b"")) > 0


def test_what_no_key_opens_is_reported_and_kept(road: Road, database_url: str, tmp_path: Path) -> None:
    lost = Vault([new_key()]).seal(b"lost")
    road.run("update messages set body = %s where id = 7", lost)
    said = rotate(database_url, tmp_path)
    assert (said.exit_code, "1 of them cannot be opened by any key" in said.output) == (1, True)
    assert road.value("select body from messages where id = 7") == lost


def test_what_changed_since_it_was_read_is_left_alone(road: Road) -> None:
    with road.database.transaction() as tx:
        ((key, old), *_) = secrets.read(tx, DOCUMENT, 0, 1)
    road.run("update deliveries set document = 'newer' where id = %s", key)
    with road.database.transaction() as tx:
        assert secrets.replace(tx, DOCUMENT, [Renewed(key, old, b"older, under the new key")]) == 0
    assert road.value("select document from deliveries where id = %s", key) == b"newer"


def test_nobody_is_waited_for(road: Road) -> None:
    with road.database.transaction() as tx:
        values = secrets.read(tx, DOCUMENT, 0, 3)
    with road.database.transaction() as other, road.database.transaction() as tx:
        other.run("select from deliveries where id = %s for update", values[1][0])
        assert secrets.replace(tx, DOCUMENT, [Renewed(key, old, b"new") for key, old in values]) == 2


def test_no_update_is_lost_under_load(road: Road, database_url: str, tmp_path: Path) -> None:
    """A worker that knows both keys goes on writing, and finds what it has written."""
    vault, ended, lost = Vault([NEW, OLD]), threading.Event(), []
    written = dict.fromkeys(range(1, ORDERS + 1), "deliveries.document")

    def document(id: int) -> str:
        return vault.open(road.value("select document from deliveries where id = %s", id)).decode()  # type: ignore[arg-type]

    def work() -> None:
        for round_ in itertools.takewhile(lambda _: not ended.is_set(), itertools.count()):
            for id, expected in written.items():
                if document(id) != expected:
                    lost.append((id, expected))
                written[id] = f"{id} in round {round_}"
                road.run("update deliveries set document = %s where id = %s", vault.seal(written[id].encode()), id)

    worker = threading.Thread(target=work)
    worker.start()
    while written[1] == "deliveries.document":
        time.sleep(0.01)
    said = rotate(database_url, tmp_path)
    ended.set()
    worker.join()
    assert said.exit_code == 0, said.output
    assert lost == []
    assert {id: document(id) for id in written} == written
    assert opened(road, Vault([NEW]), DOCUMENT) == set(written.values())


def test_a_process_that_still_seals_under_the_old_key_is_reported(
    road: Road, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes between any two passes, however busy the machine is."""

    def write(_: float) -> None:
        road.run("update messages set body = %s where id = 1", Vault([OLD]).seal(b"body"))

    monkeypatch.setattr(keys, "time", SimpleNamespace(sleep=write))
    said = rotate(database_url, tmp_path)
    assert said.exit_code == 1
    assert "A process runs with the old key in front" in said.output


def started(home: Path) -> Fleet:
    variables = {"PATH": os.environ["PATH"], "FLEET_HOME": str(home), "FLEET_RETRY_SCALE": "0.05"}
    return Fleet(variables).start(port_base=free_ports())


def keys_command(home: Path, *arguments: str) -> Result:
    return CliRunner(env={"FLEET_HOME": str(home), "FLEET_USER": "anna"}).invoke(main, ["keys", "rotate", *arguments])


@pytest.mark.own_fleet
def test_a_fleet_of_up_gets_a_new_key_and_loses_the_old_one(tmp_path: Path) -> None:
    fleet = started(tmp_path)
    try:
        world = World(fleet)
        before = world.generate(2)
        world.finished(*before)
        first = Credentials.load(tmp_path).encryption_keys
        assert "fleet restart" in keys_command(tmp_path).output
        newest, oldest = Credentials.load(tmp_path).encryption_keys
        assert (oldest,) == first
        refused = keys_command(tmp_path, "--drop-old")
        assert (refused.exit_code, "does not use its new key yet" in refused.output) == (1, True)
        assert Credentials.load(tmp_path).encryption_keys == (newest, oldest)
        world.close()
    finally:
        fleet.stop()

    fleet = started(tmp_path)
    try:
        world = World(fleet)
        assert Settings.load(fleet.environment).encryption_keys == (newest, oldest)
        during = world.generate(12)
        done = keys_command(tmp_path)
        assert (done.exit_code, "--drop-old" in done.output) == (0, True), done.output
        assert keys_command(tmp_path, "--drop-old").exit_code == 0
        assert Credentials.load(tmp_path).encryption_keys == (newest,)
        world.finished(*during)
        world.exactly_once(before + during)
        world.balanced()
        for column in SEALED:
            with world.database.transaction() as tx:
                for _, value in secrets.read(tx, column, column.before_first, 10_000):
                    Vault([newest]).open(value)
        world.close()
    finally:
        fleet.stop()
