"""A whole fleet without a fault, or one process of it on servers of the tests, without anybody on the other side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from integration.local.servers import Valkey
from integration.settings import Settings
from tasks.celery import app
from tasks.runtime import Runtime
from tests.road.orders import ALL, Orders
from tests.road.world import World


@pytest.fixture
def road(world: World) -> Iterator[World]:
    """The world with no fault left from the test before."""
    world.clear_faults()
    yield world
    world.clear_faults()


@pytest.fixture
def stores(database_url: str, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a fleet's stores, which Celery reads for itself."""
    environment = {
        "FLEET_HOME": "/nonexistent",
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/4",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


def broker_of(runtime: Runtime) -> None:
    """Makes Celery, which reads its settings once in a process, publish to this Redis, which forgets what it held."""
    app.conf.broker_url = runtime.settings.redis_url
    app._after_fork()  # its connections are those of another test's
    runtime.redis.flushdb()


@pytest.fixture
def orders(stores: dict[str, str]) -> Iterator[Orders]:
    runtime = Runtime(Settings.load(stores | ALL))
    broker_of(runtime)
    yield Orders(runtime)
    runtime.database.close()


@pytest.fixture
def runtime(database_url: str, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    environment = {
        "FLEET_HOME": "/nonexistent",
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/4",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "CLARITY_URL": "http://127.0.0.1:1",
        "ODOO_URL": "http://127.0.0.1:1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # Celery reads it for itself
    runtime = Runtime(Settings.load(environment))
    broker_of(runtime)
    yield runtime
    runtime.database.close()
