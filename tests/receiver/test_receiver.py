"""The receiver's checks, in their order, and what is stored when."""

from __future__ import annotations

import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import requests
from click.testing import CliRunner

from integration.cli.messages import ls
from integration.signature import Flaw, sign
from integration.vault import Vault
from tasks.refusals import PAUSE
from tests.patience import PATIENCE
from tests.receiver.webhook import HINT_TOKEN, Receiver, event

DATA_SEGMENTS_IN = 152
"""Where Linux' ``tcp_info`` counts the segments with data that came in."""

LIMIT = 5 * 1024 * 1024
OTHER_SECRET = "whsec_d3JvbmctZm9yLXN1cmUtd3JvbmctZm9yLXN1cmU="


def code(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_accepted_is_stored_encrypted_and_nudged(receiver: Receiver) -> None:
    sent = event(customer={"email": "jane@example.test"})
    answer = receiver.post(sent)
    assert (answer.status_code, answer.json()) == (202, {"id": sent["id"], "status": "accepted"})
    body = receiver.value("select body from messages where external_id = %s", sent["id"])
    assert b"jane" not in body
    assert json.loads(Vault([receiver.environment["FLEET_ENCRYPTION_KEYS"]]).open(body)) == sent
    broker = redis.Redis.from_url(receiver.environment["REDIS_URL"])
    delivery = receiver.value(
        "select d.id from deliveries d join messages m on m.id = message where external_id = %s", sent["id"]
    )
    wait_until(
        lambda: any(
            json.loads(raw)["headers"]["argsrepr"] == f"({delivery}, 'odoo')" for raw in broker.lrange("ingest", 0, -1)
        )
    )
    assert not any(b"jane" in raw for raw in broker.lrange("ingest", 0, -1))


def test_messages_are_found_by_an_address_that_is_not_stored(receiver: Receiver) -> None:
    one, other = (event(customer={"email": email}) for email in ("Find.Me@example.test", "else@example.test"))
    assert (receiver.post(one).status_code, receiver.post(other).status_code) == (202, 202)
    found = CliRunner(env=dict(receiver.environment)).invoke(ls, ["--email", "find.me@EXAMPLE.test", "--json"])
    assert [row["external_id"] for row in json.loads(found.output)["rows"]] == [one["id"]]
    assert receiver.value("select count(*) from messages where messages::text ilike '%%find.me%%' and 1 = %s", 1) == 0


def test_a_second_arrival_is_a_duplicate(receiver: Receiver) -> None:
    sent = event()
    assert [receiver.post(sent).status_code for _ in range(3)] == [202, 200, 200]
    assert receiver.post(sent).json() == {"id": sent["id"], "status": "duplicate"}
    assert receiver.value("select count(*) from messages where external_id = %s", sent["id"]) == 1


def test_five_equal_webhooks_at_once_are_one_message(receiver: Receiver) -> None:
    sent = event()
    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: receiver.post(sent), range(5)))
    assert statuses == [200, 200, 200, 200, 202]


def test_the_same_id_with_another_body_is_a_conflict(receiver: Receiver) -> None:
    sent = event()
    receiver.post(sent)
    assert code(receiver.post({**sent, "data": {"id": "other"}})) == (409, "conflict")
    assert (
        receiver.value(
            "select sum(count) from conflicts c join messages m on m.id = c.message where external_id = %s", sent["id"]
        )
        == 1
    )


def test_an_unknown_source_comes_first(receiver: Receiver) -> None:
    assert code(receiver.post(b"x" * 6_000_000, path="/webhooks/shopify")) == (404, "unknown_source")
    assert code(receiver.post(b"x" * 20_000_000, path="/webhooks/shopify")) == (404, "unknown_source")


@pytest.mark.parametrize("size", [LIMIT + 1, 6_000_000, 20_000_000])
def test_more_than_the_limit_is_too_much(receiver: Receiver, size: int) -> None:
    """Whether HTTP or the application sees it: before the type and the signature, and the sender reads the answer."""
    assert code(receiver.post(b"x" * size, Content_Type="text/plain")) == (413, "too_large")


@pytest.mark.parametrize("size", [LIMIT, 1_180_000])
def test_an_order_of_thousands_of_lines_is_accepted(receiver: Receiver, size: int) -> None:
    lines = 5000 if size == LIMIT else 3000
    sent = event(lines=[{"id": str(number), "sku": f"SKU-{number}", "quantity": "1"} for number in range(lines)])
    sent["data"]["note"] = "x" * (size - len(json.dumps(sent)) - len(', "note": ""'))
    body = json.dumps(sent).encode()
    assert len(body) == size
    assert receiver.post(body, id=sent["id"]).status_code == 202
    stored = receiver.value("select body from messages where external_id = %s", sent["id"])
    assert Vault([receiver.environment["FLEET_ENCRYPTION_KEYS"]]).open(stored) == body


def test_a_body_without_length_is_bounded_too(receiver: Receiver) -> None:
    chunks = (b"x" * 100_000 for _ in range(60))
    answer = requests.post(
        f"{receiver.url}/webhooks/clarity", data=chunks, headers={"Content-Type": "application/json"}, timeout=10
    )
    assert code(answer) == (413, "too_large")


def test_only_json_is_taken(receiver: Receiver) -> None:
    assert code(receiver.post(event(), Content_Type="text/plain", webhook_id="")) == (415, "unsupported_media_type")


@pytest.mark.parametrize("header", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_each_header_is_required(receiver: Receiver, header: str) -> None:
    assert code(receiver.post(event(), **{header: ""})) == (401, "bad_signature")


@pytest.mark.parametrize(("seconds", "status"), [(-302, 401), (302, 401), (-295, 202), (295, 202)])
def test_the_timestamp_may_be_five_minutes_off(receiver: Receiver, seconds: int, status: int) -> None:
    assert receiver.post(event(), at=time.time() + seconds).status_code == status


@pytest.mark.parametrize("timestamp", ["soon", "-5", "1e9", "٣٣٣", "9" * 400])
def test_a_timestamp_that_is_none(receiver: Receiver, timestamp: str) -> None:
    sent = timestamp.encode()  # bytes, because a client encodes text as Latin-1, which has no such digits
    assert code(receiver.post(event(), webhook_timestamp=sent)) == (401, "bad_signature")


def test_a_wrong_signature_stores_nothing(receiver: Receiver) -> None:
    sent = event()
    assert code(receiver.post(sent, secret=OTHER_SECRET)) == (401, "bad_signature")
    assert receiver.value("select count(*) from messages where external_id = %s", sent["id"]) == 0


def test_refused_webhooks_are_counted_and_do_not_wait_for_postgres(receiver: Receiver) -> None:
    """While nobody can write to the table they are answered all the same; then all of them are there."""
    before = refused(receiver)
    with receiver.database.transaction() as tx:
        tx.run("lock table refusals")
        began = time.monotonic()
        for _ in range(40):
            assert receiver.post(event(), secret=OTHER_SECRET, timeout=PATIENCE / 2).status_code == 401
            assert receiver.post(event(), at=time.time() - 1000).status_code == 401
            assert receiver.post(event(), webhook_id="").status_code == 401
        assert time.monotonic() - began < 10
    after = {flaw: before.get(flaw, 0) + 40 for flaw in ("unproven", "stale", "unsigned")}
    wait_until(lambda: refused(receiver) == after)
    text = requests.get(f"{receiver.operations}/metrics", timeout=20).text
    for flaw, count in after.items():
        assert f'fleet_refused_total{{reason="{flaw}",source="clarity-1"}} {count}.0' in text


def test_what_postgres_did_not_take_is_noted_later(receiver: Receiver) -> None:
    before = refused(receiver)
    with receiver.database.transaction() as tx:
        tx.run("alter table refusals rename to elsewhere")
    assert receiver.post(event(), secret=OTHER_SECRET).status_code == 401
    time.sleep(PAUSE + 0.5)
    with receiver.database.transaction() as tx:
        tx.run("alter table elsewhere rename to refusals")
    assert receiver.post(event(), secret=OTHER_SECRET).status_code == 401
    wait_until(lambda: refused(receiver) == {**before, "unproven": before.get("unproven", 0) + 2})


def refused(receiver: Receiver) -> dict[str, int]:
    """How many were refused with 401 for which reason, those of the test before included."""
    time.sleep(PAUSE + 0.5)
    with receiver.database.transaction() as tx:
        rows = tx.rows("select reason, sum(count)::bigint as count from refusals group by reason")
        rows = [row for row in rows if row["reason"] in list(Flaw)]
    return {row["reason"]: row["count"] for row in rows}


def test_a_body_altered_by_one_blank_is_refused(receiver: Receiver) -> None:
    sent = event()
    altered = json.dumps(sent).replace("{", "{ ", 1).encode()
    stale = receiver.post(sent).request.headers["webhook-signature"]
    assert code(receiver.post(altered, id=sent["id"], webhook_signature=str(stale))) == (401, "bad_signature")


def test_any_live_secret_and_any_listed_signature_will_do(receiver: Receiver) -> None:
    sent = event()
    second = "whsec_c2Vjb25kLXNlY3JldC13aGlsZS1yb3RhdGluZw=="
    assert receiver.post(sent, secret=second).status_code == 202
    other = event()
    now, body = int(time.time()), json.dumps(other).encode()
    listed = f"v1a,ed25519 v1,AAAA {sign(second, other['id'], now, body)}"
    assert receiver.post(other, at=now, webhook_signature=listed).status_code == 202


def test_the_specification_s_own_vector() -> None:
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


MALFORMED: dict[str, bytes] = {
    "not JSON": b"order=1001",
    "empty": b"",
    "cut off": b'{"id": "x", "type": "order.cre',
    "duplicate keys": b'{"type": "order.created", "data": {"id": "1", "id": "2"}}',
    "NaN": b'{"type": "order.created", "data": {"id": "1", "total": NaN}}',
    "Infinity": b'{"type": "order.created", "data": {"id": "1", "total": -Infinity}}',
    "an exponent beyond decimals": b'{"type": "order.created", "data": {"id": "1", "total": 1e9999999999999999999}}',
    "an exponent below decimals": b'{"type": "order.created", "data": {"id": "1", "total": 1e-9999999999999999999}}',
    "an exponent bomb": b'{"type": "order.created", "data": {"id": "1", "total": 1e999999999}}',
    "a huge integer": b'{"type": "order.created", "data": {"id": "1", "total": ' + b"9" * 6000 + b"}}",
    "an abyss": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[1, 2]",
    "no type": b'{"data": {"id": "1"}}',
    "a number for a type": b'{"type": 7, "data": {"id": "1"}}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_body_is_kept_for_seven_days(receiver: Receiver, name: str) -> None:
    before = receiver.value("select count(*) from rejected")
    assert code(receiver.post(MALFORMED[name])) == (400, "malformed")
    assert receiver.value("select count(*) from rejected") == before + 1
    assert (
        receiver.value("select position('order' in encode(body, 'escape')) from rejected order by id desc limit 1") == 0
    )


STRANGE: dict[str, Any] = {
    "unknown type": event("order.teleported"),
    "no data": {"id": "evt_no_data", "type": "order.created"},
    "data is a list": {"id": "evt_list", "type": "order.created", "data": [1]},
    "no id": {"id": "evt_no_id", "type": "order.created", "data": {"number": "WEB-1"}},
    "NUL in the id": event(id="a\x00b", number="WEB\x00"),
    "NUL in the type": event("order\x00.created"),
    "lone surrogate": event(id="a\ud800b", number="\udfff"),
    "unicode": event(id="zamówienie-ł", number="№ 1"),
    "a very long id": event(id="x" * 5000),
    "absurd version": event(version=10**30),
    "negative version": event(version=-1),
    "boolean version": event(version=True),
    "a number for an id": event(id=1001),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_strange_but_an_event_is_accepted_and_seen(receiver: Receiver, name: str) -> None:
    sent = STRANGE[name]
    assert receiver.post(sent).status_code == 202
    state = receiver.value(
        "select state from deliveries d join messages m on m.id = d.message where external_id = %s", sent["id"]
    )
    assert state == ("skipped" if "type" in name else "ready")


def test_a_very_long_webhook_id_is_refused(receiver: Receiver) -> None:
    assert code(receiver.post(event(), id="x" * 300)) == (400, "malformed")


def test_an_answer_is_one_packet(receiver: Receiver) -> None:
    """Headers and body that leave one after the other wake the receiver and its sender once more."""
    parts = urlsplit(receiver.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    for number in range(1, 4):
        connection.request("GET", "/healthz")
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        tcp = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        assert struct.unpack_from("I", tcp, DATA_SEGMENTS_IN) == (number,)
    connection.close()


def test_it_reports_its_health(receiver: Receiver) -> None:
    assert requests.get(f"{receiver.url}/healthz", timeout=20).json() == {"status": "ok"}
    assert requests.get(f"{receiver.operations}/readyz", timeout=20).json() == {"postgres": "ok", "redis": "ok"}
    receiver.post(event())
    text = requests.get(f"{receiver.operations}/metrics", timeout=20).text
    assert 'fleet_webhooks_total{source="clarity-1",verdict="accepted"}' in text


def wait_until(condition: Any, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_hint_makes_the_polls_of_odoo_due(receiver: Receiver) -> None:
    with receiver.database.transaction() as tx:
        odoo = tx.value("select id from installations where kind = 'odoo'")
        tx.run("insert into cursors (installation, stream, since) values (%s, 'pickings', now())", odoo)
        tx.run("update cursors set due_at = now() + interval '1 hour', started_at = now() - interval '1 minute'")
    assert requests.post(f"{receiver.url}/hints/odoo/wrong", timeout=20).status_code == 404
    assert _due(receiver) is False
    answer = requests.post(f"{receiver.url}/hints/odoo/{HINT_TOKEN}", json={"_id": 3}, timeout=20)
    assert (answer.status_code, answer.content) == (204, b"")
    assert _due(receiver) is True


def _due(receiver: Receiver) -> bool:
    with receiver.database.transaction() as tx:
        return bool(tx.value("select due_at <= now() from cursors"))
