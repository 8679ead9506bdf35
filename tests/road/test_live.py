"""The same road with a real Odoo at its end (``--live``); Clarity stays the sandbox's."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.local.fleet import Fleet
from integration.message import external_id
from tests.ports import free_ports
from tests.road.world import World

pytestmark = pytest.mark.live
LIVE = "FLEET_LIVE_ODOO_"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    given = {name.removeprefix("FLEET_LIVE_"): value for name, value in os.environ.items() if name.startswith(LIVE)}
    assert "test" in given["ODOO_DB"], "a database whose name lacks 'test' is not one for tests"
    own = {name: value for name, value in given.items() if "ADMIN" not in name and "SALES" not in name}
    home = str(tmp_path_factory.mktemp("live"))
    fleet = Fleet({"PATH": os.environ["PATH"], "FLEET_HOME": home, "ODOO_RATE": "100", "ODOO_POLL_SECONDS": "2", **own})
    fleet.start(port_base=free_ports(), sandbox=("clarity",))
    world = World(fleet)
    yield world
    world.close()
    fleet.stop()


def odoo(model: str, method: str, **arguments: Any) -> Any:
    """A call to the real Odoo as its administrator."""
    answer = requests.post(
        f"{os.environ[LIVE + 'URL']}/json/2/{model}/{method}",
        json=arguments,
        headers={"Authorization": f"bearer {os.environ[LIVE + 'ADMIN_API_KEY']}"},
        timeout=60,
    )
    answer.raise_for_status()
    return answer.json()


@pytest.fixture
def order() -> dict[str, Any]:
    """An order in the company's own currency for two products that exist, by a customer who does not yet."""
    mark = uuid.uuid4().hex[:8]
    skus = [f"LIVE-{mark}-{number}" for number in (1, 2)]
    odoo("product.product", "create", vals_list=[{"name": sku, "default_code": sku, "type": "consu"} for sku in skus])
    (user,) = odoo("res.users", "read", ids=[odoo("res.users", "context_get")["uid"]], fields=["company_id"])
    (company,) = odoo("res.company", "read", ids=[user["company_id"][0]], fields=["currency_id"])
    address = {
        "name": "Zoë Łukasz",
        "line1": "1 Main St",
        "line2": None,
        "city": "Austin",
        "region": "TX",
        "postalCode": "78701",
    }
    address |= {"countryCode": "US", "company": None, "phone": None, "email": None}
    lines = [
        {
            "id": "1",
            "sku": skus[0],
            "name": "One",
            "kind": "physical",
            "quantity": "2",
            "uom": "EA",
            "unitPrice": "12.30",
        },
        {
            "id": "2",
            "sku": skus[1],
            "name": "Two",
            "kind": "physical",
            "quantity": "3",
            "uom": "EA",
            "unitPrice": "7.77",
        },
    ]
    totals = {"2": "23.31", "1": "22.14"}
    for line in lines:
        off = [{"code": "TEN", "amount": "2.46", "allocation": "line"}] if line["id"] == "1" else []
        line |= {
            "discounts": off,
            "taxes": [],
            "lineTotal": totals[line["id"]],
            "requiresShipping": True,
            "customAttributes": {},
        }
    return {
        "id": f"live-{mark}", "number": f"LIVE-{mark}", "version": 1, "status": "confirmed", "paymentStatus": "paid",
        "fulfillmentStatus": "unfulfilled", "channel": "web", "placedAt": "2026-11-20T10:15:29.000Z",
        "createdDate": "2026-11-20T10:15:29Z", "updatedDate": "2026-11-20T10:15:29Z",
        "currency": company["currency_id"][1], "presentmentCurrency": company["currency_id"][1], "taxIncluded": True,
        "customer": {"id": f"c-{mark}", "type": "person", "email": f"{mark}@Example.test", "name": "Zoë Łukasz"},
        "billingAddress": address, "shippingAddress": address, "lines": lines,
        "shippingLines": [{"code": "EXPRESS", "name": "Express", "price": "5.00", "taxes": [], "discounts": []}],
        "fees": [], "discounts": [], "refunds": [], "notes": None, "tags": [], "customAttributes": {},
        "payments": [{"id": "p1", "method": "card", "amount": "50.45", "status": "captured", "reference": "tok_1"}],
        "totals": {"subtotal": "45.45", "discount": "2.46", "shipping": "5.00", "fees": "0.00", "tax": "0.00",
                   "grandTotal": "50.45", "giftCard": "0.00", "balanceDue": "0.00"},
    }  # fmt: skip


def sale_order(id: str) -> list[dict[str, Any]]:
    fields = ["name", "state", "amount_total", "client_order_ref", "origin", "date_order", "partner_id", "order_line"]
    number = id.replace("live-", "LIVE-")
    return list(odoo("sale.order", "search_read", domain=[["origin", "=", number]], fields=fields))


def test_an_order_becomes_one_confirmed_sale_order(live: World, order: dict[str, Any]) -> None:
    live.place(order)
    live.finished(order["id"], seconds=60)
    (found,) = sale_order(order["id"])
    assert (found["state"], found["amount_total"]) == ("sale", 50.45)
    assert found["date_order"] == "2026-11-20 10:15:29"
    assert len(found["order_line"]) == 3
    assert odoo("sale.order", "get_external_id", ids=[found["id"]]) == {
        str(found["id"]): f"__clarity__.{external_id('order', order['id'])}"
    }
    (push,) = live.pushes(order["id"])
    assert push["external_ref"] == f"odoo:{found['name']}"
    assert live.order(order["id"])["status"] == "processing"


def test_killed_in_mid_post_it_is_still_one(live: World, order: dict[str, Any]) -> None:
    live.place(order)
    live.until(lambda: any("running" in state for state in live.states(order["id"])), 20)
    live.restart("worker-odoo")
    live.finished(order["id"], seconds=120)
    (found,) = sale_order(order["id"])
    assert found["state"] == "sale"


def test_first_orders_of_many_accounts_with_one_address_are_as_many_contacts(
    live: World, order: dict[str, Any]
) -> None:
    email = f"{order['id']}@example.test"
    (known,) = odoo("res.partner", "create", vals_list=[{"name": "Known before", "email": email}])
    accounts = [f"{order['customer']['id']}-{number}" for number in range(10)]
    orders = [
        {**order, "id": f"{order['id']}-{number}", "number": f"{order['number']}-{number}", "customer": customer}
        for number, id in enumerate([*accounts, accounts[0], None, None])
        for customer in ({**order["customer"], "id": id, "email": email},)
    ]
    for each in orders:
        event = {"id": f"evt_{each['id']}", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z", "data": each}
        assert live.send(event).status_code == 202
    live.until(
        lambda: all({row["state"] for row in live.at("odoo", each["id"])} == {"done"} for each in orders),
        240,
        lambda: [row for each in orders for row in live.at("odoo", each["id"]) if row["state"] != "done"],
    )
    found = [sale_order(each["id"])[0]["partner_id"][0] for each in orders]
    fields = ["commercial_partner_id"]
    rows = odoo("res.partner", "read", ids=found, fields=fields)
    above = {row["id"]: row["commercial_partner_id"][0] for row in rows}
    customers = [above[id] for id in found]
    assert len(set(customers[:10])) == 10, "two accounts in one contact"
    assert customers[10] == customers[0]
    assert customers[11] == customers[12]
    assert customers[11] not in customers[:10], "a guest is nobody's account"
    assert known in customers
    domain = [["email", "=", email], ["parent_id", "=", False]]
    assert odoo("res.partner", "search_count", domain=domain) == 11, "nobody has two"


def test_a_change_reaches_the_confirmed_order(live: World, order: dict[str, Any]) -> None:
    live.place(order)
    live.finished(order["id"], seconds=60)
    standing = live.order(order["id"])
    changed = {**standing, "version": standing["version"] + 1}
    changed["lines"][1] |= {"quantity": "4", "lineTotal": "31.08"}
    changed["totals"] |= {"subtotal": "53.22", "grandTotal": "58.22", "balanceDue": "7.77"}
    stamp = {"id": f"evt_{order['id']}_2", "type": "order.updated", "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert live.send({**stamp, "data": changed}).status_code == 202
    live.until(
        lambda: sale_order(order["id"])[0]["amount_total"] == 58.22, 30, lambda: live.deliveries(order["id"])[-1]
    )


def ship(order: int, *quantities: float) -> int:
    """Ships so much of each move of the order's open transfer; what is left becomes another one."""
    domain = [["sale_id", "=", order], ["state", "not in", ["done", "cancel"]]]
    (picking,) = odoo("stock.picking", "search_read", domain=domain, fields=["move_ids"])
    for move, quantity in zip(sorted(picking["move_ids"]), quantities, strict=True):
        odoo("stock.move", "write", ids=[move], vals={"quantity": quantity, "picked": True})
    context = {"skip_sms": True, "skip_backorder": True}
    assert odoo("stock.picking", "button_validate", ids=[picking["id"]], context=context) is True
    return int(picking["id"])


def bill(order: int) -> int:
    """Bills what has been delivered and not billed, and posts the invoice."""
    before = set(odoo("sale.order", "read", ids=[order], fields=["invoice_ids"])[0]["invoice_ids"])
    wizard = {"advance_payment_method": "delivered", "sale_order_ids": [[6, 0, [order]]]}
    made = odoo("sale.advance.payment.inv", "create", vals_list=[wizard])
    odoo("sale.advance.payment.inv", "create_invoices", ids=made)
    (invoice,) = set(odoo("sale.order", "read", ids=[order], fields=["invoice_ids"])[0]["invoice_ids"]) - before
    odoo("account.move", "action_post", ids=[invoice])
    return int(invoice)


def pay(invoice: int) -> None:
    context = {"active_model": "account.move", "active_ids": [invoice]}
    wizard = odoo("account.payment.register", "create", vals_list=[{}], context=context)
    odoo("account.payment.register", "action_create_payments", ids=wizard, context=context)


def test_from_order_to_cash(live: World, order: dict[str, Any]) -> None:
    """Shipped in two parts, tracking entered afterwards, billed, paid: Clarity shows each as it happens."""
    id = order["id"]
    live.place(order)
    live.finished(id, seconds=60)
    (found,) = sale_order(id)
    first = ship(found["id"], 2, 1)
    live.becomes(id, "partially_shipped", 60)
    (parcel,) = live.shipments(id)
    assert (parcel["lines"], parcel["tracking"]) == ({"1": "2", "2": "1"}, [])
    odoo("stock.picking", "write", ids=[first], vals={"carrier_tracking_ref": "1Z1, 1Z2"})
    live.until(lambda: live.shipments(id)[0]["tracking"] == ["1Z1", "1Z2"], 60, lambda: live.all(id))
    ship(found["id"], 2)
    live.becomes(id, "shipped", 60)
    assert [each["lines"] for each in live.shipments(id)] == [{"1": "2", "2": "1"}, {"2": "2"}]
    invoice = bill(found["id"])
    live.until(lambda: len(live.invoices(id)) == 1, 60, lambda: live.all(id))
    assert (live.invoices(id)[0]["total"], live.invoices(id)[0]["status"]) == ("50.45", "open")
    pay(invoice)
    live.becomes(id, "completed", 60)
    assert live.invoices(id)[0]["status"] == "paid"
    assert [push["status"] for push in live.pushes(id) if push["changed"]] == [
        "processing",
        "partially_shipped",
        "shipped",
        "completed",
    ]
    live.balanced()
