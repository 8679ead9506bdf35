"""`Http` against a real server that misbehaves on request."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from integration.canonical import freeze, thaw
from integration.connectors import http as http_module
from integration.connectors.contract import Request
from integration.connectors.http import Http, Reply, plain
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled
from tests.ports import free_port

Script = Callable[[BaseHTTPRequestHandler], None]


class Gate:
    """Counts the calls that passed, and keeps what each of them came to."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextmanager
    def __call__(self, size: int = 1, **manner: Any) -> Iterator[None]:  # noqa: ARG002 - it lets all through
        try:
            yield
        except Failure as failure:
            self.seen.append(type(failure).__name__)
            raise
        self.seen.append("ok")


class Target:
    """A server that answers every request by the script in force, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Script = answer(200)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        target = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                target.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                target.script(self)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Answering)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def answer(status: int, body: bytes = b'{"ok":true}', type: str = "application/json", **headers: str) -> Script:
    def script(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        sent = {"Content-Type": type, "Content-Length": str(len(body))}
        for name, value in (sent | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return script


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


def call(target: Target, *, timeout: float = 5.0, gate: Gate | None = None, body: Any = None, **options: Any) -> Reply:
    http = Http(target.url, timeout=timeout, gate=gate or Gate(), **options)
    return http.send(Request("POST", "/orders?email=jane@example.com", body, {"X-Frozen": "1"}))


def failure_of(target: Target, **options: Any) -> Any:
    with pytest.raises(Failure) as raised:
        call(target, **options)
    return raised.value


def test_a_reply_is_read_exactly(target: Target) -> None:
    target.script = answer(201, b'{"total": 10.10, "count": 3}', X_Request_Id="r-1")
    gate = Gate()
    reply = call(target, gate=gate, body={"b": Decimal("1.50"), "a": "ż"}, headers={"Authorization": "bearer k"})
    assert (reply.status, reply.headers["x-request-id"]) == (201, "r-1")
    assert reply.json() == {"total": Decimal("10.10"), "count": 3}
    path, headers, body = target.asked[0]
    assert path == "/orders?email=jane@example.com"
    assert (headers["authorization"], headers["x-frozen"], headers["content-type"]) == (
        "bearer k",
        "1",
        "application/json",
    )
    assert body == rb'{"a":"\u017c","b":1.5}'
    assert gate.seen == ["ok"]


def test_a_frozen_request_is_repeated_byte_for_byte(target: Target) -> None:
    request = Request("POST", "/", {"z": Decimal("5"), "a": [Decimal("0.10"), "\ud800", 7, None]}, {})
    http = Http(target.url, timeout=5, gate=Gate())
    http.send(request)
    http.send(Request(**thaw(freeze(request.__dict__))))
    assert target.asked[0][2] == target.asked[1][2] == rb'{"a":[0.1,"\ud800",7,null],"z":5.0}'


def test_bytes_are_sent_as_they_are(target: Target) -> None:
    Http(target.url, timeout=5, gate=Gate()).send(
        Request("POST", "/token", b"a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"})
    )
    assert target.asked[0][1]["content-type"] == "application/x-www-form-urlencoded"
    assert target.asked[0][2] == b"a=1&b=2"


JSON, HTML = "application/problem+json", "text/html"


@pytest.mark.parametrize(
    ("status", "type", "expected", "code"),
    [
        (302, HTML, Misconfigured, "misconfigured"),
        (400, JSON, Reject, "http_400"),
        (401, JSON, Misconfigured, "misconfigured"),
        (403, JSON, Hold, "http_403"),
        (403, HTML, Misconfigured, "misconfigured"),
        (404, JSON, Hold, "http_404"),
        (404, HTML, Misconfigured, "misconfigured"),
        (408, JSON, Retry, "http_408"),
        (409, JSON, Retry, "http_409"),
        (410, JSON, Hold, "http_410"),
        (422, JSON, Reject, "http_422"),
        (500, HTML, Retry, "http_500"),
        (503, HTML, Retry, "http_503"),
    ],
)
def test_what_a_status_means(target: Target, status: int, type: str, expected: type[Failure], code: str) -> None:
    target.script = answer(status, b"Jane Doe, jane@example.com", type, Location="/elsewhere")
    failure = failure_of(target)
    assert (failure.__class__, failure.code) == (expected, code)
    assert "example.com" not in failure.reason + (failure.hint or "")
    assert failure.reason.startswith(f"POST /orders: {status}")
    assert failure.excerpt == b"Jane Doe, jane@example.com"
    assert len(target.asked) == 1
    if status >= 500:
        assert failure.unknown_outcome and failure.counts_for_breaker
    elif expected is Retry:
        assert not failure.counts_for_breaker


def test_a_connector_reads_its_own_errors_first(target: Target) -> None:
    target.script = answer(500, b'{"name": "builtins.ValueError"}')
    said = Reject("a field is unknown", hint="correct it")
    assert (
        failure_of(target, problem=lambda reply: said if reply.json()["name"] == "builtins.ValueError" else None)
        is said
    )


def test_an_excerpt_is_short(target: Target) -> None:
    target.script = answer(500, b"x" * 5000)
    assert len(failure_of(target).excerpt) == 2048


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (429, {"Retry_After": "7"}, 7.0),
        (503, {"Retry_After": "120"}, 120.0),
        (429, {"Retry_After": "Sat, 21 Nov 2026 10:00:30 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30.0),
        (429, {"Retry_After": "Sat, 21 Nov 2020 10:00:30 GMT"}, 1.0),
        (429, {"Retry_After": "999999"}, 3600.0),
        (429, {"Retry_After": "soon"}, 5.0),
        (429, {}, 5.0),
    ],
)
def test_a_pause_the_target_asks_for(target: Target, status: int, headers: dict[str, str], after: float) -> None:
    def script(request: BaseHTTPRequestHandler) -> None:
        # The library adds a Date of its own first; the one that counts here is the test's.
        request.log_request = lambda *_: None  # type: ignore[method-assign]
        request.send_response_only(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    target.script = script
    failure = failure_of(target)
    assert isinstance(failure, Throttled)
    assert (failure.after, failure.by_target) == (after, True)


def test_credentials_are_renewed_once(target: Target) -> None:
    tokens = ["old"]

    def script(request: BaseHTTPRequestHandler) -> None:
        answer(200 if request.headers["Authorization"] == "bearer new" else 401)(request)

    target.script = script
    gate = Gate()
    credentials: dict[str, Any] = {
        "headers": lambda: {"Authorization": f"bearer {tokens[-1]}"},
        "renew": lambda: tokens.append("new"),
    }
    assert call(target, gate=gate, **credentials).status == 200
    assert gate.seen == ["ok", "ok"]
    tokens[:] = ["old"]
    failure = failure_of(target, headers=credentials["headers"], renew=lambda: tokens.append("also old"))
    assert isinstance(failure, Misconfigured)
    assert tokens == ["old", "also old"]


def test_nobody_listens() -> None:
    gate = Gate()
    http = Http(f"http://127.0.0.1:{free_port()}", timeout=5, gate=gate)
    with pytest.raises(Retry) as raised:
        http.send(Request("GET", "/x?email=jane@example.com", None, {}))
    assert raised.value.reason == "GET /x: no connection (NewConnectionError)"
    assert (raised.value.unknown_outcome, raised.value.counts_for_breaker) == (False, True)
    assert gate.seen == ["Retry"]


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)


def _promise_more(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"id":')
    request.wfile.flush()
    request.connection.shutdown(socket.SHUT_RDWR)


def _trickle(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(40):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.05)


def _say_nothing(request: BaseHTTPRequestHandler) -> None:
    time.sleep(1.0)


@pytest.mark.timed
@pytest.mark.parametrize(
    ("script", "code"),
    [
        (_hang_up, "connection_broken"),
        (_promise_more, "connection_broken"),
        (_trickle, "timeout"),
        (_say_nothing, "timeout"),
    ],
)
def test_sent_but_not_answered_is_an_unknown_outcome(target: Target, script: Script, code: str) -> None:
    target.script = script
    started = time.monotonic()
    failure = failure_of(target, timeout=0.3)
    assert time.monotonic() - started < 0.9
    assert (failure.code, failure.unknown_outcome, failure.counts_for_breaker) == (code, True, True)


@pytest.mark.parametrize("body", [b'{"id": 1', b"<html>", b"", b"\xff", b"[" * 100_000], ids=len)
def test_an_answer_that_is_no_json_is_an_unknown_outcome(target: Target, body: bytes) -> None:
    target.script = answer(200, body)
    with pytest.raises(Retry) as raised:
        call(target).json()
    assert (raised.value.unknown_outcome, raised.value.code) == (True, "unreadable_answer")


def test_no_content_is_none(target: Target) -> None:
    target.script = answer(204, b"")
    assert call(target).json() is None


def test_a_huge_answer_is_not_read_to_its_end(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "LARGEST_ANSWER", 1000)
    target.script = answer(200, b" " * 1001)
    assert failure_of(target).code == "answer_too_large"
    target.script = answer(200, b" " * 1000)
    assert len(call(target).body) == 1000


def test_neither_cookies_nor_a_netrc_file_get_in(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    target.script = answer(200, Set_Cookie="session_id=1; Path=/")
    http = Http(target.url, timeout=5, gate=Gate(), headers={"Authorization": "bearer k"})
    http.send(Request("GET", "/", None, {}))
    http.send(Request("GET", "/", None, {}))
    assert [asked[1]["authorization"] for asked in target.asked] == ["bearer k", "bearer k"]
    assert "cookie" not in target.asked[1][1]


def test_a_header_that_cannot_be_sent_is_no_defect(target: Target) -> None:
    with pytest.raises(Retry):
        Http(target.url, timeout=5, gate=Gate()).send(Request("GET", "/", None, {"If-Match": "1\n2"}))


def test_a_gate_that_is_closed_keeps_the_call_back(target: Target) -> None:
    @contextmanager
    def closed(size: int = 1) -> Iterator[None]:
        raise Throttled("no slot", after=1.0)
        yield

    with pytest.raises(Throttled):
        Http(target.url, timeout=5, gate=closed).send(Request("GET", "/", None, {}))
    assert target.asked == []


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("No match for 'Jane Doe' in field 'Name'", "No match for … in field …"),
        ("jane.doe@example.com is taken", "… is taken"),
        ('No match for "Jane Doe" (jane@example.com, +48 600 700 800)', "No match for … (…, …)"),
        ("call +48 600 700 800 or 5551234", "call … or …"),
        ("The VAT number [PL1234567890] for partner [Jane] is wrong", "The VAT number … for partner … is wrong"),
        ("can't\n   be decreased", "can't be decreased"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_a_message_loses_what_may_be_personal(message: str, shown: str) -> None:
    assert plain(message) == shown


def test_an_answer_of_floats_survives_json(target: Target) -> None:
    target.script = answer(200, json.dumps({"amount_total": 97.31}).encode())
    assert call(target).json()["amount_total"] == Decimal("97.31")
