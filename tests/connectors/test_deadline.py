"""A call's timeout holds for the call as a whole, whichever part of an answer a server sends byte by byte."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle, islice
from threading import Event, Thread

import pytest

from integration.connectors.contract import Request
from integration.connectors.http import Http
from integration.connectors.oauth import ClientCredentials
from integration.errors import Retry
from tests.connectors.raw_server import OK, Script, server

pytestmark = pytest.mark.timed

TIMEOUT = 1.0
OVER = 2.5
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def trickling(first: bytes, again: bytes) -> Script:
    """Takes the request, sends ``first`` at once, and then one byte of ``again`` at a time, for five seconds."""

    def script(connection: socket.socket, over: Event) -> None:
        connection.recv(65536)
        connection.sendall(first)
        for byte in islice(cycle(again), 50):
            if over.wait(0.1):
                return
            connection.sendall(bytes([byte]))

    return script


def unread(connection: socket.socket, over: Event) -> None:
    """Reads a little of the request now and then."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while not over.wait(0.1):
        connection.recv(1000)


def no_handshake(connection: socket.socket, over: Event) -> None:
    """Begins a TLS record of 16 KB, and goes on with it byte by byte."""
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x40\x00")
    while not over.wait(0.1):
        connection.sendall(b"\x02")


PARTS = {
    "interim answers": trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of an interim answer": trickling(b"HTTP/1.1 100 Continue\r\n", b"X-Padding: x\r\n"),
    "the status line": trickling(b"HTTP/1.1 200 ", b"x"),
    "a header": trickling(OK + b"X-Padding: ", b"x"),
    "headers": trickling(OK, b"X-Padding: x\r\n"),
    "the body": trickling(OK + b"Content-Length: 1000\r\n\r\n", b" "),
    "a body without a length": trickling(OK + b"\r\n", b" "),
    "a chunk's size": trickling(CHUNKED, b"0"),
    "a chunk's extension": trickling(CHUNKED + b"5;x=", b"x"),
    "chunks": trickling(CHUNKED, b"1\r\n \r\n"),
    "trailers": trickling(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Padding: x\r\n"),
    "the request": unread,
}


@contextmanager
def open_gate(size: int = 1) -> Iterator[None]:
    yield


def call(url: str, body: bytes | None = None) -> Retry:
    """The failure of a call that must be over in time."""
    began = time.monotonic()
    with pytest.raises(Retry) as raised:
        Http(url, timeout=TIMEOUT, gate=open_gate).send(Request("POST", "/orders", body, {}))
    assert TIMEOUT - 0.2 < time.monotonic() - began < OVER
    return raised.value


@pytest.mark.parametrize("part", PARTS)
def test_a_call_ends_in_time_whatever_trickles_in(part: str) -> None:
    with server(PARTS[part]) as target:
        failure = call(f"http://127.0.0.1:{target.port}", b"x" * 30_000_000 if part == "the request" else b"{}")
    assert (failure.code, failure.unknown_outcome, failure.counts_for_breaker) == ("timeout", True, True)


def test_a_bulk_call_has_an_eighth_more_for_each_further_object() -> None:
    sizes: list[int] = []

    @contextmanager
    def gate(size: int = 1) -> Iterator[None]:
        sizes.append(size)
        yield

    with server(PARTS["headers"]) as target:
        http = Http(f"http://127.0.0.1:{target.port}", timeout=TIMEOUT, gate=gate)
        began = time.monotonic()
        with pytest.raises(Retry):
            http.send(Request("POST", "/orders", b"{}", {}), size=9)
    assert time.monotonic() - began > 2 * TIMEOUT - 0.2
    assert sizes == [9]


@pytest.mark.parametrize("part", ["headers", "the body", "a chunk's size", "the request"])
def test_so_it_does_over_tls(part: str, certified: ssl.SSLContext) -> None:
    with server(PARTS[part], certified) as target:
        failure = call(f"https://127.0.0.1:{target.port}", b"x" * 30_000_000 if part == "the request" else b"{}")
    assert (failure.code, failure.unknown_outcome) == ("timeout", True)


def test_a_handshake_that_never_ends(certified: ssl.SSLContext) -> None:
    with server(no_handshake) as target:
        call(f"https://127.0.0.1:{target.port}")


def test_a_proxy_that_trickles(certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(trickling(b"HTTP/1.1 200 Connected\r\n", b"X-Padding: x\r\n")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        call("https://erp.example")


def test_all_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full answers nobody: each address would be waited for as long as the call may take."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        with suppress(BlockingIOError):
            each.connect(("127.0.0.1", port))
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))] * 4
    asked = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: addresses if host == "erp.example" else asked(host, *rest, **named),
    )
    failure = call(f"http://erp.example:{port}")
    assert (failure.code, failure.unknown_outcome) == ("no_connection", False)
    for each in (full, *waiting):
        each.close()


@pytest.mark.parametrize("part", ["headers", "a chunk's size"])
def test_a_token_is_not_waited_for_any_longer_however_many_ask(part: str) -> None:
    """The token is fetched by one thread; another that waits for it gives up after the time of a call, too."""
    with server(PARTS[part]) as target:
        url = f"http://127.0.0.1:{target.port}/token"
        tokens = ClientCredentials("clarity", url, "fleet", "s3cret", gate=open_gate, timeout=TIMEOUT)
        seconds: list[float] = []

        def ask() -> None:
            began = time.monotonic()
            with pytest.raises(Retry) as raised:
                tokens.headers()
            assert not raised.value.unknown_outcome
            seconds.append(time.monotonic() - began)

        threads = [Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seconds) == 5
    assert max(seconds) < 2 * OVER


def test_a_connection_is_used_again_with_the_whole_time() -> None:
    """A socket keeps the timeout of its last read: a call must not inherit what was left of the one before."""

    def script(connection: socket.socket, over: Event) -> None:
        for pause in (0.9, 0.0):
            asked = b""
            while not asked.endswith(b"{}"):
                asked += connection.recv(65536)
            over.wait(pause)
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
        over.wait(5)

    with server(script) as target:
        http = Http(f"http://127.0.0.1:{target.port}", timeout=1.0, gate=open_gate)
        for _ in range(2):
            assert http.send(Request("POST", "/orders", b"{}", {})).json() == {}
        assert target.taken == 1
