"""What Odoo owns of a product reaches Clarity, and there it ends."""

from __future__ import annotations

import uuid

from integration.settings import Settings
from integration.store import crossrefs
from integration.store.crossrefs import Written
from tasks.identity import object_ids
from tasks.intake import Intake
from tasks.runtime import Runtime
from tests.road.orders import ALL
from tests.road.test_customer_events import eventually
from tests.road.test_customers import odoo
from tests.road.test_identity import CREDENTIALS
from tests.road.test_products import at_rest, offered, there
from tests.road.test_trigger import trigger
from tests.road.world import FINISHED, World


def test_a_product_that_clarity_does_not_sell_is_none_of_ours(stores: dict[str, str]) -> None:
    runtime = Runtime(Settings.load(stores | ALL | CREDENTIALS))
    Intake(runtime)
    made_by = runtime.installations["odoo"]
    with runtime.database.transaction() as tx:
        known = {"p-7": "17", "p-8": "template/60"}
        crossrefs.write(tx, [Written(made_by.id, "product", ours, theirs) for ours, theirs in known.items()])
        asked = ["17", "18", "template/17", "template/60"]
        assert object_ids(tx, "product", made_by, asked) == {"17": "p-7", "template/60": "p-8"}
    runtime.database.close()


def test_what_odoo_owns_of_a_product_reaches_clarity_and_ends_there(road: World) -> None:
    made = offered(road)
    at_rest(road, made["id"])
    stranger = odoo(road, "product.product", "create", vals_list=[{"name": f"Ours alone {uuid.uuid4().hex[:8]}"}])
    changed = trigger(road, "product.changed", "--system", "odoo", "--id", made["id"])
    assert changed.returncode == 0, changed.stderr
    number = changed.stdout.strip().partition("=")[2]
    road.poll_all()
    eventually(road, lambda: road.shop("GET", f"products/{made['id']}").get("hsCode"), number)
    (row,) = there(road, made["sku"])
    odoo(road, "product.product", "action_archive", ids=[row["id"]])
    road.poll_all()
    eventually(road, lambda: road.shop("GET", f"products/{made['id']}")["discontinued"], True)
    road.control("DELETE", f"products/{made['id']}")
    road.until(lambda: at_rest(road, made["id"])[-1]["type"] == "product.deleted", 30)
    gone = road.shop("GET", f"products/{made['id']}")
    road.poll_all()
    found = at_rest(road, made["id"], 4)
    assert {each["state"] for each in found} <= set(FINISHED) - {"held", "dead"}, found
    assert road.shop("GET", f"products/{made['id']}") == gone, "our own writes cause none"
    with road.database.transaction() as tx:
        known = tx.value("select count(*) from messages where object_id like '%%' || %s", f"/{stranger[0]}")
    assert known == 0
