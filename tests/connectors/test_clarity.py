"""The Clarity connector against the sandbox over HTTP; `responses` only for answers it never gives."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import responses

from integration.connectors.clarity import Clarity
from integration.connectors.clarity.order.statuses import TRANSITIONS
from integration.connectors.oauth import ClientCredentials
from integration.errors import Hold, Misconfigured, Reject, Retry, Skip, Throttled
from integration.settings import System
from tests.connectors.work import MemoryWork
from tests.ports import free_port

SECRET = "s3cret: with/odd ä"  # form-encoded before it is sent, as RFC 6749 has it


class Gate:
    """Lets every call through and counts them."""

    def __init__(self) -> None:
        self.calls = 0

    @contextmanager
    def __call__(self, size: int = 1, **manner: Any) -> Iterator[None]:  # noqa: ARG002 - it lets all through
        self.calls += 1
        yield


class Shop:
    """The sandbox's shop, as its owner sees it."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def connector(self, gate: Gate | None = None, timeout: float = 5.0, **options: str) -> Clarity:
        client = {"client_id": "fleet", "client_secret": SECRET, "token_url": f"{self.root}/clarity/oauth/token"}
        url = f"{self.root}/clarity/api/v1"
        return Clarity(System("clarity", url, 100, 8, timeout, {**client, **options}), gate or Gate())

    def order(self, status: str = "confirmed") -> str:
        """The id of a new order with this status."""
        id: str = self._owner("POST", "/orders/generate", {"count": 1, "seed": time.time_ns()})[0]["id"]
        self._owner("PATCH", f"/orders/{id}", {"status": status})
        return id

    def rename(self, id: str, new: str) -> None:
        order = self.connector().fetch("order", id)
        self._owner("POST", "/orders", json.loads(json.dumps(order | {"id": new}, default=str)))

    def has_as(self, id: str) -> str:
        return str(self._owner("GET", "/ledger")["clarity"]["orders"][id]["status"])

    def pushes(self, id: str) -> list[dict[str, Any]]:
        return [push for push in self._owner("GET", "/ledger")["clarity"]["status_pushes"] if push["order_id"] == id]

    def fault(self, kind: str, **details: Any) -> None:
        self._owner("POST", "/faults", {"target": "clarity", "kind": kind, "times": 1, **details})

    def clear_faults(self) -> None:
        self._owner("DELETE", "/faults")

    def _owner(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.root}/_sandbox{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home, port = tmp_path_factory.mktemp("sandbox"), free_port()
    configuration = {
        "bind": f"127.0.0.1:{port}",
        "data_dir": str(home),
        "clarity": {
            "client_id": "fleet",
            "client_secret": SECRET,
            "webhook_url": "http://127.0.0.1:1/",
            "webhook_secret": "whsec_Y2xhcml0eS1zYW5kYm94LWRlbW8tc2VjcmV0LTAwMDE=",
        },
        "odoo": {"database": "unused", "username": "unused", "api_key": "unused"},
    }
    (home / "config.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "integration.sandbox", "--config", str(home / "config.json")]
    process = subprocess.Popen(command)
    try:
        shop = Shop(port)
        _wait_for(f"{shop.root}/healthz", process)
        yield shop
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def shop(running: Shop) -> Shop:
    running.clear_faults()
    return running


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            requests.get(url, timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


def push(id: str, status: str = "processing", **more: Any) -> dict[str, Any]:
    document = {"external_ref": "S00042", "occurred_at": "2026-11-21T10:00:00Z", "reason": None}
    return {"order_id": id, "status": status, **document, **more}


def test_a_status_is_shown_by_one_call_with_our_reference_and_a_key(shop: Shop) -> None:
    id, work = shop.order(), MemoryWork()
    posted = shop.connector().post("order_status", push(id), work)
    assert (posted.theirs, posted.number) == (id, f"WEB-{id}")
    (found,) = shop.pushes(id)
    assert (found["status"], found["changed"], found["external_ref"]) == ("processing", True, "S00042")
    assert found["idempotency_key"] == work.idempotency_key("status")
    assert shop.has_as(id) == "processing"


def test_the_status_it_has_already_is_no_step(shop: Shop) -> None:
    id = shop.order("processing")
    assert shop.connector().post("order_status", push(id), MemoryWork()).theirs == id
    assert [found["changed"] for found in shop.pushes(id)] == [False]


def test_steps_between_are_made_up_for_each_with_its_own_key(shop: Shop) -> None:
    id, work = shop.order("pending"), MemoryWork()
    shop.connector().post("order_status", push(id, "shipped"), work)
    pushes = shop.pushes(id)
    assert [found["status"] for found in pushes] == ["confirmed", "processing", "shipped"]
    assert [found["changed"] for found in pushes] == [True, True, True]
    assert len({found["idempotency_key"] for found in pushes}) == 3
    shop.connector().post("order_status", push(id, "shipped"), work)
    assert shop.pushes(id) == pushes


OUTCOMES = {
    "pending": "pushed",
    "confirmed": "pushed",
    "on_hold": "held: the order is on hold at Clarity",
    "backordered": "pushed",
    "processing": "pushed",
    "partially_shipped": "skipped: would step back: Clarity has it as partially_shipped",
    "ready_for_pickup": "skipped: would step back: Clarity has it as ready_for_pickup",
    "shipped": "skipped: would step back: Clarity has it as shipped",
    "completed": "skipped: would step back: Clarity has it as completed",
    "cancelled": "skipped: Clarity has it as cancelled",
    "void": "skipped: Clarity has it as void",
    "archived": "held: Clarity has it as a status we do not know, which cannot become processing",
}


def test_every_status_of_clarity_has_an_outcome() -> None:
    assert set(OUTCOMES) == {*TRANSITIONS, "archived"}


@pytest.mark.parametrize("status", OUTCOMES)
def test_processing_is_pushed_skipped_or_held(shop: Shop, status: str) -> None:
    id = shop.order(status)
    try:
        shop.connector().post("order_status", push(id), MemoryWork())
        outcome = "pushed"
    except Skip as skip:
        outcome = f"skipped: {skip.reason}"
    except Hold as hold:
        outcome = f"held: {hold.reason}"
        assert hold.hint
    assert outcome == OUTCOMES[status]
    assert shop.has_as(id) == ("processing" if outcome == "pushed" else status)


@pytest.mark.parametrize(
    ("status", "wanted", "outcome"),
    [
        ("processing", "confirmed", Skip),
        ("backordered", "confirmed", Skip),
        ("processing", "backordered", Skip),
        ("processing", "pending", Skip),
        ("ready_for_pickup", "shipped", Skip),  # handed over, not shipped: completed comes next
        ("ready_for_pickup", "partially_shipped", Skip),
        ("partially_shipped", "ready_for_pickup", Skip),
        ("processing", "completed", Hold),  # by shipment or by pick-up: that is not ours to choose
        ("shipped", "cancelled", Hold),
        ("backordered", "on_hold", Hold),
    ],
)
def test_no_step_is_guessed(shop: Shop, status: str, wanted: str, outcome: type[Exception]) -> None:
    id = shop.order(status)
    with pytest.raises(outcome):
        shop.connector().post("order_status", push(id, wanted), MemoryWork())
    assert (shop.has_as(id), shop.pushes(id)) == (status, [])


def test_an_order_that_is_picked_up_is_completed(shop: Shop) -> None:
    id = shop.order("ready_for_pickup")
    shop.connector().post("order_status", push(id, "completed"), MemoryWork())
    assert shop.has_as(id) == "completed"


def test_a_held_order_goes_on_when_it_is_released_and_pushed_again(shop: Shop) -> None:
    id, work = shop.order("on_hold"), MemoryWork()
    with pytest.raises(Hold):
        shop.connector().post("order_status", push(id), work)
    shop._owner("PATCH", f"/orders/{id}", {"status": "confirmed"})
    shop.connector().post("order_status", push(id), work)
    assert shop.has_as(id) == "processing"


def test_a_status_that_clarity_does_not_have_is_held_before_any_call(shop: Shop) -> None:
    gate = Gate()
    with pytest.raises(Hold, match="no such order status") as held:
        shop.connector(gate).post("order_status", push("1", "gone"), MemoryWork())
    assert "push_status in the workflow" in (held.value.hint or "")
    assert gate.calls == 0


def test_an_unknown_order_is_held(shop: Shop) -> None:
    with pytest.raises(Hold, match="404"):
        shop.connector().post("order_status", push("none"), MemoryWork())
    with pytest.raises(Hold, match="404"):
        shop.connector().fetch("order", "none")


@pytest.mark.parametrize("id", ["a.b", "a_b", "ä ö%2F?#", "o" * 200])
def test_odd_ids_reach_their_order(shop: Shop, id: str) -> None:
    shop.rename(shop.order(), id)
    shop.connector().post("order_status", push(id), MemoryWork())
    assert shop.connector().fetch("order", id)["status"] == "processing"


@pytest.mark.parametrize("id", ["", ".", "..", "\ud800"])
def test_an_id_that_no_url_can_carry_is_rejected(shop: Shop, id: str) -> None:
    gate = Gate()
    with pytest.raises(Reject, match="cannot be part of a URL"):
        shop.connector(gate).post("order_status", push(id), MemoryWork())
    assert gate.calls == 0


@pytest.mark.parametrize("fault", ["timeout_after_commit", "truncated_json"])
def test_an_answer_lost_after_the_effect_is_one_effect_in_the_end(shop: Shop, fault: str) -> None:
    id, work = shop.order(), MemoryWork()
    shop.fault(fault, path="/status", ms=50)
    with pytest.raises(Retry) as failure:
        shop.connector().post("order_status", push(id), work)
    assert failure.value.unknown_outcome
    shop.connector().post("order_status", push(id), work)
    assert [(found["changed"], found["replayed"]) for found in shop.pushes(id)] == [(True, False), (False, True)]


def test_clarity_asks_for_a_pause(shop: Shop) -> None:
    shop.fault("429", retry_after=7)
    with pytest.raises(Throttled) as throttled:
        shop.connector().post("order_status", push(shop.order()), MemoryWork())
    assert (throttled.value.after, throttled.value.by_target) == (7, True)


def test_another_body_under_the_same_key_is_held_as_our_defect(shop: Shop) -> None:
    id, work = shop.order(), MemoryWork()
    shop.connector().post("order_status", push(id), work)
    work.forget()
    with pytest.raises(Hold, match="another body") as held:
        shop.connector().post("order_status", push(id, reason="changed"), work)
    assert held.value.code == "idempotency_conflict"


def test_refused_fields_are_named_without_their_values(shop: Shop) -> None:
    with pytest.raises(Reject, match=r"validation_failed \(/externalRef\)$"):
        shop.connector().post("order_status", push(shop.order(), external_ref="x" * 300), MemoryWork())


def test_whoami_is_the_client(shop: Shop) -> None:
    assert shop.connector().whoami() == "fleet"


def test_one_token_serves_all_connectors_and_threads_of_the_process(shop: Shop) -> None:
    gate, start = Gate(), threading.Barrier(8)
    options = {"token_url": f"{shop.root}/clarity/oauth/token?fresh"}

    def work() -> None:
        connector = shop.connector(gate, **options)
        start.wait()
        connector.whoami()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gate.calls == 8 + 1


def test_an_expired_token_is_renewed_once(shop: Shop) -> None:
    gate = Gate()
    connector = shop.connector(gate)
    connector.whoami()
    before = gate.calls
    shop.fault("401_expire")
    assert connector.whoami() == "fleet"
    assert gate.calls - before == 3  # refused, a token, accepted
    shop.fault("401_expire", times=2, path="/orders")
    with pytest.raises(Misconfigured, match="does not accept our token"):
        connector.whoami()
    assert shop.connector().whoami() == "fleet"


def test_a_token_replaced_by_another_thread_is_not_thrown_away(shop: Shop) -> None:
    gate, url = Gate(), f"{shop.root}/clarity/oauth/token?two"
    client = ClientCredentials("clarity", url, "fleet", SECRET, gate=gate, timeout=5)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(client.headers).result() == client.headers()
        client.renew()
        renewed = client.headers()
        other.submit(client.renew).result()
        assert other.submit(client.headers).result() == renewed
    assert gate.calls == 2


URL = "https://shop.example/api/v1"
TOKEN_URL = "https://shop.example/oauth/token"


def answered(status: int, body: Any, **headers: str) -> Clarity:
    """A connector at a shop whose orders all answer like this."""
    options = {"client_id": f"{time.time_ns()}", "client_secret": "s", "token_url": TOKEN_URL}
    responses.post(TOKEN_URL, json={"access_token": "t", "expires_in": 3600})
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "application/problem+json" if isinstance(body, dict) and status >= 400 else "text/html"
    for method, address in (("GET", f"{URL}/orders/1"), ("POST", f"{URL}/orders/1/status")):
        responses.add(method, address, text, headers, status=status, content_type=kind)
    return Clarity(System("clarity", URL, 100, 8, 5, options), Gate())


@responses.activate
def test_a_request_still_at_work_is_waited_for() -> None:
    shop = answered(409, {"code": "idempotency_conflict"}, **{"Retry-After": "3"})
    with pytest.raises(Throttled) as throttled:
        shop.post("order_status", push("1"), MemoryWork())
    assert (throttled.value.after, throttled.value.by_target) == (3, False)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, {"code": "insufficient_scope"}, Misconfigured),
        (403, {"code": "forbidden"}, Hold),
        (401, "nothing", Misconfigured),
        (409, {"code": "version_conflict"}, Retry),
        (428, {"code": "precondition_required"}, Reject),
        (422, "not JSON", Reject),
        (422, {"code": "validation_failed", "errors": None}, Reject),
        (500, {"code": "internal"}, Retry),
        (200, "[]", Retry),
        (200, "<html>", Retry),
    ],
)
@responses.activate
def test_what_happens_next_by_answer(status: int, body: Any, error: type[Exception]) -> None:
    shop = answered(status, body)
    for call in (lambda: shop.post("order_status", push("1"), MemoryWork()), lambda: shop.fetch("order", "1")):
        with pytest.raises(error):
            call()
