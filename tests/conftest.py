"""What the tests stand on: real servers, started once, in a home of their own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from integration.local.servers import Postgres, Valkey
from integration.store.database import Database
from integration.store.migrate import migrate

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
    name = f"test_{os.getpid()}_{next(_numbers)}"
    create_database(postgres.url, name, template)
    return named(postgres.url, name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def create_database(url: str, name: str, template: str = "template1") -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"create database {name} template {template}")
    connection.close()


def named(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
