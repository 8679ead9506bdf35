"""A backup that is put back: a fleet that has forgotten its last orders doubles none of them at the ERPs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg2
import pytest

from integration.local.servers import Postgres, postgres_binaries
from tests.road.world import World

README = Path(__file__).parents[2] / "docker" / "README.md"


def commands(program: str) -> list[str]:
    """What the guide says to run with this program, without its remark."""
    lines = [line.split("  #")[0].strip() for line in README.read_text().splitlines() if line.startswith("$ ")]
    return [line.removeprefix("$ ") for line in lines if line.startswith(f"$ {program} ")]


def run(line: str, database_url: str, directory: Path) -> None:
    environment = {"PATH": f"{postgres_binaries()}:/usr/bin:/bin", "DATABASE_URL": database_url}
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def effects(world: World, ids: list[str]) -> dict[str, list[tuple[str, str]]]:
    """What each order is at the ERPs."""
    ledger = world.control("GET", "ledger")
    odoo = {id: [("odoo", order["name"]) for order in world.at_odoo(id)] for id in ids}
    fusion = [(order["source_id"], order["number"]) for order in ledger["fusion"]["orders"]]
    return {id: odoo[id] + [("fusion", number) for source, number in fusion if source == id] for id in ids}


@pytest.mark.own_fleet
@pytest.mark.timeout(300)
def test_a_restored_fleet_doubles_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with World.running(home) as world:
        kept = world.generate(3, seed=5)
        world.finished(*kept)
        (dump,) = commands("pg_dump")
        run(dump, world.settings.database_url, tmp_path)
        forgotten = world.generate(3, seed=6)
        world.finished(*forgotten)
        before = effects(world, kept + forgotten)
        assert all(before.values())

    wipe_and_restore(home, tmp_path)
    shutil.rmtree(home / "valkey")

    with World.running(home) as world:
        assert world.deliveries(forgotten[0]) == []
        assert len(world.deliveries(kept[0])) >= 1
        send_again(world)
        world.finished(*kept, *forgotten)
        assert effects(world, kept + forgotten) == before
        assert {row["state"] for id in forgotten for row in world.deliveries(id)} <= {"done", "skipped"}
        world.balanced()


def wipe_and_restore(home: Path, directory: Path) -> None:
    server = Postgres(home).start()
    try:
        for line in (*commands("psql"), *commands("pg_restore")):
            run(line, server.url, directory)
        with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from messages")
            assert cursor.fetchall() >= [(3,)]
    finally:
        server.stop()


def send_again(world: World) -> None:
    """Clarity sends every webhook once more, also those it had an answer to."""
    for delivery in world.shop("GET", "webhook-deliveries?status=delivered")["items"]:
        world.shop("POST", f"webhook-deliveries/{delivery['id']}/redeliver")
