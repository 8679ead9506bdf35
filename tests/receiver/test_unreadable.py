"""What HTTP cannot read, and what the receiver itself fails on: answered, counted, and never with 500."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner

from integration.cli.messages import refused
from tests.patience import PATIENCE
from tests.receiver.webhook import Receiver, event

HEAD = b"POST /webhooks/clarity HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNREADABLE = {
    "a chunk size that is none": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "an empty extension": CHUNKED + b"2;\x00\r\n{}\r\n0\r\n\r\n",
    "a chunk that does not end": CHUNKED + b"2\r\n{}xx0\r\n\r\n",
    "a chunk's size line without end": CHUNKED + b"0" * 10_000,
    "a length that is none": HEAD + b"Content-Length: five\r\n\r\n{}",
    "a length and chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "an unknown transfer coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "no request line": b"\x00\x01\x02\r\n\r\n",
    "a header without a name": b"POST /webhooks/clarity HTTP/1.1\r\n: x\r\n\r\n",
    "a bare line feed": b"POST /webhooks/clarity HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "headers without end": HEAD + b"X: " + b"y" * 40_000,
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\r\n\r\n",
}


def raw(url: str, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these bytes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return int(head.split(b" ", 2)[1]), body


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_http_is_400_and_counted(receiver: Receiver, name: str) -> None:
    before = counted(receiver, "unreadable")
    status, body = raw(receiver.url, UNREADABLE[name])
    assert (status, json.loads(body)["code"]) == (400, "unreadable")
    assert_counted(receiver, "unreadable", before + 1)


def test_paths_and_methods_that_there_are_not_are_counted(receiver: Receiver) -> None:
    before = counted(receiver, "unknown_path")
    for method, path, status in (("GET", "/wp-login.php", 404), ("GET", "/webhooks/clarity", 405), ("PUT", "/", 404)):
        answer = requests.request(method, receiver.url + path, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (status, "not_found")
    for path in ("/readyz", "/metrics"):
        assert requests.get(receiver.url + path, timeout=10).status_code == 404, (
            "operators have an address of their own"
        )
    assert_counted(receiver, "unknown_path", before + 5)


def test_what_postgres_does_not_take_is_503_and_counted(receiver: Receiver) -> None:
    before = counted(receiver, "not_stored")
    with receiver.database.transaction() as tx:
        tx.run("alter table messages rename to elsewhere")
    try:
        answer = receiver.post(event())
    finally:
        with receiver.database.transaction() as tx:
            tx.run("alter table elsewhere rename to messages")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "cannot_store", "5")
    assert_counted(receiver, "not_stored", before + 1)


def test_every_refusal_of_a_webhook_is_listed_with_what_to_do(receiver: Receiver) -> None:
    sent = event()
    receiver.post(sent)
    answers = {
        "unknown_source": receiver.post(sent, path="/webhooks/shopify"),
        "too_large": receiver.post(b"x" * 6_000_000),
        "media_type": receiver.post(sent, Content_Type="text/plain"),
        "unproven": receiver.post(sent, webhook_signature="v1,AAAA"),
        "malformed": receiver.post(b"order=1001"),
        "conflict": receiver.post({**sent, "data": {}}),
        "unknown_hint": requests.post(f"{receiver.url}/hints/odoo/wrong", timeout=10),
    }
    for reason in answers:
        assert_counted(receiver, reason, 1)
    listed = CliRunner(env=dict(receiver.environment)).invoke(refused, ["--json"])
    rows = {row["reason"]: row for row in json.loads(listed.output)["rows"]}
    for reason, answer in answers.items():
        assert rows[reason]["status"] == answer.status_code
        assert rows[reason]["fix"]
        assert rows[reason]["source"] == ("-" if reason.startswith("unknown") else "clarity-1")
    shown = CliRunner(env=dict(receiver.environment)).invoke(refused, []).output
    assert "fix: Set the content type of Clarity's subscription to application/json" in shown


def counted(receiver: Receiver, reason: str) -> int:
    """How many were refused for it so far: each test waits until its own are written down."""
    return int(receiver.value("select coalesce(sum(count), 0) from refusals where reason = %s", reason))


def assert_counted(receiver: Receiver, reason: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    sql = "select coalesce(sum(count), 0) from refusals where reason = %s"
    while (found := int(receiver.value(sql, reason))) < count:
        assert time.monotonic() < deadline, f"{reason}: {found} of {count}"
        time.sleep(0.1)
