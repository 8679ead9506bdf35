from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from tests.connectors.fusion_targets import Pod, pod
from tests.connectors.odoo_targets import LiveTarget, SandboxTarget, Shop, Target, sandbox
from tests.connectors.raw_server import certificate


@pytest.fixture(
    scope="module",
    params=[
        "sandbox json2",
        "sandbox jsonrpc",
        pytest.param("live auto", marks=pytest.mark.live),
        pytest.param("live jsonrpc", marks=pytest.mark.live),
    ],
)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    where, protocol = request.param.split()
    if where == "live":
        yield LiveTarget(protocol)
        return
    with sandbox(tmp_path_factory.mktemp("odoo")) as (url, fake):
        yield SandboxTarget(url, fake, protocol)


@pytest.fixture
def shop(target: Target) -> Shop:
    return Shop(target)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A Fusion pod of the sandbox; each test module brings it back to where it wants it."""
    with pod(tmp_path_factory.mktemp("fusion")) as started:
        yield started


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssl.SSLContext]:
    """A server's TLS context for 127.0.0.1, whose authority the calls trust."""
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(pem))
        yield context
