"""The sandbox as a process: how it starts, stops and survives, its faults, its own routes and its page."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.rig import Listener, Sandbox, eventually


def run(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "integration.sandbox", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def test_records_and_pending_webhooks_survive_kill_9(tmp_path: Path, listener: Listener) -> None:
    listener.answers += [(500, {})] * 3
    sandbox = Sandbox(tmp_path, listener.url, retry_scale=0.2)
    sandbox.start()
    try:
        made = sandbox.control("POST", "/orders/generate", {"count": 3, "seed": 1})
        id = made[0]["id"]
        pushed = sandbox.post(f"/orders/{id}/status", {"status": "processing", "externalRef": "S1"}, "key")
        eventually(lambda: len(listener.received) >= 4)
        sandbox.kill()
        before = len(listener.received)
        sandbox.start()
        assert sandbox.get("/orders").json()["totalCount"] == 3
        assert sandbox.ledger()["orders"][id]["status"] == "processing"
        again = sandbox.post(f"/orders/{id}/status", {"status": "processing", "externalRef": "S1"}, "key")
        assert (again.headers["Idempotency-Replayed"], again.json()) == ("true", pushed.json())
        eventually(lambda: sandbox.ledger()["webhooks"] == {"pending": 0, "delivered": 4, "failed": 0, "dropped": 0})
        assert len(listener.received) >= before + 3
        assert sandbox.order()["id"] == str(int(made[-1]["id"]) + 1)
    finally:
        assert sandbox.stop() < 4


def test_a_restart_with_a_hanging_receiver_is_prompt(tmp_path: Path) -> None:
    """A webhook under way and a request kept waiting by a fault do not hold up the end."""
    sandbox = Sandbox(tmp_path, "http://10.255.255.1:9/never")
    sandbox.start()
    sandbox.order()
    time.sleep(0.1)
    assert sandbox.stop() < 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokn": "x"}, "unknown setting tokn"),
        ({"clarity": {}}, "clarity.client_id is missing"),
        ({"clarity": {"client_id": "a"}}, "clarity.client_secret is missing"),
        ({"odoo": {"database": "d", "username": "u", "api_key": "k", "x": 1}}, "unknown setting odoo.x"),
        ({"fusion": {"client_id": "a"}}, "fusion.client_secret is missing"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    shop = {"client_id": "a", "client_secret": "b", "webhook_url": "http://127.0.0.1:1", "webhook_secret": "whsec_YWJj"}
    erp = {"database": "d", "username": "u", "api_key": "k"}
    config = {"bind": "127.0.0.1:1", "data_dir": str(tmp_path), "clarity": shop, "odoo": erp, **change}
    (tmp_path / "config.json").write_text(json.dumps(config))
    ended = run(tmp_path / "config.json")
    assert (ended.returncode, ended.stderr.strip()) == (2, message)


# -- faults


def test_a_fault_fires_as_often_as_asked_and_says_so(sandbox: Sandbox) -> None:
    sandbox.fault("clarity", "500", times=2, path="/orders")
    assert sandbox.get("/products").status_code == 200
    assert [sandbox.get("/orders").status_code for _ in range(3)] == [500, 500, 200]
    (fault,) = sandbox.control("GET", "/faults")
    assert (fault["hits"], fault["active"]) == (2, False)
    sandbox.fault("clarity", "503", times=None, retry_after=7)
    refused = sandbox.get("/orders")
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["code"]) == (503, "7", "maintenance")
    assert sandbox.control("DELETE", "/faults") == {"cleared": 2}
    assert sandbox.get("/orders").status_code == 200
    for wrong in ({"target": "netsuite", "kind": "500"}, {"target": "clarity", "kind": "drop"}, {"kind": "500"}):
        answer = requests.post(f"{sandbox.url}/_sandbox/faults", json=wrong, timeout=20)
        assert answer.status_code == 422


def test_a_fault_ends_after_its_time_and_keeps_its_rate(sandbox: Sandbox) -> None:
    sandbox.fault("clarity", "429", times=None, duration=0.3, retry_after=3)
    limited = sandbox.get("/orders")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    time.sleep(0.35)
    assert sandbox.get("/orders").status_code == 200
    sandbox.fault("clarity", "500", times=None, rate=0.5)
    statuses = [sandbox.get("/orders").status_code for _ in range(60)]
    assert 10 < statuses.count(500) < 50


def test_connections_break_before_or_after_the_effect(sandbox: Sandbox) -> None:
    before, after = sandbox.order()["id"], sandbox.order()["id"]
    for id, kind in ((before, "reset_before"), (after, "timeout_after_commit")):
        sandbox.fault("clarity", kind, ms=10, path=f"/orders/{id}/status")
        with pytest.raises(requests.ConnectionError):
            sandbox.post(f"/orders/{id}/status", {"status": "processing"}, f"key-{id}")
    assert [sandbox.get(f"/orders/{id}").json()["status"] for id in (before, after)] == ["confirmed", "processing"]


def test_answers_are_late_cut_or_a_page(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    sandbox.fault("clarity", "latency", ms=300)
    started = time.monotonic()
    assert sandbox.get(f"/orders/{id}").status_code == 200
    assert time.monotonic() - started >= 0.3
    sandbox.fault("clarity", "truncated_json")
    cut = sandbox.post(f"/orders/{id}/status", {"status": "processing"}, "key")
    assert (cut.status_code, cut.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(requests.JSONDecodeError):
        cut.json()
    assert sandbox.get(f"/orders/{id}").json()["status"] == "processing"
    for kind, status in (("html", 200), ("502_html", 502)):
        sandbox.fault("clarity", kind)
        answer = sandbox.post(f"/orders/{id}/status", {"status": "shipped"}, "key-2")
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, "text/html")
    assert sandbox.get(f"/orders/{id}").json()["status"] == "processing"


def test_an_answer_comes_bit_by_bit_or_to_a_request_that_came_twice(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    sandbox.fault("clarity", "trickle", ms=400)
    started = time.monotonic()
    answer = sandbox.post(f"/orders/{id}/status", {"status": "processing"}, "key")
    assert (answer.json()["status"], time.monotonic() - started >= 0.4) == ("processing", True)
    sandbox.fault("clarity", "repeated")
    sandbox.post(f"/orders/{id}/status", {"status": "shipped"}, "key-2")
    pushes = [push["replayed"] for push in sandbox.ledger()["status_pushes"] if push["order_id"] == id]
    assert pushes == [False, False, True]


def test_an_expired_token_stays_expired_and_a_new_one_works(sandbox: Sandbox) -> None:
    old = {"Authorization": f"Bearer {sandbox.token()}"}
    sandbox.fault("clarity", "401_expire")
    for _ in range(2):
        refused = sandbox.get("/orders", headers=old)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_expired")
    assert sandbox.get("/orders", headers={"Authorization": f"Bearer {sandbox.token()}"}).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("401_expire", 401, "werkzeug.exceptions.Unauthorized"),
        ("500", 500, "psycopg2.errors.SerializationFailure"),
        ("429", 429, "<html>"),
        ("503", 503, "<html>"),
    ],
)
def test_odoo_is_unwell_in_its_own_way(sandbox: Sandbox, kind: str, status: int, text: str) -> None:
    url = f"{sandbox.url}/odoo/web/version"
    assert requests.get(url, timeout=20).json()["version"] == "19.0"
    sandbox.fault("odoo", kind)
    answer = requests.get(url, timeout=20)
    assert (answer.status_code, text in answer.text) == (status, True)
    assert requests.get(url, timeout=20).status_code == 200


# -- its own routes


def test_orders_are_kept_as_given_right_or_wrong(sandbox: Sandbox, listener: Listener) -> None:
    odd = sandbox.order() | {"id": "a.b/ä_B\x00", "status": "lost", "customer": "nobody", "totals": None}
    sandbox.control("POST", "/orders", odd)
    (event,) = eventually(lambda: listener.events(odd["id"]))
    assert {**event["data"], "updatedDate": ""} == {**odd, "updatedDate": ""}
    assert requests.get(f"{sandbox.url}/", timeout=20).status_code == 200
    for wrong in (odd, {**odd, "id": "\ud800"}, {**odd, "id": 7}):
        answer = requests.post(f"{sandbox.url}/_sandbox/orders", json=wrong, timeout=20)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/id")


def test_a_patch_can_settle_the_totals(sandbox: Sandbox) -> None:
    order = sandbox.order("digital+tax_excluded")
    lines = [{**order["lines"][0], "quantity": "3"}]
    plain = sandbox.control("PATCH", f"/orders/{order['id']}", {"lines": lines})
    assert (plain["version"], plain["totals"]) == (2, order["totals"])
    settled = sandbox.control("PATCH", f"/orders/{order['id']}?settle=1", {"notes": None})
    assert (settled["version"], settled["totals"]["grandTotal"]) == (3, "35.04")  # 3 x 10.79 + 8.25 %


def test_a_token_guards_all_but_the_ledger_and_the_page(tmp_path: Path, listener: Listener) -> None:
    sandbox = Sandbox(tmp_path, listener.url, token="let-me-in")
    sandbox.start()
    try:
        url = f"{sandbox.url}/_sandbox"
        assert requests.post(f"{url}/orders/demo", timeout=20).status_code == 401
        assert requests.post(f"{url}/reset", headers={"X-Sandbox-Token": "wrong"}, timeout=20).status_code == 401
        right = {"X-Sandbox-Token": "let-me-in"}
        assert requests.post(f"{url}/orders/demo", headers=right, timeout=20).status_code == 201
        assert len(sandbox.ledger()["orders"]) == 12
        page = requests.get(sandbox.url, timeout=20).text
        assert "<code>./fleet urls</code>" in page and "let-me-in" not in page
    finally:
        sandbox.stop()


def test_a_reset_empties_both_systems_but_gives_no_id_twice(sandbox: Sandbox) -> None:
    def erp(call: str, **body: Any) -> Any:
        headers = {"Authorization": "bearer odoo-key"}
        answer = requests.post(f"{sandbox.url}/odoo/json/2/res.partner/{call}", json=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    first, seeded = sandbox.order()["id"], erp("search_count", domain=[])
    erp("create", vals_list={"name": "Made by a call"})
    erp("load", fields=["id", "name"], data=[["__clarity__.customer_1", "Loaded by a call"]])
    assert erp("search_count", domain=[]) == seeded + 2
    assert len(sandbox.control("GET", "/ledger")["odoo"]["calls"]) == 2
    sandbox.control("POST", "/reset")
    whole = sandbox.control("GET", "/ledger")
    assert (whole["clarity"]["orders"], whole["clarity"]["status_pushes"]) == ({}, [])
    assert whole["odoo"] == {"orders": [], "calls": []}
    assert erp("search_count", domain=[]) == seeded
    assert erp("load", fields=["id", "name"], data=[["__clarity__.customer_1", "Again"]])["ids"]
    assert int(sandbox.order()["id"]) > int(first)


def test_the_page_says_what_it_is_and_shows_the_orders(sandbox: Sandbox) -> None:
    order = sandbox.order("unicode")
    sandbox.control("POST", "/orders", sandbox.order() | {"id": "x", "number": "<script>alert(1)</script>"})
    page = requests.get(f"{sandbox.url}/", timeout=20)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "not the vendor's" in page.text and order["number"] in page.text
    assert "<script>alert" not in page.text and "&lt;script&gt;alert" in page.text
    assert order["customer"]["email"] not in page.text


def test_the_page_lists_every_control_route_with_what_it_does(sandbox: Sandbox) -> None:
    page = html.unescape(requests.get(f"{sandbox.url}/", timeout=20).text)
    listed = dict(re.findall(r"<td><code>([A-Z]+ /_sandbox[^<]*(?:<id>)?[^<]*)</code></td><td>(.*?)</td>", page))
    assert list(listed) == [
        *("GET /_sandbox/ledger", "GET /_sandbox/faults", "POST /_sandbox/faults", "DELETE /_sandbox/faults"),
        *("POST /_sandbox/reset", "POST /_sandbox/orders", "POST /_sandbox/orders/generate"),
        *("POST /_sandbox/orders/demo", "PATCH /_sandbox/orders/<id>", "POST /_sandbox/orders/<id>/cancel"),
        *("POST /_sandbox/orders/<id>/payments", "PATCH /_sandbox/payments/<id>"),
        *("POST /_sandbox/customers", "PATCH /_sandbox/customers/<id>", "POST /_sandbox/customers/<id>/merge"),
        *("POST /_sandbox/products", "POST /_sandbox/products/generate"),
        *("PATCH /_sandbox/products/<id>", "DELETE /_sandbox/products/<id>"),
        *("POST /_sandbox/orders/<id>/returns", "PATCH /_sandbox/returns/<id>"),
        *("POST /_sandbox/odoo/failures", "POST /_sandbox/odoo/advance", "POST /_sandbox/odoo/late"),
        "POST /_sandbox/odoo/stock",
        *("PATCH /_sandbox/odoo/contacts/<id>", "PATCH /_sandbox/odoo/products/<id>"),
        "PATCH /_sandbox/odoo/products/template/<id>",
        *(
            "POST /_sandbox/fusion/failures",
            "POST /_sandbox/fusion/advance",
            "PATCH /_sandbox/fusion/accounts/<id>",
            "PATCH /_sandbox/fusion/items/<id>",
        ),
    ]
    assert all(listed.values()), "each view's docstring says what it does"
    assert "No token is asked for." in page


def test_the_page_shows_an_erps_orders_by_the_shops_number_with_currency(sandbox: Sandbox) -> None:
    erp = {"Authorization": "bearer odoo-key"}

    def call(model: str, method: str, **body: Any) -> Any:
        url = f"{sandbox.url}/odoo/json/2/{model}/{method}"
        answer = requests.post(url, json=body, headers=erp, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    [partner] = call("res.partner", "create", vals_list=[{"name": "Buyer"}])
    [product] = call("product.product", "search", domain=[["sale_ok", "=", True]], limit=1)
    line = {"product_id": product, "product_uom_qty": 1, "price_unit": 12.5, "tax_ids": [[6, 0, []]]}
    call("sale.order", "create", vals_list=[{"partner_id": partner, "origin": "WEB-7", "order_line": [[0, 0, line]]}])
    page = requests.get(f"{sandbox.url}/", timeout=20).text
    assert '<td class="">WEB-7</td>' in page
    assert '<td class="money">12.50 EUR</td>' in page and '<th class="money">Total</th>' in page


@pytest.mark.timed
def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=20)
    connection.connect()
    first, started = connection.sock, time.monotonic()
    for _ in range(100):
        connection.request("GET", "/clarity/api/v1/orders", headers=sandbox.headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["totalCount"]) == (200, 0)
    assert connection.sock is first
    assert time.monotonic() - started < 3
    connection.close()
