"""Products on the road: what is made, changed and deleted in Clarity is one product in Odoo, which orders find."""

from __future__ import annotations

import uuid
from typing import Any

from integration.store import views
from tests.road.test_customer_events import EVENT, eventually, fleet
from tests.road.test_customers import odoo
from tests.road.world import FINISHED, World


def offered(road: World, **fields: Any) -> dict[str, Any]:
    """A product that Clarity has begun to sell; its event is on its way."""
    given = {"sku": f"MUG-{uuid.uuid4().hex[:8]}", "name": "Mug", "kind": "physical", "category": "Hardware"}
    made: dict[str, Any] = road.control("POST", "products", {**given, "price": "12.30", "currency": "EUR", **fields})
    return made


def at_rest(road: World, id: str, count: int = 1) -> list[dict[str, Any]]:
    """The product's deliveries to Odoo, oldest first, once there are so many at least and all have ended."""

    def deliveries() -> list[dict[str, Any]]:
        with road.database.transaction() as tx:
            at_odoo = "m.object_id = %s and d.entity = 'product' and i.name = 'odoo-1'"
            return tx.rows(f"{views.DELIVERY} where {at_odoo} order by d.id", id)

    def ended() -> bool:
        rows = deliveries()
        return len(rows) >= count and all(row["state"] in FINISHED for row in rows)

    road.until(ended, 30, lambda: str([(row["state"], row["reason"]) for row in deliveries()]))
    return deliveries()


def there(road: World, sku: str) -> list[dict[str, Any]]:
    """Every product of the sandbox's Odoo with that SKU."""
    domain = [["default_code", "=", sku], ["active", "in", [True, False]]]
    found: list[dict[str, Any]] = odoo(
        road, "product.product", "search_read", domain=domain, fields=["name", "list_price", "active"], order="id"
    )
    return found


def test_a_product_goes_to_odoo_is_ordered_corrected_and_archived(road: World) -> None:
    made = offered(road)
    (delivery,) = at_rest(road, made["id"])
    assert (delivery["state"], delivery["target"]) == ("done", "odoo-1"), delivery["reason"]
    assert [row["name"] for row in there(road, made["sku"])] == ["Mug"]
    (template,) = road.generate(1, "plain")
    order = {name: value for name, value in road.order(template).items() if name not in ("id", "number")}
    order["lines"][0]["sku"] = made["sku"]
    id = road.place(order)
    road.finished(template, id)
    road.exactly_once([id])
    road.control("PATCH", f"products/{made['id']}", {"price": "13.00", "name": "Cup"})
    eventually(road, lambda: [(row["name"], row["list_price"]) for row in there(road, made["sku"])], [("Cup", 13.0)])
    road.control("DELETE", f"products/{made['id']}")
    eventually(road, lambda: [row["active"] for row in there(road, made["sku"])], [False])
    assert {row["state"] for row in at_rest(road, made["id"], 3)} == {"done"}
    assert made["id"] in fleet(road, "find", made["sku"])
    assert "product.archived" in fleet(road, "products", "show", made["sku"], "--json")


def test_variants_go_to_odoo_and_are_found_by_their_skus(road: World) -> None:
    key = uuid.uuid4().hex[:8]
    variants = [{"id": size, "sku": f"SHIRT-{key}-{size}", "options": {"Size": size}} for size in "ML"]
    made = offered(road, sku=f"SHIRT-{key}", name="Shirt", variants=variants)
    assert [row["state"] for row in at_rest(road, made["id"])] == ["done"]
    assert [row["name"] for each in variants for row in there(road, each["sku"])] == ["Shirt", "Shirt"]
    road.control("PATCH", f"products/{made['id']}", {"variants": variants[:1]})
    eventually(road, lambda: [row["active"] for each in variants for row in there(road, each["sku"])], [True, False])


def test_an_event_that_only_names_its_product_is_completed(road: World) -> None:
    made = offered(road)
    at_rest(road, made["id"])
    event = {**EVENT, "id": f"evt_{uuid.uuid4().hex}", "type": "product.updated"}
    assert road.send({**event, "data": {"id": made["id"], "version": 2}}).status_code == 202
    *_, last = at_rest(road, made["id"], 2)
    assert last["state"] in ("done", "skipped"), last["reason"]
    assert len(there(road, made["sku"])) == 1


def test_of_several_products_with_the_sku_a_person_chooses(road: World) -> None:
    sku = f"MUG-{uuid.uuid4().hex[:8]}"
    ids = odoo(road, "product.product", "create", vals_list=[{"name": "By hand", "default_code": sku}] * 2)
    made = offered(road, sku=sku)
    (held,) = at_rest(road, made["id"])
    assert (held["state"], held["code"]) == ("held", "ambiguous_product")
    fleet(road, "held", "approve", str(held["id"]), "--choose", str(ids[1]))
    eventually(road, lambda: [row["name"] for row in there(road, sku)], ["By hand", "Mug"])
    assert at_rest(road, made["id"])[-1]["state"] == "done"
