"""The fake shop's customers over HTTP, by the contract: versions, what a client may change, and their events."""

from __future__ import annotations

from typing import Any

import requests

from tests.sandbox.rig import Listener, Sandbox, eventually
from tests.sandbox.test_clarity import ask_token, problem

JANE = {"type": "person", "name": "Jane Doe", "email": "jane@example.test", "paymentTerms": None}


def registered(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = sandbox.control("POST", "/customers", {**JANE, **changes})
    return made


def patch(
    sandbox: Sandbox, id: str, body: dict[str, Any], match: str | None = "*", **headers: str
) -> requests.Response:
    given = {**sandbox.headers, **({"If-Match": match} if match else {}), **headers}
    return requests.patch(f"{sandbox.api}/customers/{id}", json=body, headers=given, timeout=20)


def events(listener: Listener, id: str, count: int) -> list[dict[str, Any]]:
    """At least so many, by their version: webhooks that are sent at once may arrive in any order."""
    found = eventually(lambda: found if len(found := listener.events(id)) >= count else None)
    return sorted(found, key=lambda event: event["data"]["version"])


def test_a_customer_is_created_changed_and_its_events_hold_it_in_full(sandbox: Sandbox, listener: Listener) -> None:
    id = registered(sandbox)["id"]
    answer = sandbox.get(f"/customers/{id}")
    assert (answer.json()["version"], answer.headers["ETag"]) == (1, '"v1"')
    assert sandbox.get(f"/customers/{id}", headers={"If-None-Match": '"v1"'}).status_code == 304
    changed = patch(sandbox, id, {"paymentTerms": "NET30", "creditHold": True}, '"v1"')
    assert (changed.status_code, changed.json()["version"], changed.json()["name"]) == (200, 2, "Jane Doe")
    assert problem(patch(sandbox, id, {"paymentTerms": "NET45"}, '"v1"')) == (412, "precondition_failed")
    assert problem(patch(sandbox, id, {"paymentTerms": "NET45"}, None)) == (428, "precondition_required")
    sandbox.control("PATCH", f"/customers/{id}", {"name": "Jane Roe"})
    found = events(listener, id, 3)
    assert [event["type"] for event in found] == ["customer.created", "customer.updated", "customer.updated"]
    assert found[1]["data"] == changed.json()
    assert (found[2]["data"]["name"], found[2]["data"]["paymentTerms"]) == ("Jane Roe", "NET30")


def test_what_changes_nothing_is_no_new_version(sandbox: Sandbox, listener: Listener) -> None:
    id = registered(sandbox, creditHold=False)["id"]
    assert patch(sandbox, id, {"creditHold": False}).json()["version"] == 1
    registered(sandbox, id=f"{id}-later")
    events(listener, f"{id}-later", 1)
    assert [event["type"] for event in listener.events(id)] == ["customer.created"]


def test_a_client_may_change_what_an_erp_owns_and_nothing_else(sandbox: Sandbox) -> None:
    id = registered(sandbox)["id"]
    for body, pointer in (
        ({"name": "John"}, "/name"),
        ({"creditHold": "yes"}, "/creditHold"),
        ({"creditLimit": "-1"}, "/creditLimit"),
    ):
        refused = patch(sandbox, id, body)
        assert problem(refused) == (422, "validation_failed")
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert problem(patch(sandbox, "c-nobody", {"taxId": "PL1"})) == (404, "not_found")
    granted = ask_token(sandbox, grant_type="client_credentials", scope="customers:read")[1]["access_token"]
    refused = patch(sandbox, id, {"taxId": "PL1"}, Authorization=f"Bearer {granted}")
    assert problem(refused) == (403, "insufficient_scope")


def test_a_merged_customer_is_readable_and_names_who_stays(sandbox: Sandbox, listener: Listener) -> None:
    stays, goes = registered(sandbox)["id"], registered(sandbox)["id"]
    sandbox.control("POST", f"/customers/{stays}/merge", {"others": [goes]})
    (merged,) = [event for event in events(listener, stays, 2) if event["type"] == "customer.merged"]
    assert (merged["data"]["id"], merged["data"]["mergedIds"], merged["data"]["version"]) == (stays, [goes], 2)
    gone = sandbox.get(f"/customers/{goes}").json()
    assert (gone["status"], gone["mergedInto"]) == ("merged", stays)
    assert problem(patch(sandbox, goes, {"taxId": "PL1"})) == (409, "merged")


def test_an_order_leaves_its_customer_as_it_is(sandbox: Sandbox, listener: Listener) -> None:
    order = sandbox.order()
    id = order["customer"]["id"]
    assert sandbox.get(f"/customers/{id}").json()["version"] == 1
    assert patch(sandbox, id, {"paymentTerms": "NET30"}).status_code == 200
    again = {name: order[name] for name in order if name not in ("id", "number")}
    sandbox.control("POST", "/orders", again)
    assert sandbox.get(f"/customers/{id}").json()["paymentTerms"] == "NET30"
    assert [event["type"] for event in events(listener, id, 1)] == ["customer.updated"], "ordering is no event of it"
