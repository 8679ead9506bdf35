"""What is published is in force at once in every process of every receiver, for all objects or a share of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mappings
from integration.cli import main
from integration.local.servers import Postgres, Valkey
from tests.conftest import new_database
from tests.ports import free_port
from tests.receiver.conftest import running, settings
from tests.receiver.webhook import Receiver, event

BURST = 24
"""Events at once: more than the processes of both receivers have threads for."""


class Receivers:
    """Two receivers of two processes each, on one database."""

    def __init__(self, receivers: Sequence[Receiver], folder: Path) -> None:
        self.receivers = receivers
        self.folder = folder

    def fleet(self, *arguments: object) -> Result:
        runner = CliRunner(env={**self.receivers[0].environment, "FLEET_USER": "anna", "COLUMNS": "9999"})
        return runner.invoke(main, [str(argument) for argument in arguments])

    def publish(self, *options: str) -> int:
        """Publishes the folder; the number of the version."""
        result = self.fleet("mapping", "publish", "--folder", self.folder, "--yes", *options)
        assert result.exit_code == 0, result.output
        return self.newest()

    def newest(self) -> int:
        return int(self.receivers[0].value("select max(version) from publications"))

    def note(self, text: str) -> None:
        """Edits a mapping of orders, so that another set of definitions is in the folder."""
        file = self.folder / "clarity" / "in" / "order.json"
        body = json.loads(file.read_text())
        body["rows"][0]["note"] = text
        file.write_text(json.dumps(body))

    def send(self, *events: dict[str, Any]) -> list[tuple[int, str]]:
        """Sends events to both receivers at once; version and pin of the delivery of each."""

        def post(number: int) -> str:
            answer = self.receivers[number % len(self.receivers)].post(events[number])
            assert answer.status_code == 202, answer.text
            return str(events[number]["id"])

        with ThreadPoolExecutor(8) as pool:
            return [self.routed(id) for id in pool.map(post, range(len(events)))]

    def routed(self, id: str) -> tuple[int, str]:
        with self.receivers[0].database.transaction() as tx:
            (row,) = tx.rows(
                """select d.mapping_version, d.pin from deliveries d join messages m on m.id = d.message
                   where m.external_id = %s""",
                id,
            )
        return row["mapping_version"], row["pin"]


@pytest.fixture(scope="module")
def two(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Receiver]]:
    homes = [tmp_path_factory.mktemp("receiver") for _ in range(2)]
    environment = settings(new_database(postgres.url, template), valkey.url, homes[0])
    another = {"FLEET_HOME": str(homes[1])} | {
        f"FLEET_{name}_BIND": f"127.0.0.1:{free_port()}" for name in ("RECEIVER", "OPS")
    }
    with running(environment) as first, running(environment, **another) as second:
        yield [first, second]


@pytest.fixture
def receivers(two: list[Receiver], tmp_path: Path) -> Receivers:
    """Both, with what ships in force for all."""
    made = Receivers(two, shutil.copytree(mappings.FOLDER, tmp_path / "mappings"))
    made.publish("--note", "as shipped")
    return made


def of(objects: Sequence[str]) -> list[dict[str, Any]]:
    return [event(id=id) for id in objects]


def test_the_first_process_publishes_what_ships(two: list[Receiver]) -> None:
    with two[0].database.transaction() as tx:
        first = tx.row("select version, who, from_files, share from publications order by version limit 1")
    assert first == {"version": 1, "who": "fleet", "from_files": True, "share": None}


def test_what_is_published_routes_every_later_event_of_every_process(receivers: Receivers) -> None:
    before = receivers.send(*(event() for _ in range(BURST)))
    under_way = event()
    (old,) = receivers.send(under_way)
    assert set(before) == {old}
    receivers.note("published under way")
    version = receivers.publish("--note", "it counts at once")
    after = set(receivers.send(*(event() for _ in range(BURST))))
    assert {each for each, _ in after} == {version}
    ((_, pin),) = after
    assert pin != old[1]
    assert receivers.routed(under_way["id"]) == old
    for each in receivers.receivers:
        assert each.log.read_text().count("receiver.ready") == 2, "a process was started again"


@pytest.mark.parametrize(
    ("file", "code", "broken", "says"),
    [
        ("odoo/out/order.json", "},", "}", "order.json cannot be read: not JSON"),
        ("odoo/out/order.json", '"from": ', '"form": ', "row 1: unknown key 'form'; did you mean from?"),
        ("clarity/in/order.json", '"from": "paymentStatus"', '"from": "payment"', "sample "),
    ],
)
def test_what_is_broken_is_refused_and_nothing_changes(
    receivers: Receivers, file: str, code: str, broken: str, says: str
) -> None:
    ((version, pin),) = receivers.send(event())
    path = receivers.folder / file
    assert code in path.read_text()
    path.write_text(path.read_text().replace(code, broken, 1))
    refused = receivers.fleet("mapping", "publish", "--folder", receivers.folder, "--yes")
    assert refused.exit_code == 1
    assert refused.output.startswith("error: nothing is published: ")
    assert says in refused.output
    assert receivers.newest() == version
    assert receivers.send(event()) == [(version, pin)]


def test_a_rollback_is_a_new_version_with_the_old_content(receivers: Receivers) -> None:
    ((_, shipped),) = receivers.send(event())
    receivers.note("a mistake")
    mistaken = receivers.publish()
    ((_, pin),) = receivers.send(event())
    assert pin != shipped
    said = receivers.fleet("mapping", "rollback", "--yes").output.splitlines()
    assert said[-1] == f"Version {mistaken + 1} is in force for all objects."
    assert "has another note" in said[0]
    assert receivers.send(event()) == [(mistaken + 1, shipped)]
    assert receivers.fleet("mapping", "rollback", mistaken, "--yes").exit_code == 0
    assert receivers.send(event()) == [(mistaken + 2, pin)]
    refused = receivers.fleet("mapping", "rollback", 10**6, "--yes")
    assert "there is no version 1000000" in refused.output


def test_an_object_stays_in_a_canary_or_out_of_it(receivers: Receivers) -> None:
    whole = receivers.newest()
    objects = [f"canary-{number}" for number in range(60)]
    receivers.note("tried on some")
    canary = receivers.publish("--canary", "30%")
    first = [version for version, _ in receivers.send(*of(objects))]
    assert set(first) == {whole, canary}
    assert [version for version, _ in receivers.send(*reversed(of(objects)))][::-1] == first
    wider = receivers.publish("--canary", "60%")
    second = [version for version, _ in receivers.send(*of(objects))]
    assert first.count(canary) < second.count(wider) < len(objects)
    assert all(now == wider for was, now in zip(first, second, strict=True) if was == canary)
    receivers.note("for all")
    for_all = receivers.publish()
    assert {version for version, _ in receivers.send(*of(objects))} == {for_all}


def test_a_rollback_ends_a_canary(receivers: Receivers) -> None:
    ((_, shipped),) = receivers.send(event())
    receivers.note("tried on nearly all")
    canary = receivers.publish("--canary", "99%")
    objects = [f"ended-{number}" for number in range(8)]
    assert canary in {version for version, _ in receivers.send(*of(objects))}
    assert receivers.fleet("mapping", "rollback", "--yes").exit_code == 0
    assert set(receivers.send(*of(objects))) == {(canary + 1, shipped)}


def test_what_a_release_cannot_use_leaves_its_own_in_force(receivers: Receivers) -> None:
    """As while a newer release is rolled out: its mappings may name what an older process does not know."""
    ((version, pin),) = receivers.send(event())
    published: Callable[[str], int] = receivers.receivers[0].value
    published(
        """with newer as (
               insert into definitions (hash, kind, name, body)
               select repeat('f', 60) || substr(hash, 1, 4), kind, name, body || '{"transform": ["of.a.newer"]}'
               from definitions where hash = (select pin from deliveries order by id desc limit 1) returning hash)
           insert into publications (version, who, from_files, hashes)
           select max(version) + 1, 'newer', false, (select array_agg(hash) from newer) from publications
           returning version"""
    )
    assert set(receivers.send(*(event() for _ in range(BURST)))) == {(version, pin)}
    assert receivers.publish() == version + 2, "there is a way on"
