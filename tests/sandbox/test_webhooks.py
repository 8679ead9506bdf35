"""The fake shop's webhooks: signed, retried, at least once; checked with the specification's own library."""

from __future__ import annotations

import time

import pytest
import requests
from standardwebhooks import Webhook, WebhookVerificationError

from integration.sandbox.clarity.webhooks import signature
from tests.sandbox.rig import SECRET, Listener, Sandbox, eventually


def test_the_signature_is_the_one_of_the_contract_and_the_specification() -> None:
    body = b'{"test": 2432232314}'
    key = Webhook("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")._whsecret
    id, expected = "msg_p5jXN8AQM9LWM0D4loKWxJek", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(key, id, 1614265330, body) == expected
    body = (
        b'{"id":"evt_01J9ZC3W0Q8YB6T7N2M4K5R1SA","type":"order.created","timestamp":"2026-11-20T10:15:30.123Z",'
        b'"apiVersion":"2026-11-01","tenant":"demo","data":{"id":"1001"}}'
    )
    signed = signature(Webhook(SECRET)._whsecret, "evt_01J9ZC3W0Q8YB6T7N2M4K5R1SA", 1795169730, body)
    assert signed == "v1,Dm32xuyVPCYwSJg0d/HHBL2qvzj9+1UiAa1dNzwzGPQ="


def test_every_change_is_reported_with_the_whole_order(sandbox: Sandbox, listener: Listener) -> None:
    order = sandbox.order("unicode")
    sandbox.control("PATCH", f"/orders/{order['id']}?settle=1", {"notes": "new"})
    sandbox.post(f"/orders/{order['id']}/status", {"status": "processing"}, "k")
    sandbox.control("POST", f"/orders/{order['id']}/cancel")
    events = eventually(lambda: len(listener.events(order["id"])) == 4 and listener.events(order["id"]))
    by_version = {event["data"]["version"]: event for event in events}
    assert [by_version[version]["type"] for version in (1, 2, 3, 4)] == [
        "order.created",
        "order.updated",
        "order.status_changed",
        "order.cancelled",
    ]
    created = by_version[1]
    assert created["data"] == order
    assert (created["apiVersion"], created["tenant"], created["timestamp"]) == (
        "2026-11-01",
        "demo",
        order["updatedDate"],
    )
    assert {headers["webhook-id"] for headers, _ in listener.received} == {event["id"] for event in events}
    eventually(lambda: sandbox.ledger()["webhooks"]["delivered"] == 4)  # counted once they are answered


def test_a_failed_webhook_is_sent_again_under_the_same_id(sandbox: Sandbox, listener: Listener) -> None:
    listener.answers += [(500, {}), (302, {"Location": "/elsewhere"})]
    id = sandbox.order()["id"]
    event = eventually(lambda: len(listener.received) == 2 and listener.events(id))[0]
    delivery = eventually(
        lambda: [one for one in sandbox.get("/webhook-deliveries").json()["items"] if one["attempts"] == 2]
    )
    assert (delivery[0]["id"], delivery[0]["lastOutcome"], delivery[0]["status"]) == (event["id"], "302", "pending")
    assert 3.0 < delivery[0]["nextAttemptInSeconds"] <= 300 * 0.02 * 1.2
    assert {headers["webhook-id"] for headers, _ in listener.received} == {event["id"]}
    assert len({body for _, body in listener.received}) == 1
    assert sandbox.post(f"/webhook-deliveries/{event['id']}/redeliver", None).status_code == 202
    eventually(lambda: sandbox.ledger()["webhooks"]["delivered"] == 1)


@pytest.mark.timed
def test_retry_after_is_kept(sandbox: Sandbox, listener: Listener) -> None:
    listener.answers.append((503, {"Retry-After": "1"}))
    started = time.monotonic()
    id = sandbox.order()["id"]
    eventually(lambda: len(listener.events(id)) == 2)
    assert 1.0 <= time.monotonic() - started < 2.5


def test_gone_disables_the_subscription(sandbox: Sandbox, listener: Listener) -> None:
    listener.answers.append((410, {}))
    first = sandbox.order()["id"]
    eventually(lambda: sandbox.ledger()["webhooks"]["failed"] == 1)
    second = sandbox.order()["id"]
    failed = sandbox.get("/webhook-deliveries?status=failed").json()["items"]
    assert [(one["objectId"], one["lastOutcome"]) for one in failed] == [
        (second, "subscription disabled"),
        (first, "410"),
    ]
    subscription = sandbox.get("/webhook-subscriptions").json()["items"][0]
    assert subscription["status"] == "disabled"
    url = f"{sandbox.api}/webhook-subscriptions/{subscription['id']}"
    requests.patch(url, json={"status": "active"}, headers=sandbox.headers, timeout=20)
    for one in failed:
        sandbox.post(f"/webhook-deliveries/{one['id']}/redeliver", None)
    eventually(lambda: {event["data"]["id"] for event in listener.events()} == {first, second})


def test_a_test_webhook_can_be_asked_for(sandbox: Sandbox, listener: Listener) -> None:
    answer = sandbox.post("/webhook-subscriptions/sub-1/test", None)
    assert answer.status_code == 202
    event = eventually(listener.events)[0]
    assert (event["id"], event["type"]) == (answer.json()["id"], "webhook.test")


def test_an_order_over_256_kib_is_sent_thin(sandbox: Sandbox, listener: Listener) -> None:
    order = sandbox.order() | {"id": "huge", "notes": "x" * 300_000}
    sandbox.control("POST", "/orders", order)
    event = eventually(lambda: listener.events("huge"))[0]
    assert (event["truncated"], event["data"]) == (True, {"id": "huge", "version": 1})


@pytest.mark.parametrize("kind", ["bad_signature", "stale_timestamp"])
def test_webhooks_go_wrong_on_request(sandbox: Sandbox, listener: Listener, kind: str) -> None:
    listener.answers.append((401, {}))
    sandbox.fault("webhooks", kind)
    sandbox.order()
    (wrong, body), (right, _) = eventually(lambda: len(listener.received) == 2 and listener.received)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, wrong)
    assert Webhook(SECRET).verify(body, right)["id"] == wrong["webhook-id"] == right["webhook-id"]


def test_webhooks_repeat_get_lost_and_overtake_on_request(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.fault("webhooks", "drop")
    lost = sandbox.order()["id"]
    eventually(lambda: sandbox.ledger()["webhooks"]["dropped"] == 1)
    sandbox.fault("webhooks", "duplicate")
    twice = sandbox.order()["id"]
    eventually(lambda: len(listener.events(twice)) == 2)
    sandbox.fault("webhooks", "reorder", ms=3000)
    late = sandbox.order()["id"]
    eventually(lambda: sandbox.control("GET", "/faults")[2]["hits"] == 1)
    sandbox.fault("webhooks", "two_signatures")
    early = sandbox.order()["id"]
    eventually(lambda: listener.events(late))
    assert [event["data"]["id"] for event in listener.events()] == [twice, twice, early, late]
    assert lost not in {event["data"]["id"] for event in listener.events()}
    assert [len(headers["webhook-signature"].split()) for headers, _ in listener.received] == [1, 1, 2, 1]
