"""The fake shop's products over HTTP, by the contract: versions, what a client may change, and their events."""

from __future__ import annotations

from typing import Any

import requests

from tests.sandbox.rig import Listener, Sandbox
from tests.sandbox.test_clarity import problem
from tests.sandbox.test_clarity_customers import events

MUG = {"sku": "MUG-77", "name": "Mug", "kind": "physical", "price": "12.30", "currency": "EUR"}


def offered(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = sandbox.control("POST", "/products", {**MUG, **changes})
    return made


def patch(sandbox: Sandbox, id: str, body: dict[str, Any], match: str = "*") -> requests.Response:
    headers = {**sandbox.headers, "If-Match": match}
    return requests.patch(f"{sandbox.api}/products/{id}", json=body, headers=headers, timeout=20)


def test_a_product_is_made_changed_and_deleted_and_its_events_hold_it_in_full(
    sandbox: Sandbox, listener: Listener
) -> None:
    made = offered(sandbox, sku="MUG-A")
    assert (made["version"], made["status"]) == (1, "active")
    assert sandbox.get("/products/by-sku/MUG-A").json() == made
    changed = sandbox.control("PATCH", f"/products/{made['id']}", {"price": "13.00"})
    assert sandbox.control("PATCH", f"/products/{made['id']}", {"price": "13.00"}) == changed, "nothing changes"
    gone = sandbox.control("DELETE", f"/products/{made['id']}")
    assert (gone["version"], gone["status"]) == (3, "deleted")
    found = events(listener, made["id"], 3)
    assert [event["type"] for event in found] == ["product.created", "product.updated", "product.deleted"]
    assert [event["data"] for event in found] == [made, changed, gone]
    assert sandbox.get(f"/products/{made['id']}").json() == gone, "orders refer to it"


def test_a_client_may_change_little_of_a_product(sandbox: Sandbox) -> None:
    id = offered(sandbox, sku="MUG-B")["id"]
    assert sandbox.get(f"/products/{id}").headers["ETag"] == '"v1"'
    assert patch(sandbox, id, {"customAttributes": {"seen": "yes"}}, '"v1"').json()["version"] == 2
    assert problem(patch(sandbox, id, {"customAttributes": {}}, '"v1"')) == (412, "precondition_failed")
    assert problem(patch(sandbox, id, {"name": "Cup"})) == (422, "validation_failed")
    assert problem(patch(sandbox, "p-nowhere", {"customAttributes": {}})) == (404, "not_found")
    sandbox.control("DELETE", f"/products/{id}")
    assert problem(patch(sandbox, id, {"customAttributes": {}})) == (409, "deleted")


def test_products_are_made_up_each_with_a_sku_of_its_own(sandbox: Sandbox) -> None:
    made = sandbox.control("POST", "/products/generate", {"count": 3, "seed": 7})
    assert len({product["sku"] for product in made}) == 3
    again = sandbox.control("POST", "/products/generate", {"count": 3, "seed": 7})
    assert [product["price"] for product in again] == [product["price"] for product in made]
    assert not {product["sku"] for product in again} & {product["sku"] for product in made}
