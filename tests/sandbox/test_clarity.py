"""The fake shop over HTTP, by the contract: tokens, orders, statuses, idempotency."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.sandbox.rig import Sandbox


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
    return answer.status_code, answer.json()["code"]


# -- tokens and access


def ask_token(sandbox: Sandbox, auth: tuple[str, str] | None = ("fleet", "s3cret"), **form: str) -> tuple[int, Any]:
    answer = requests.post(f"{sandbox.url}/clarity/oauth/token", form, auth=auth, timeout=20)
    return answer.status_code, answer.json()


def test_tokens_follow_rfc_6749(sandbox: Sandbox) -> None:
    status, granted = ask_token(sandbox, grant_type="client_credentials", scope="orders:read")
    assert (status, granted["token_type"], granted["expires_in"], granted["scope"]) == (
        200,
        "Bearer",
        3600,
        "orders:read",
    )
    assert granted["access_token"].count(".") == 2
    in_body = {"grant_type": "client_credentials", "client_id": "fleet", "client_secret": "s3cret"}
    assert ask_token(sandbox, None, **in_body)[0] == 200
    for auth, form, expected in (
        (("fleet", "wrong"), {"grant_type": "client_credentials"}, (401, "invalid_client")),
        (("fleet", "s3cret"), {"grant_type": "password"}, (400, "unsupported_grant_type")),
        (("fleet", "s3cret"), {}, (400, "invalid_request")),
        (("fleet", "s3cret"), {"grant_type": "client_credentials", "scope": "all"}, (400, "invalid_scope")),
    ):
        status, answer = ask_token(sandbox, auth, **form)
        assert (status, answer["error"]) == expected


def test_a_token_is_needed_and_has_its_scope(sandbox: Sandbox) -> None:
    assert problem(requests.get(f"{sandbox.api}/orders", timeout=20)) == (401, "invalid_token")
    forged = sandbox.headers["Authorization"][:-3] + "abc"
    assert problem(sandbox.get("/orders", headers={"Authorization": forged})) == (401, "invalid_token")
    granted = ask_token(sandbox, grant_type="client_credentials", scope="orders:read")[1]["access_token"]
    reader = {"Authorization": f"Bearer {granted}"}
    assert sandbox.get("/orders", headers=reader).status_code == 200
    assert problem(sandbox.post("/orders", {}, "key", **reader)) == (403, "insufficient_scope")


def test_every_answer_is_marked(sandbox: Sandbox) -> None:
    answer = sandbox.get("/orders", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["X-Request-Id"] == "mine-1"
    assert answer.headers["Clarity-Api-Version"] == "2026-11-01"
    assert answer.headers["RateLimit-Limit"] == "18000"
    assert 0 < int(answer.headers["RateLimit-Remaining"]) <= 300


def test_what_is_not_played_says_so(sandbox: Sandbox) -> None:
    for path in ("/quotes", "/orders?tags.color=red"):
        assert problem(sandbox.get(path)) == (501, "not_faked")


# -- orders


def test_an_order_is_read_by_id_with_its_etag(sandbox: Sandbox) -> None:
    order = sandbox.order()
    answer = sandbox.get(f"/orders/{order['id']}")
    assert (answer.headers["ETag"], order["number"], order["version"]) == ('"v1"', f"WEB-{order['id']}", 1)
    assert sandbox.get(f"/orders/{order['id']}", headers={"If-None-Match": '"v1"'}).status_code == 304
    assert problem(sandbox.get("/orders/none")) == (404, "not_found")


def test_lists_are_read_by_cursor_and_by_date(sandbox: Sandbox) -> None:
    sandbox.control("POST", "/orders/generate", {"count": 5, "seed": 3})
    seen, cursor = [], {}
    while True:
        page = sandbox.get("/orders", params={"pageSize": "2", **cursor}).json()
        assert page["totalCount"] == 5
        seen += [order["id"] for order in page["items"]]
        if not page["nextCursor"]:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert len(seen) == len(set(seen)) == 5
    second = sandbox.get("/orders", params={"pageSize": "2", "pageIndex": "2"}).json()
    assert [order["id"] for order in second["items"]] == seen[4:]

    mark = sandbox.get(f"/orders/{seen[-1]}").json()["updatedDate"]
    time.sleep(0.01)
    sandbox.control("POST", f"/orders/{seen[0]}/cancel")
    later = sandbox.get("/orders", params={"updatedDateMin": mark}).json()["items"]
    assert [order["id"] for order in later][-1] == seen[0]
    assert [one["id"] for one in sandbox.get("/orders?status=cancelled").json()["items"]] == [seen[0]]
    assert sandbox.get("/orders?Notstatus=cancelled").json()["totalCount"] == 4
    assert problem(sandbox.get("/orders?updatedDateMin=yesterday")) == (422, "validation_failed")


def test_orders_that_do_not_add_up_are_refused(sandbox: Sandbox) -> None:
    order = {name: value for name, value in sandbox.order("tax_excluded").items() if name not in {"id", "number"}}
    created = sandbox.post("/orders", order, "k1")
    assert created.status_code == 201
    assert sandbox.get(f"/orders/{created.json()['id']}").json()["totals"] == order["totals"]
    order["totals"] = {**order["totals"], "grandTotal": "1.00"}
    refused = sandbox.post("/orders", order, "k2")
    assert problem(refused) == (422, "totals_mismatch")
    assert "/totals/grandTotal" in [one["pointer"] for one in refused.json()["errors"]]
    assert problem(sandbox.post("/orders", {"currency": "EUR"}, "k3")) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{", "application/json", (400, "malformed_json")),
        (b"[]", "application/json", (400, "malformed_json")),
        (b'{"status": NaN}', "application/json", (400, "malformed_json")),
        (b'{"status": "shipped", "status": "void"}', "application/json", (400, "duplicate_key")),
        (b'{"status": "shipped"}', "text/plain", (415, "unsupported_media_type")),
        (b" " * (1024 * 1024 + 1), "application/json", (413, "too_large")),
    ],
    ids=["cut", "list", "nan", "duplicate", "text", "large"],
)
def test_bodies_are_read_strictly(sandbox: Sandbox, body: bytes, kind: str, expected: tuple[int, str]) -> None:
    headers = {**sandbox.headers, "Content-Type": kind, "Idempotency-Key": "k"}
    answer = requests.post(f"{sandbox.api}/orders/1/status", body, headers=headers, timeout=20)
    assert problem(answer) == expected


def test_a_patch_needs_the_version_it_was_made_for(sandbox: Sandbox) -> None:
    url = f"{sandbox.api}/orders/{sandbox.order()['id']}"

    def patch(body: dict[str, Any], **headers: str) -> requests.Response:
        return requests.patch(url, json=body, headers={**sandbox.headers, **headers}, timeout=20)

    assert problem(patch({"notes": "x"})) == (428, "precondition_required")
    changed = patch({"notes": "x", "externalIds": {"odoo": "S00001"}}, **{"If-Match": '"v1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    assert changed.json()["externalIds"] == {"oracle_fusion": None, "odoo": "S00001"}
    assert problem(patch({"notes": "y"}, **{"If-Match": '"v1"'})) == (412, "precondition_failed")
    assert problem(patch({"totals": {}}, **{"If-Match": '"v2"'})) == (422, "validation_failed")


def test_the_catalogue_and_the_customers_are_there(sandbox: Sandbox) -> None:
    assert sandbox.get("/products/by-sku/EBOOK-01").json()["kind"] == "digital"
    assert sandbox.get("/products").json()["totalCount"] == 65
    customer = sandbox.order()["customer"]
    assert sandbox.get(f"/customers/{customer['id']}").json()["email"] == customer["email"]


# -- statuses and idempotency


def test_statuses_move_only_as_the_table_allows(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    assert problem(sandbox.post(f"/orders/{id}/status", {"status": "shipped"}, "a")) == (409, "invalid_transition")
    way = ["processing", "partially_shipped", "shipped", "completed"]
    for status in way:
        assert sandbox.post(f"/orders/{id}/status", {"status": status}, status).json()["status"] == status
    again = sandbox.post(f"/orders/{id}/status", {"status": "completed"}, "f")
    assert (again.status_code, again.json()["version"]) == (200, 5)
    assert problem(sandbox.post(f"/orders/{id}/status", {"status": "cancelled"}, "g")) == (409, "invalid_transition")
    assert problem(sandbox.post(f"/orders/{id}/status", {"status": "lost"}, "h")) == (422, "validation_failed")
    history = sandbox.ledger()["orders"][id]["status_history"]
    assert [one["status"] for one in history] == [
        "confirmed",
        "processing",
        "partially_shipped",
        "shipped",
        "completed",
    ]


def test_a_key_has_one_effect_and_one_answer(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    body = {"status": "processing", "externalRef": "S00042"}
    assert problem(sandbox.post(f"/orders/{id}/status", body)) == (428, "idempotency_key_required")
    first, second = (sandbox.post(f"/orders/{id}/status", body, "key-1") for _ in range(2))
    assert "Idempotency-Replayed" not in first.headers
    assert (second.headers["Idempotency-Replayed"], second.json(), second.headers["ETag"]) == (
        "true",
        first.json(),
        '"v2"',
    )
    other = sandbox.post(f"/orders/{id}/status", {"status": "on_hold"}, "key-1")
    assert problem(other) == (422, "idempotency_conflict")
    ledger = sandbox.ledger()
    assert [(one["idempotency_key"], one["changed"], one["replayed"]) for one in ledger["status_pushes"]] == [
        ("key-1", True, False),
        ("key-1", False, True),
    ]
    assert ledger["orders"][id]["external_refs"] == ["S00042"]
    assert [one["id"] for one in sandbox.get("/orders?externalKey=S00042").json()["items"]] == [id]


def test_a_refusal_is_remembered_too(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    assert sandbox.post(f"/orders/{id}/status", {"status": "shipped"}, "r").status_code == 409
    sandbox.post(f"/orders/{id}/status", {"status": "processing"}, "s")
    again = sandbox.post(f"/orders/{id}/status", {"status": "shipped"}, "r")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (409, "true")


def test_a_key_at_work_has_to_wait(sandbox: Sandbox) -> None:
    """The first request is kept at work by a lock on Clarity's records."""
    id = sandbox.order()["id"]
    blocker = sqlite3.connect(sandbox.records, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sandbox.post, f"/orders/{id}/status", {"status": "processing"}, "busy")
        time.sleep(0.3)
        second = sandbox.post(f"/orders/{id}/status", {"status": "processing"}, "busy")
        blocker.execute("ROLLBACK")
        assert (problem(second), second.headers["Retry-After"]) == ((409, "idempotency_conflict"), "1")
        assert first.result().status_code == 200


def test_concurrent_copies_of_one_push_take_effect_once(sandbox: Sandbox) -> None:
    id = sandbox.order()["id"]
    with ThreadPoolExecutor(8) as pool:
        pushes = [pool.submit(sandbox.post, f"/orders/{id}/status", {"status": "processing"}, "c") for _ in range(16)]
        assert {one.result().status_code for one in pushes} <= {200, 409}
    assert sum(push["changed"] for push in sandbox.ledger()["status_pushes"]) == 1
    assert sandbox.get(f"/orders/{id}").json()["version"] == 2
