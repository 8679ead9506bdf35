"""A Valkey that may be wiped at any time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from integration.local.servers import Valkey


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of these tests' own, because it is wiped all the time."""
    server = Valkey(tmp_path_factory.mktemp("throttle")).start()
    yield server.url
    server.stop()


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        client.flushall()
        yield client
