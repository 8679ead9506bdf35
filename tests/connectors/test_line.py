"""Connections to a target: which are used again, what goes over them byte for byte, proxies and TLS."""

from __future__ import annotations

import gzip
import json
import socket
import time
from contextlib import nullcontext
from functools import partial
from threading import Barrier, Event, Thread

import pytest
import requests

from integration import side_by_side
from integration.connectors import http as http_module
from integration.connectors import route
from integration.connectors.contract import Request
from integration.connectors.oauth import ClientCredentials
from integration.connectors.odoo.client import Client
from integration.errors import Reject, Retry
from integration.settings import System
from tests.connectors.raw_server import EMPTY, OK, Asked, http, post, server

PAUSE = 0.3


def test_one_connection_serves_calls_of_all_threads_one_after_the_other() -> None:
    with server(Asked(EMPTY)) as target:
        client = http(target)
        for _ in range(3):
            thread = Thread(target=post, args=(client,))
            thread.start()
            thread.join()
        post(client)
        assert target.taken == 1


def test_calls_at_the_same_time_have_a_connection_each_and_all_are_used_again() -> None:
    asked = Asked(EMPTY, pause=PAUSE)
    with server(asked) as target:
        client = http(target)
        for _ in range(2):
            threads = [Thread(target=post, args=(client,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert (target.taken, len(asked.requests)) == (4, 8)


def test_a_connection_that_was_closed_while_idle_is_noticed_before_anything_is_sent() -> None:
    asked = Asked(EMPTY, closes=True)
    with server(asked) as target:
        client = http(target)
        for calls in range(1, 4):
            assert post(client).json() == {}
            assert asked.closed.wait(5)
            asked.closed.clear()
            time.sleep(0.05)  # until the end has come through
            assert (target.taken, len(asked.requests)) == (calls, calls)


def test_a_call_that_may_have_taken_effect_is_never_sent_again() -> None:
    """The connection is closed after the request has come, when it might be taken for one that was idle too long."""
    asked = Asked(EMPTY, b"", EMPTY)
    with server(asked) as target:
        client = http(target)
        post(client)
        with pytest.raises(Retry) as raised:
            post(client)
        assert (raised.value.code, raised.value.unknown_outcome) == ("connection_broken", True)
        assert (target.taken, len(asked.requests)) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["more than was asked for", "close", "HTTP/1.0"],
)
def test_a_connection_that_is_not_to_be_used_again_is_not(answer: bytes) -> None:
    with server(Asked(answer, EMPTY)) as target:
        client = http(target)
        post(client)
        time.sleep(0.05)
        assert post(client).body == b"{}"
        assert target.taken == 2


def test_a_connection_that_was_idle_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(Asked(EMPTY)) as target:
        client = http(target)
        post(client)
        monkeypatch.setattr(route, "LONGEST_IDLE", 0.0)
        post(client)
        assert target.taken == 2


PACKED = gzip.compress(b'{"id": 7}')
BODIES = {
    "chunked": OK + b'Transfer-Encoding: chunked\r\n\r\n4;x=1\r\n{"id\r\n5\r\n": 7}\r\n0\r\nTrailer: x\r\n\r\n',
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
    "gzip in chunks": OK
    + b"Content-Encoding: GZIP\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(PACKED)
    + PACKED
    + b"\r\n0\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    + OK
    + b"Content-Length: 9\r\n\r\n"
    + b'{"id": 7}',
    "bare newlines": b"HTTP/1.1 200\nContent-Length: 9\n\n" + b'{"id": 7}',
}


@pytest.mark.parametrize("form", BODIES)
def test_an_answer_is_read_in_whichever_form_it_comes(form: str) -> None:
    with server(Asked(BODIES[form])) as target:
        client = http(target)
        assert [post(client).json(), post(client).json()] == [{"id": 7}] * 2
        assert target.taken == 1


def test_an_answer_may_end_with_its_connection() -> None:
    with server(Asked(OK + b"\r\n" + b'{"id": 7}', closes=True)) as target:
        client = http(target)
        assert [post(client).json(), post(client).json()] == [{"id": 7}] * 2


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 10\r\n\r\n{}",
        OK + b"Content-Length: 10\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n{}",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + PACKED[:10],
        OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"X: y\r\n" * 200 + b"\r\n",
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 nine\r\n\r\n",
    ],
    ids=[
        *("short", "none of it", "short chunk", "odd chunk", "short gzip", "no gzip", "many headers", "a long header"),
        *("another protocol", "an odd status"),
    ],
)
def test_half_an_answer_is_an_unknown_outcome(answer: bytes) -> None:
    asked = Asked(answer, closes=True)
    with server(asked) as target:
        with pytest.raises(Retry) as raised:
            post(http(target))
        assert (raised.value.code, raised.value.unknown_outcome) == ("connection_broken", True)
        assert len(asked.requests) == 1


def test_what_unpacks_to_too_much_is_not_unpacked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    monkeypatch.setattr(http_module, "LARGEST_ANSWER", 100_000)
    with server(Asked(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)) as target:
        with pytest.raises(Retry) as raised:
            post(http(target))
        assert raised.value.code == "answer_too_large"


def test_headers_of_one_name_are_joined_and_folded_ones_unfolded() -> None:
    said = b"X-Two: a\r\nx-two: b\r\nX-Folded: a\r\n  b\r\nX-Latin: caf\xe9\r\n"
    with server(Asked(OK + said + b"Content-Length: 2\r\n\r\n{}")) as target:
        headers = post(http(target)).headers
    assert {name: headers[name] for name in ("x-two", "x-folded", "x-latin")} == {
        "x-two": "a, b",
        "x-folded": "a b",
        "x-latin": "café",
    }


@pytest.mark.parametrize(
    "headers",
    [{"If-Match": "1\r\nX: 2"}, {"If Match": "1"}, {"": "1"}, {"X": "\u0142"}, {"X": "a\0"}],
    ids=["two lines", "a blank", "no name", "not Latin", "NUL"],
)
def test_a_header_that_no_request_can_have_is_not_sent(headers: dict[str, str]) -> None:
    asked = Asked(EMPTY)
    with server(asked) as target:
        with pytest.raises(Retry) as raised:
            post(http(target), **headers)
        assert (raised.value.unknown_outcome, raised.value.code) == (False, "no_connection")
        post(http(target), accept="text/csv")
    assert len(asked.requests) == 1
    assert [line for line in asked.requests[0][0].split("\r\n") if line.lower().startswith("accept:")] == [
        "accept: text/csv"
    ]


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a b", "/ü?q=é&x=1", "/a%2fb%7E%3A", "/x/../y", "/q?a=b?c#fragment", "?q=1", "/'(x)*,;=@:!$&"),
        *('/"<>\\^`{|}', "/%zz%", "@evil.example/", "//double"),
    ],
)
@pytest.mark.parametrize("base", ["", "/odoo", "/a b"])
def test_a_path_is_sent_as_requests_sends_it(base: str, path: str) -> None:
    asked = Asked(EMPTY)
    with server(asked) as target:
        prepared = requests.Request("GET", f"http://127.0.0.1:{target.port}{base}{path}").prepare()
        client = http(target, path=base)
        client.send(Request("GET", path, None, {}))
    first, *headers = asked.requests[0][0].split("\r\n")
    assert first == f"GET {prepared.path_url} HTTP/1.1"
    assert f"Host: 127.0.0.1:{target.port}" in headers
    assert not [line for line in headers if line.startswith("Content-")]


def test_an_answer_that_comes_before_the_whole_request_was_read_is_taken() -> None:
    def refuse(connection: socket.socket, _: Event) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    with server(refuse) as target:
        client = http(target)
        for taken in (1, 2):
            with pytest.raises(Reject) as raised:
                client.send(Request("POST", "/", b"x" * 10_000_000, {}))
            assert (raised.value.code, target.taken) == ("http_413", taken)


def test_calls_of_work_side_by_side_are_under_way_at_the_same_time() -> None:
    together = Barrier(6)

    def script(connection: socket.socket, over: Event) -> None:
        connection.recv(65536)
        together.wait(5)  # all six requests have come, and none has been answered
        connection.sendall(EMPTY)

    with server(script) as target:
        client = http(target)
        found = side_by_side.run([partial(post, client) for _ in range(6)])
    assert [reply.json() for reply in found] == [{}] * 6


def test_pieces_that_need_the_same_token_do_not_stop_each_other() -> None:
    """The thread that fetches it holds a lock meanwhile: no piece may rest between that lock and its release."""
    token = json.dumps({"access_token": "t", "expires_in": 3600}).encode()
    tokens = Asked(OK + b"Content-Length: %d\r\n\r\n" % len(token) + token, pause=PAUSE)
    asked = Asked(EMPTY)
    with server(tokens) as identity, server(asked) as target:
        url = f"http://127.0.0.1:{identity.port}/token"
        credentials = ClientCredentials("clarity", url, f"fleet-{time.time_ns()}", "s", gate=nullcontext, timeout=5)
        client = http(target, headers=credentials.headers, renew=credentials.renew)
        began = time.monotonic()
        side_by_side.run([partial(post, client) for _ in range(6)])
        assert time.monotonic() - began < 4
    assert (len(tokens.requests), len(asked.requests)) == (1, 6)


def test_pieces_that_ask_which_odoo_it_is_do_not_stop_each_other() -> None:
    version = b'{"version_info": [19, 0], "version": "19.0"}'
    asked = Asked(OK + b"Content-Length: %d\r\n\r\n" % len(version) + version, pause=PAUSE)
    with server(asked) as target:
        options = {"db": "shop", "username": "fleet", "api_key": "k", "protocol": "auto"}
        odoo = Client(System("odoo", f"http://127.0.0.1:{target.port}", 10, 4, 5.0, options), nullcontext)
        found = side_by_side.run([lambda: odoo.dialect.name] * 4)
    assert found == ["JSON-2"] * 4
