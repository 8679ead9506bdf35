"""One sandbox and one listener for each test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.fusion_rig import Pod
from tests.sandbox.rig import Listener, Sandbox, eventually


@pytest.fixture(scope="module")
def listening() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, listening: Listener) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), listening.url)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Without records and faults of earlier tests, and with none of their webhooks under way."""
    running.control("DELETE", "/faults")
    eventually(running.quiet)
    running.control("POST", "/reset")
    return running


@pytest.fixture
def listener(listening: Listener, sandbox: Sandbox) -> Listener:  # noqa: ARG001  what it still sends has come by now
    listening.answers.clear()
    listening.received.clear()
    return listening


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    """A fake Fusion alone, with nothing but its seed."""
    with Pod(tmp_path) as served:
        yield served
