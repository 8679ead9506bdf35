"""A fleet to break things at, apart from the one of the other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.road.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World.running(tmp_path_factory.mktemp("faults")) as world:
        yield world
