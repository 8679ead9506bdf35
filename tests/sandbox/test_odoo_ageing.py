"""Orders at the fake Odoo after they were confirmed: shipped, billed, paid, whole or in parts, by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from integration.sandbox.odoo import Manner, Odoo
from tests.sandbox.odoo_rig import Served
from tests.sandbox.rig import Sandbox

GOODS, TWO_GOODS, SERVICE = [("SKU-1", 3)], [("SKU-1", 3), ("SKU-2", 1)], [("INSTALL-SVC", 1)]


class Aged(Served):
    """A fake Odoo with orders that can be moved on."""

    def confirmed(self, lines: list[tuple[str, float]] = TWO_GOODS, key: str = "1001") -> int:
        """An order of these SKUs at 9.99 plus 23 % under the external id ``__test__.<key>``."""
        self.load("res.partner", ["id", "name", "phone"], ["__test__.buyer", "Buyer", "+49 30 1234567"])
        columns = ["id", "partner_id/id", "order_line/id", "order_line/product_id/.id", "order_line/product_uom_qty",
                   "order_line/price_unit", "order_line/tax_ids/.id"]  # fmt: skip
        tax = self.tax(23.0, False)
        rows = []
        for number, (sku, quantity) in enumerate(lines, start=1):
            product = self.id_of("product.product", ["default_code", "=", sku])
            rows.append(["", "", f"__test__.{key}_{number}", str(product), str(quantity), "9.99", str(tax)])
        rows[0][:2] = [f"__test__.{key}", "__test__.buyer"]
        [id] = self.load("sale.order", columns, *rows)
        self.ask("sale.order", "action_confirm", ids=[id])
        return id

    def order(self) -> dict[str, Any]:
        """The only order, as the ledger has it."""
        [order] = self.odoo.ledger()["orders"]
        found: dict[str, Any] = order
        return found

    def advance(self, **manner: bool) -> dict[str, Any]:
        """One step of all orders, and then the only one."""
        self.odoo.advance(manner=Manner(**manner))
        return self.order()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Aged]:
    with Aged(Odoo(tmp_path, "shop", "fleet", "key")) as served:
        yield served


def called(sandbox: Sandbox, model: str, method: str, **body: Any) -> Any:
    """The answer of a call over the sandbox's own port."""
    url = f"{sandbox.url}/odoo/json/2/{model}/{method}"
    answer = requests.post(url, json=body, headers={"Authorization": "bearer odoo-key"}, timeout=20)
    assert answer.ok, answer.text
    return answer.json()


def shipped(order: dict[str, Any]) -> list[tuple[str, list[float]]]:
    return [(picking["state"], [line["quantity"] for line in picking["lines"]]) for picking in order["pickings"]]


def test_an_order_is_shipped_billed_and_paid(fake: Aged) -> None:
    fake.confirmed()
    order = fake.advance()
    [picking] = order["pickings"]
    assert (picking["name"], picking["state"], picking["tracking"]) == ("WH/OUT/00001", "done", "1Z999BB10000000001")
    assert picking["lines"] == [
        {"external_id": "__test__.1001_1", "sku": "SKU-1", "quantity": 3.0},
        {"external_id": "__test__.1001_2", "sku": "SKU-2", "quantity": 1.0},
    ]
    assert order["invoices"] == []
    [invoice] = fake.advance()["invoices"]
    assert (invoice["state"], invoice["payment_state"], invoice["residual"]) == ("posted", "not_paid", 49.15)
    assert invoice["name"] == f"INV/{datetime.now().year}/00001"
    [invoice] = fake.advance()["invoices"]
    assert (invoice["payment_state"], invoice["amount"], invoice["residual"]) == ("paid", 49.15, 0.0)
    assert order["amount_total"] == 49.15
    assert fake.odoo.advance() == []


def test_a_service_is_billed_at_once(fake: Aged) -> None:
    fake.confirmed(SERVICE)
    order = fake.advance()
    assert (order["pickings"], [invoice["state"] for invoice in order["invoices"]]) == ([], ["posted"])


def test_a_split_order_leaves_in_two_parts_and_is_billed_once(fake: Aged) -> None:
    fake.confirmed()
    assert shipped(fake.advance(split=True)) == [("done", [1.0, 1.0]), ("assigned", [2.0])]
    assert shipped(fake.advance(split=True)) == [("done", [1.0, 1.0]), ("done", [2.0])]
    assert [invoice["amount"] for invoice in fake.advance()["invoices"]] == [49.15]


def test_single_units_are_split_by_line(fake: Aged) -> None:
    fake.confirmed([("SKU-1", 1), ("SKU-2", 1)])
    assert shipped(fake.advance(split=True)) == [("done", [1.0]), ("assigned", [1.0])]


def test_the_tracking_number_may_come_late(fake: Aged) -> None:
    fake.confirmed(GOODS)
    [picking] = fake.advance(late_tracking=True)["pickings"]
    assert (picking["state"], picking["tracking"]) == ("done", False)
    [picking] = fake.advance()["pickings"]
    assert picking["tracking"] == "1Z999BB10000000001"


def test_there_may_be_several_numbers(fake: Aged) -> None:
    fake.confirmed(GOODS)
    [picking] = fake.advance(several_tracking=True)["pickings"]
    assert picking["tracking"] == "1Z999BB10000000001, 1Z999BB20000000001"


def test_more_may_leave_than_was_ordered(fake: Aged) -> None:
    id = fake.confirmed(GOODS)
    assert shipped(fake.advance(overship=True)) == [("done", [4.0])]
    fake.advance()
    assert fake.ask("sale.order", "read", ids=[id], fields=["invoice_status"])[0]["invoice_status"] == "upselling"


def test_another_product_may_leave(fake: Aged) -> None:
    fake.confirmed(GOODS)
    [line] = fake.advance(substitute=True)["pickings"][0]["lines"]
    assert (line["external_id"], line["quantity"]) == ("__test__.1001_1", 3.0)
    assert line["sku"] != "SKU-1"


def test_something_may_leave_that_no_order_has(fake: Aged) -> None:
    fake.confirmed(GOODS)
    assert len(fake.advance(alien=True)["pickings"]) == 1
    domain = [["state", "=", "done"], ["picking_type_code", "=", "outgoing"], ["sale_id", "=", False]]
    [alien] = fake.ask("stock.picking", "search_read", domain=domain, fields=["origin", "move_ids"])
    assert (alien["origin"], len(alien["move_ids"])) == (False, 1)


def test_orders_are_named_by_number_external_id_or_id(fake: Aged) -> None:
    ids = [fake.confirmed(GOODS, key) for key in ("1", "2", "3", "4")]
    moved = fake.odoo.advance(["S00001", "__test__.2", ids[2], "S99999"])
    assert [order["id"] for order in moved] == ids[:3]
    assert [order["pickings"][0]["state"] for order in fake.odoo.ledger()["orders"]] == [*["done"] * 3, "assigned"]


def test_drafts_and_cancelled_orders_stay_as_they_are(fake: Aged) -> None:
    id = fake.confirmed(GOODS)
    fake.ask("sale.order", "action_cancel", ids=[id])
    assert fake.odoo.advance() == []
    assert fake.order()["pickings"][0]["state"] == "cancel"


def test_orders_age_by_the_clock(tmp_path: Path) -> None:
    with Aged(Odoo(tmp_path, "shop", "fleet", "key", age_seconds=0.05, split_every=1)) as fake:
        fake.confirmed()
        order, end = fake.order(), time.monotonic() + 10
        while not (order["invoices"] and order["invoices"][0]["payment_state"] == "paid") and time.monotonic() < end:
            time.sleep(0.02)
            order = fake.order()
        assert shipped(order) == [("done", [1.0, 1.0]), ("done", [2.0])]
        assert [(invoice["payment_state"], invoice["amount"]) for invoice in order["invoices"]] == [("paid", 49.15)]
        time.sleep(0.06)
        fake.order()
        assert fake.odoo.database.rows("sandbox.ageing") == {}  # nothing is looked at for ever


def test_an_order_goes_on_ageing_after_a_restart(tmp_path: Path) -> None:
    with Aged(Odoo(tmp_path, "shop", "fleet", "key", age_seconds=0.05)) as fake:
        fake.confirmed(GOODS)
    time.sleep(0.06)
    with Aged(Odoo(tmp_path, "shop", "fleet", "key", age_seconds=0.05)) as fake:
        assert fake.order()["pickings"][0]["state"] == "done"


def test_a_late_committer_is_dated_back(fake: Aged) -> None:
    fake.confirmed(GOODS)
    fake.advance()
    fields = ["write_date", "carrier_tracking_ref"]
    [before] = fake.ask("stock.picking", "read", ids=[1], fields=fields)
    fake.odoo.set_back("stock.picking", 1, 90)
    [after] = fake.ask("stock.picking", "read", ids=[1], fields=fields)
    moments = [datetime.fromisoformat(row.pop("write_date")) for row in (before, after)]
    assert moments[0] - moments[1] == timedelta(seconds=90)
    assert after == before

    def polled(since: datetime) -> int:
        domain = [["state", "=", "done"], ["write_date", ">=", str(since)]]
        return int(fake.ask("stock.picking", "search_count", domain=domain))

    assert (polled(moments[0]), polled(moments[1])) == (0, 1)


def test_a_change_of_what_has_left_is_polled_again(fake: Aged) -> None:
    """Newest last, each row once, whatever was written in between."""
    for key in ("1", "2", "3"):
        fake.confirmed(GOODS, key)
    fake.odoo.advance()
    fake.ask("stock.picking", "write", ids=[1], vals={"carrier_tracking_ref": "1ZLATE"})
    domain = [["state", "=", "done"], "|", ["id", "<", 3], ["id", "=", 3], ["write_date", ">=", "-1d"]]
    rows = fake.ask("stock.picking", "search_read", domain=domain, fields=["name"], order="write_date, id")
    assert [row["id"] for row in rows] == [2, 3, 1]


def test_it_is_asked_for_over_http(sandbox: Sandbox) -> None:
    call = partial(called, sandbox)
    [partner] = call("res.partner", "create", vals_list=[{"name": "Buyer"}])
    [product] = call("product.product", "search", domain=[["default_code", "=", "SKU-1"]])
    values = {"partner_id": partner, "order_line": [[0, 0, {"product_id": product, "product_uom_qty": 4}]]}
    [id] = call("sale.order", "create", vals_list=[values])
    call("sale.order", "action_confirm", ids=[id])
    [order] = sandbox.control("POST", "/odoo/advance", {"orders": ["S00001"], "split": True})
    assert shipped(order) == [("done", [2.0]), ("assigned", [2.0])]
    [order] = sandbox.control("POST", "/odoo/advance", {"steps": 3})
    assert [invoice["payment_state"] for invoice in order["invoices"]] == ["paid"]
    assert sandbox.control("POST", "/odoo/advance") == []
    late = sandbox.control("POST", "/odoo/late", {"model": "account.move", "id": 1, "seconds": 60})
    [invoice] = call("account.move", "read", ids=[1], fields=["write_date"])
    assert invoice["write_date"] == late["write_date"][:19]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("advance", {"orders": "S00001"}),
        ("advance", {"steps": 0}),
        ("advance", {"by": "truck"}),
        ("late", {"model": "stock.picking", "id": 99, "seconds": 1}),
        ("late", {"model": "stock.picking"}),
    ],
)
def test_what_cannot_be_asked_for_is_refused(sandbox: Sandbox, path: str, body: dict[str, Any]) -> None:
    assert requests.post(f"{sandbox.url}/_sandbox/odoo/{path}", json=body, timeout=20).status_code == 422
