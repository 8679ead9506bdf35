"""A whole fleet: every process of the Procfile, its own Postgres and Valkey, and the sandbox on the other side."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from integration.cli.fleet import Fleet
from tests.road.world import World

PORTS = 23100


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("fleet")
    fleet = Fleet({"PATH": os.environ["PATH"], "FLEET_HOME": str(home), "FLEET_RETRY_SCALE": "0.05"})
    fleet.start(port_base=PORTS)
    world = World(fleet)
    yield world
    world.close()
    fleet.stop()


@pytest.fixture
def road(world: World) -> Iterator[World]:
    """The world with no fault left from the test before."""
    world.clear_faults()
    yield world
    world.clear_faults()
