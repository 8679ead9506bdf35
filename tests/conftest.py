"""What the tests run on: real servers, started once, in a home of their own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from integration.local import servers
from integration.local.servers import Postgres, Valkey
from integration.store.database import Database
from integration.store.migrate import migrate
from tests import ports

if TYPE_CHECKING:
    from tests.road.world import World

servers.PORTS = ports.OF_SERVERS
_numbers = itertools.count(1)


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
    if not config.getoption("--live"):
        for item in items:
            if item.get_closest_marker("live"):
                item.add_marker(pytest.mark.skip(reason="needs --live and FLEET_LIVE_ODOO_*"))


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
def template(postgres: Postgres, pytestconfig: pytest.Config) -> str:
    """The name of a migrated, empty database."""
    if made := pytestconfig.getoption("--template"):
        return str(made)
    name = f"template_{os.getpid()}"
    create_database(postgres.url, name)
    migrate(named(postgres.url, name))
    return name


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> str:
    """A migrated database of the test's own."""
    return new_database(postgres.url, template)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def new_database(url: str, template: str) -> str:
    """The URL of one more database of that server: a module's fixtures may be made more than once in a process."""
    create_database(url, name := f"test_{os.getpid()}_{next(_numbers)}", template)
    return named(url, name)


def create_database(url: str, name: str, template: str = "template1") -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"create database {name} template {template}")
    connection.close()


def named(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
