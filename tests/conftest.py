"""What the tests run on: real servers, started once, in a home of their own."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from integration.cli.test import SAYS
from integration.local import servers
from integration.local.processes import PROJECT
from integration.local.servers import Postgres, Valkey
from integration.store.database import Database
from integration.store.migrate import migrate
from tests import ports
from tests.warm import Warm

if TYPE_CHECKING:
    from tests.road.world import World

servers.PORTS = ports.OF_SERVERS
HURRY = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""What a server that no test crashes can do without: each test makes it a database of a thousand pages."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true", help="also run against the Odoo that FLEET_LIVE_ODOO_* names")
    parser.addoption("--rounding-orders", type=int, help="so many random orders under each of Odoo's roundings")
    parser.addoption("--postgres-url", help="use this server instead of starting one")
    parser.addoption("--valkey-url", help="use this server instead of starting one")
    parser.addoption("--template", help="use this migrated, empty database of that server instead of making one")
    parser.addoption("--fuzz", type=int, metavar="N", help="make so many cases in each fuzzer of tests/fuzz")
    parser.addoption("--fuzz-seed", type=int, help="make the cases of this seed again")


@dataclass(frozen=True)
class Running:
    """A server that somebody else started."""

    url: str


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    of_the_world = [item for item in items if "world" in getattr(item, "fixturenames", ())]
    for item in of_the_world:
        item.add_marker(pytest.mark.fleet)
    # Last, so that no other test runs beside that fleet.  What breaks it comes before what uses it, on each of several
    # fleets, as its verdict is about everything that the fleet has done.
    items.sort(key=lambda item: str(item.path) if item in of_the_world else "")
    # First what takes longest: begun late, it would be what everything waits for at the end.
    items.sort(key=lambda item: item.get_closest_marker("own_fleet") is None)
    for marker, words in SAYS.items():
        files = {item.path for item in items if item.get_closest_marker(marker)}
        silent = [path for path in files if not any(word in path.read_text() for word in words)]
        assert not silent, f"`fleet test` runs those tests of files that say one of {words}: {silent}"
    if not config.getoption("--live"):
        for item in items:
            if item.get_closest_marker("live"):
                item.add_marker(pytest.mark.skip(reason="needs --live and FLEET_LIVE_ODOO_*"))


def pytest_collection_finish() -> None:
    """Some thousand tests stay to the end: no look for garbage goes through them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def postgres(home: Path, pytestconfig: pytest.Config) -> Iterator[Postgres | Running]:
    if url := pytestconfig.getoption("--postgres-url"):
        yield Running(url)
        return
    server = Postgres(home)
    server.start()
    hurry(server)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(home: Path, pytestconfig: pytest.Config) -> Iterator[Valkey | Running]:
    if url := pytestconfig.getoption("--valkey-url"):
        yield Running(url)
        return
    server = Valkey(home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A whole fleet that tests share: all processes of the Procfile, their servers, the sandbox on the other side."""
    from tests.road.world import World  # the whole command line, which few tests need

    with World.running(tmp_path_factory.mktemp("fleet")) as world:
        yield world


@pytest.fixture(scope="session")
def programs() -> Iterator[Warm]:
    """Runs programs of the project, each as a process of its own that has imported most of it already."""
    with Warm(PROJECT) as programs:
        yield programs


@pytest.fixture(scope="session")
def template(postgres: Postgres, pytestconfig: pytest.Config) -> str:
    """The name of a migrated, empty database, at which no fleet is at work, however new it is."""
    if made := pytestconfig.getoption("--template"):
        return str(made)
    url = new_database(postgres.url)
    migrate(url)
    made_now = Database(url)
    with made_now.transaction() as tx:
        tx.run("update watch set asked_at = now() - interval '1 hour'")
    made_now.close()
    return url.rpartition("/")[2]


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> str:
    """A migrated database of the test's own."""
    return new_database(postgres.url, template)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def hurry(server: Postgres) -> None:
    """Lets it leave to the system when files reach the disk: only a machine that fails loses them.

    Fleets of a test's own, and the servers that tests kill, are as durable as ever.
    """
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    cursor = connection.cursor()
    for name, value in HURRY.items():
        cursor.execute(f"alter system set {name} = {value}")
    cursor.execute("select pg_reload_conf()")
    connection.close()


def new_database(url: str, template: str = "template1") -> str:
    """The URL of one more database of that server. Its name is random: a long run uses process ids twice."""
    create_database(url, name := f"test_{secrets.token_hex(8)}", template)
    return named(url, name)


def create_database(url: str, name: str, template: str = "template1") -> None:
    """Its files are copied: half the work of writing each page to the log, as would be done by default."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"create database {name} template {template} strategy file_copy")
    connection.close()


def named(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
