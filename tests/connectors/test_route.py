"""The way to a target: proxies as the environment names them, and certificates."""

from __future__ import annotations

import socket
import ssl
from contextlib import nullcontext
from threading import Event, Thread

import pytest

from integration.connectors.http import Http
from integration.errors import Retry
from tests.connectors.raw_server import EMPTY, Asked, http, post, server


def test_a_proxy_forwards_what_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(EMPTY)
    with server(asked) as proxy:
        monkeypatch.setenv("http_proxy", f"http://jane:s%20cret@127.0.0.1:{proxy.port}")
        client = Http("http://erp.example", timeout=5, gate=nullcontext)
        post(client, "/orders?q=1#x")
        post(client)
        assert proxy.taken == 1
    first, *headers = asked.requests[0][0].split("\r\n")
    assert first == "POST http://erp.example/orders?q=1 HTTP/1.1"
    assert "Host: erp.example" in headers
    assert [line.lower() for line in headers if line.lower().startswith("proxy-")] == [
        "proxy-authorization: basic amFuZTpzIGNyZXQ=".lower()
    ]


def test_a_proxy_is_passed_by_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(EMPTY)
    with server(asked) as target:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        post(http(target))
    assert asked.requests[0][0].startswith("POST /orders HTTP/1.1")


class Tunnel:
    """A proxy that leads every tunnel to one port; over TLS if it has a context of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[str] = []

    def __call__(self, connection: socket.socket, _: Event) -> None:
        self.asked.append(connection.recv(65536).decode())
        connection.sendall(b"HTTP/1.1 200 Connected\r\nX-Proxy: yes\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._port)) as there:
            back = Thread(target=_pump, args=(there, connection), daemon=True)
            back.start()
            _pump(connection, there)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel_through_a_proxy(scheme: str, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(EMPTY)
    with server(asked, certified) as target:
        tunnel = Tunnel(target.port)
        with server(tunnel, certified if scheme == "https" else None) as proxy:
            monkeypatch.setenv("https_proxy", f"{scheme}://jane:secret@127.0.0.1:{proxy.port}")
            client = http(target, "https", headers={"Authorization": "bearer k"})
            assert [post(client).json(), post(client).json()] == [{}, {}]
            assert proxy.taken == 1
    assert tunnel.asked[0].startswith(f"CONNECT 127.0.0.1:{target.port} HTTP/1.")
    assert "proxy-authorization: basic" in tunnel.asked[0].lower()
    assert "bearer" not in tunnel.asked[0]
    head = asked.requests[0][0].lower()
    assert head.startswith("post /orders http/1.1")
    assert "proxy-authorization" not in head


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Who are you\r\n\r\n", b"", b"SSH\r\n"], ids=["refused", "closed", "no proxy"]
)
def test_a_proxy_that_makes_no_tunnel(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(Asked(answer, closes=True)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(Retry, match=r"no connection \(\w+\)") as raised:
            post(Http("https://erp.example", timeout=5, gate=nullcontext))
    assert (raised.value.unknown_outcome, raised.value.code) == (False, "no_connection")


def test_over_tls_connections_are_used_again(certified: ssl.SSLContext) -> None:
    with server(Asked(EMPTY), certified) as target:
        client = http(target, "https")
        assert [post(client).json(), post(client).json()] == [{}, {}]
        assert target.taken == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_is_sent_to_whom_nobody_vouches_for(
    host: str, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is for 127.0.0.1, by an authority that only REQUESTS_CA_BUNDLE knows."""
    if host == "127.0.0.1":
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    asked = Asked(EMPTY)
    with server(asked, certified) as target:
        with pytest.raises(Retry, match=r"no connection \(SSLCertVerificationError\)") as raised:
            post(Http(f"https://{host}:{target.port}", timeout=5, gate=nullcontext))
        assert (raised.value.unknown_outcome, raised.value.counts_for_breaker) == (False, True)
    assert asked.requests == []
