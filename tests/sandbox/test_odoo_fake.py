"""What the fake Odoo promises beyond single answers: it keeps, counts and serialises, and owns up to what it lacks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from integration.sandbox.odoo import Odoo
from tests.sandbox.odoo_rig import RECORDED, Served

ORDER = ["id", "partner_id/id", "client_order_ref", "origin"]


def new_odoo(home: Path) -> Odoo:
    return Odoo(home, "shop", "fleet", "key")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Served]:
    with Served(new_odoo(tmp_path)) as served:
        yield served


def load_order(fake: Served, key: str) -> int:
    """An order of one SKU-1 under the external id ``__test__.<key>``."""
    fake.load("res.partner", ["id", "name"], ["__test__.buyer", "Buyer"])
    product = fake.id_of("product.product", ["default_code", "=", "SKU-1"])
    columns = [
        *ORDER,
        "order_line/id",
        "order_line/product_id/.id",
        "order_line/product_uom_qty",
        "order_line/price_unit",
    ]
    line = [f"__test__.{key}_1", str(product), "2", "10.5"]
    [id] = fake.load("sale.order", columns, [f"__test__.{key}", "__test__.buyer", f"PO-{key}", key, *line])
    return id


def test_records_survive_a_restart(tmp_path: Path) -> None:
    with Served(new_odoo(tmp_path)) as before:
        first = load_order(before, "1001")
        before.ask("sale.order", "action_confirm", ids=[first])
    with Served(new_odoo(tmp_path)) as after:
        [order] = after.ask("sale.order", "read", ids=[first], fields=["name", "state", "amount_total", "picking_ids"])
        second = load_order(after, "1002")
        names = [row["name"] for row in after.ask("sale.order", "read", ids=[first, second], fields=["name"])]
        ledger = after.odoo.ledger()
    assert order == {"id": 1, "name": "S00001", "state": "sale", "amount_total": 21.0, "picking_ids": [1]}
    assert names == ["S00001", "S00002"]
    assert [call["method"] for call in ledger["calls"]] == ["load", "load", "action_confirm", "load", "load"]


def test_the_ledger_shows_what_took_effect(fake: Served) -> None:
    id = load_order(fake, "1001")
    fake.ask("sale.order", "action_confirm", ids=[id])
    assert fake.call("sale.order", "action_confirm", ids=[id])[0] == 422
    assert fake.call("sale.order", "create", vals_list=[{"origin": "nobody's"}])[0] == 422
    ledger = fake.odoo.ledger()
    assert ledger["orders"] == [
        {
            "id": id,
            "external_id": "__test__.1001",
            "name": "S00001",
            "client_order_ref": "PO-1001",
            "origin": "1001",
            "state": "sale",
            "amount_total": 21.0,
            "currency": "EUR",
            "pickings": [
                {
                    "name": "WH/OUT/00001",
                    "state": "assigned",
                    "tracking": False,
                    "lines": [{"external_id": "__test__.1001_1", "sku": "SKU-1", "quantity": 2.0}],
                }
            ],
            "invoices": [],
            "created": 1,
            "confirmed": 1,
        }
    ]
    assert [(call["model"], call["method"], call["ids"]) for call in ledger["calls"][1:]] == [
        ("sale.order", "load", [id]),
        ("sale.order", "action_confirm", [id]),
    ]


def test_the_ledger_shows_an_order_that_was_created_twice(fake: Served) -> None:
    [partner] = fake.load("res.partner", ["name"], ["Buyer"])
    fake.ask("sale.order", "create", vals_list=[{"partner_id": partner, "origin": "1001"}] * 2)
    assert [order["created"] for order in fake.odoo.ledger()["orders"]] == [2, 2]


def test_imports_of_one_external_id_at_once_make_one_order(fake: Served) -> None:
    load_order(fake, "0")
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: load_order(fake, "1001"), range(16)))
    assert len(ids) == 1
    assert fake.ask("sale.order", "search_count", domain=[["origin", "=", "1001"]]) == 1
    assert fake.ask("sale.order.line", "search_count", domain=[["order_id", "in", list(ids)]]) == 1


def test_confirms_at_once_confirm_once(fake: Served) -> None:
    recorded = json.loads((RECORDED / "concurrency_confirm_same_order.json").read_text(encoding="utf-8"))
    id = load_order(fake, "1001")

    def confirm(_: int) -> tuple[int, str]:
        status, answer = fake.call("sale.order", "action_confirm", ids=[id])
        return status, str(answer if status == 200 else f"{answer['name']}: {answer['message']}")

    with ThreadPoolExecutor(4) as threads:
        answers = Counter(threads.map(confirm, range(4)))
    assert answers == Counter((status, str(answer)) for status, answer in recorded)
    assert fake.ask("stock.picking", "search_count", domain=[["sale_id", "=", id]]) == 1


def test_a_lost_answer_is_committed_once(fake: Served) -> None:
    id = load_order(fake, "1001")
    fake.odoo.fail_next("timeout_after_commit", model="sale.order")
    assert fake.ask("sale.order", "search_count", domain=[]) == 1  # a read is left alone
    with pytest.raises(requests.ConnectionError):
        fake.call("sale.order", "action_confirm", ids=[id])
    assert fake.ask("sale.order", "read", ids=[id], fields=["state"]) == [{"id": id, "state": "sale"}]
    assert fake.odoo.ledger()["orders"][0]["confirmed"] == 1


def test_faults_hit_what_they_name_as_often_as_they_say(fake: Served) -> None:
    fake.odoo.fail_next("odoo.exceptions.AccessError", 2, model="res.partner", method="create")
    assert fake.call("res.partner", "search_count", domain=[])[0] == 200
    statuses = [fake.call("res.partner", "create", vals_list=[{"name": "Kept"}])[0] for _ in range(3)]
    assert statuses == [403, 403, 200]
    assert fake.ask("res.partner", "search_count", domain=[["name", "=", "Kept"]]) == 1


@pytest.mark.parametrize(
    ("model", "method", "body", "missing"),
    [
        ("stock.quant", "search", {"domain": []}, "the model stock.quant"),
        ("sale.order", "action_quotation_send", {"ids": [1]}, "the method sale.order.action_quotation_send"),
        ("sale.order", "search_read", {"domain": [], "fields": ["tag_ids"]}, "the field sale.order.tag_ids"),
        (
            "res.partner",
            "create",
            {"vals_list": [{"name": "x", "color": 5}]},
            "the field res.partner.color",
        ),
        ("sale.order", "load", {"fields": ["id", "tag_ids/.id"], "data": []}, "the field sale.order.tag_ids"),
    ],
)
def test_it_says_plainly_what_it_lacks(
    fake: Served, model: str, method: str, body: dict[str, Any], missing: str
) -> None:
    status, answer = fake.call(model, method, **body)
    assert (status, answer["name"]) == (501, "sandbox.NotFaked")
    assert answer["message"] == f"the sandbox does not fake {missing}; the real Odoo may well have it"


def test_a_customer_with_addresses_is_one_import(fake: Served) -> None:
    poland = fake.id_of("res.country", ["code", "=", "PL"])
    columns = ["id", "name", "is_company", "email", "country_id/.id", "type", "parent_id/id"]
    ids = fake.load(
        "res.partner",
        columns,
        ["__test__.acme", "Acme", "1", "Info@Acme.Example", str(poland), "contact", ""],
        ["__test__.ann", "Ann", "0", "ann@acme.example", "", "contact", "__test__.acme"],
        ["__test__.dock", "Dock", "0", "", "", "delivery", "__test__.acme"],
    )
    fields = ["email_normalized", "display_name", "commercial_partner_id", "country_id"]
    acme, ann, dock = fake.ask("res.partner", "read", ids=ids, fields=fields)
    assert acme["email_normalized"] == "info@acme.example"
    assert (ann["display_name"], ann["country_id"]) == ("Acme, Ann", [poland, "Poland"])
    assert (dock["display_name"], dock["country_id"]) == ("Acme, Dock", False)
    assert {row["commercial_partner_id"][0] for row in (acme, ann, dock)} == {acme["id"]}
    assert fake.ask("res.partner", "get_external_id", ids=[dock["id"]]) == {str(dock["id"]): "__test__.dock"}


def test_an_undone_import_leaves_nothing_but_a_stale_external_id(fake: Served) -> None:
    before = fake.ask("res.partner", "search_count", domain=[])
    rows = [["__test__.good", "Good", ""], ["__test__.bad", "Bad", "Nowhere"]]
    answer = fake.ask("res.partner", "load", fields=["id", "name", "country_id"], data=rows)
    assert (answer["ids"], len(answer["messages"])) == (False, 1)
    assert fake.ask("res.partner", "search_count", domain=[]) == before
    reference = {"module": "__test__", "xml_id": "good"}
    assert fake.ask("ir.model.data", "check_object_reference", **reference) == ["res.partner", False]
    [id] = fake.load("res.partner", ["id", "name"], ["__test__.good", "Good"])
    assert fake.ask("ir.model.data", "check_object_reference", **reference) == ["res.partner", id]


def test_blank_taxes_are_no_taxes_and_an_absent_column_is_the_products(fake: Served) -> None:
    tax = fake.tax(23.0, False)
    columns = ["name", "default_code", "type", "list_price", "taxes_id/.id"]
    [product] = fake.load("product.product", columns, ["Taxed", "TAXED", "service", "100", str(tax)])
    fake.load("res.partner", ["id", "name"], ["__test__.buyer", "Buyer"])
    head, line = ["partner_id/id", "order_line/product_id/.id"], ["__test__.buyer", str(product)]
    without = fake.load("sale.order", [*head, "order_line/tax_ids/.id"], [*line, ""])
    default = fake.load("sale.order", head, line)
    rows = fake.ask("sale.order", "read", ids=without + default, fields=["amount_total"])
    assert [row["amount_total"] for row in rows] == [100.0, 123.0]


def test_confirming_moves_goods_and_leaves_services(fake: Served) -> None:
    goods = fake.id_of("product.product", ["default_code", "=", "SHIRT-BLUE-M"])
    service = fake.id_of("product.product", ["default_code", "=", "INSTALL-SVC"])
    carrier = fake.id_of("delivery.carrier", ["name", "=", "FEDEX_PRIORITY"])
    [partner] = fake.load("res.partner", ["name"], ["Buyer"])
    lines = [[0, 0, {"product_id": product, "product_uom_qty": 3}] for product in (goods, service)]
    values = {"partner_id": partner, "carrier_id": carrier, "date_order": "2026-11-19 10:11:12", "order_line": lines}
    [id] = fake.ask("sale.order", "create", vals_list=[values])
    fake.ask("sale.order", "action_confirm", ids=[id])
    [picking] = fake.ask("stock.picking", "search_read", domain=[["sale_id", "=", id]], fields=["state", "carrier_id"])
    assert (picking["state"], picking["carrier_id"]) == ("assigned", [carrier, "FEDEX_PRIORITY"])
    moves = fake.ask(
        "stock.move", "search_read", domain=[["picking_id", "=", picking["id"]]], fields=["product_uom_qty"]
    )
    assert [move["product_uom_qty"] for move in moves] == [3.0]
    [order] = fake.ask("sale.order", "read", ids=[id], fields=["date_order"])
    assert order["date_order"] != "2026-11-19 10:11:12"
    fake.ask("sale.order", "write", ids=[id], vals={"date_order": "2026-11-19 10:11:12"})
    assert fake.ask("sale.order", "read", ids=[id], fields=["date_order"])[0]["date_order"] == "2026-11-19 10:11:12"
    fake.ask("sale.order", "action_cancel", ids=[id])
    assert fake.ask("stock.picking", "read", ids=[picking["id"]], fields=["state"])[0]["state"] == "cancel"


def test_what_is_delivered_stays_ordered(fake: Served) -> None:
    recorded = json.loads((RECORDED / "json2_confirmed_line_change_delivered.json").read_text(encoding="utf-8"))
    id = load_order(fake, "1001")
    fake.ask("sale.order", "action_confirm", ids=[id])
    [line] = fake.ask("sale.order.line", "search", domain=[["order_id", "=", id]])
    move = fake.id_of("stock.move", ["sale_line_id", "=", line])
    with fake.odoo.database.transaction():
        fake.odoo.database.update("stock.move", move, {"state": "done"})
    assert fake.ask("sale.order.line", "read", ids=[line], fields=["qty_delivered"])[0]["qty_delivered"] == 2.0
    status, answer = fake.call("sale.order.line", "write", ids=[line], vals={"product_uom_qty": 1})
    assert (status, answer["message"]) == (422, recorded["response"]["body"]["message"])
    fake.ask("sale.order.line", "write", ids=[line], vals={"product_uom_qty": 3, "price_unit": 10.5})
    moves = fake.ask("stock.move", "search_read", domain=[["sale_line_id", "=", line]], fields=["state", "quantity"])
    assert sorted((row["state"], row["quantity"]) for row in moves) == [("assigned", 1.0), ("done", 2.0)]


def test_what_the_state_of_an_order_forbids(fake: Served) -> None:
    id = load_order(fake, "1001")
    [line] = fake.ask("sale.order.line", "search", domain=[["order_id", "=", id]])
    other = fake.id_of("product.product", ["default_code", "=", "SKU-2"])
    fake.ask("sale.order", "action_confirm", ids=[id])
    [order] = fake.ask("sale.order", "read", ids=[id], fields=["pricelist_id"], load=None)

    def refused(model: str, ids: list[int], **vals: Any) -> str:
        status, answer = fake.call(model, "write", ids=ids, vals=vals)
        assert (status, answer["name"]) == (422, "odoo.exceptions.UserError")
        return str(answer["message"])

    assert (
        refused("sale.order", [id], pricelist_id=order["pricelist_id"])
        == "You cannot change the pricelist of a confirmed order !"
    )
    assert refused("sale.order.line", [line], product_id=other) == "You cannot modify the product of this order line."
    fake.ask("sale.order", "action_lock", ids=[id])
    locked = "It is forbidden to modify the following fields in a locked order:\nDiscount (%)\nUnit Price"
    assert refused("sale.order.line", [line], price_unit=10.5, discount=5) == locked
    assert fake.call("sale.order", "action_cancel", ids=[id])[0] == 422


def test_the_seed_serves_orders_from_everywhere(fake: Served) -> None:
    assert fake.ask("res.country", "search_count", domain=[]) > 240
    assert fake.id_of("res.country.state", ["country_id.code", "=", "BR"], ["code", "=", "SP"])
    decimals = fake.ask(
        "res.currency", "search_read", domain=[["name", "in", ["JPY", "KWD", "EUR"]]], fields=["decimal_places"]
    )
    assert sorted(row["decimal_places"] for row in decimals) == [0, 2, 3]
    assert {fake.tax(percent, included) for percent in (8.25, 23.0) for included in (True, False)}
    nothing = [["amount", "=", 0], ["price_include", "=", False]]
    assert fake.ask("account.tax", "search_count", domain=nothing) == 2, "at home and for exports"
    assert fake.ask("product.product", "search_count", domain=[["default_code", "=like", "SKU-%"]]) == 60
    assert fake.ask("account.payment.term", "name_search", name="30 Days")[0][1] == "30 Days"


def test_a_reset_brings_the_seed_back(fake: Served) -> None:
    load_order(fake, "1001")
    fake.odoo.reset()
    assert fake.odoo.ledger() == {"orders": [], "calls": []}
    assert load_order(fake, "1001") == 1


def test_an_invoice_of_no_order_has_no_order_lines(fake: Served) -> None:
    [partner] = fake.load("res.partner", ["name"], ["Buyer"])
    product = fake.id_of("product.product", ["default_code", "=", "SKU-1"])
    values = {"product_id": product, "quantity": 2, "price_unit": 10, "tax_ids": [[6, 0, [fake.tax(23.0, False)]]]}
    invoice = {"move_type": "out_invoice", "partner_id": partner, "invoice_line_ids": [[0, 0, values]]}
    [id] = fake.ask("account.move", "create", vals_list=[invoice])
    order = load_order(fake, "1001")
    fake.ask("sale.order", "action_confirm", ids=[order])
    fake.bill(order)
    of_orders = [["move_type", "=", "out_invoice"], ["invoice_line_ids.sale_line_ids", "!=", False]]
    found = fake.ask("account.move", "search_read", domain=of_orders, fields=["invoice_origin", "amount_total"])
    assert [(row["invoice_origin"], row["amount_total"]) for row in found] == [("S00001", 21.0)]
    none = [["invoice_line_ids.sale_line_ids", "=", False]]
    assert fake.ask("account.move", "search_read", domain=none, fields=["amount_total"]) == [
        {"id": id, "amount_total": 24.6}
    ]


def test_what_lies_behind_a_relation_comes_in_one_call(fake: Served) -> None:
    order = load_order(fake, "1001")
    fake.ask("sale.order", "action_confirm", ids=[order])
    moves = {"fields": {"quantity": {}, "product_id": {"fields": {"default_code": {}}}}}
    specification = {"backorder_id": {}, "sale_id": {"fields": {"origin": {}}}, "move_ids": moves}
    answer = fake.ask("stock.picking", "web_search_read", domain=[], specification=specification, limit=1)
    goods = {"id": fake.id_of("product.product", ["default_code", "=", "SKU-1"]), "default_code": "SKU-1"}
    picking = {"id": 1, "backorder_id": False, "sale_id": {"id": order, "origin": "1001"}}
    assert answer == {
        "length": 1,
        "records": [{**picking, "move_ids": [{"id": 1, "quantity": 2.0, "product_id": goods}]}],
    }


def test_one_invoice_may_cover_several_orders(fake: Served) -> None:
    orders = [load_order(fake, key) for key in ("1001", "1002")]
    fake.ask("sale.order", "action_confirm", ids=orders)
    values = {"advance_payment_method": "delivered", "sale_order_ids": [[6, 0, orders]]}
    wizard = fake.ask("sale.advance.payment.inv", "create", vals_list=[values])
    fake.ask("sale.advance.payment.inv", "create_invoices", ids=wizard)
    read = {"domain": [], "fields": ["invoice_origin", "amount_total", "display_name"]}
    [invoice] = fake.ask("account.move", "search_read", **read)
    assert (invoice["invoice_origin"], invoice["amount_total"]) == ("S00001, S00002", 42.0)
    assert invoice["display_name"] == "Draft Invoice (PO-1001, PO-1002)"
    fake.ask("account.move", "action_post", ids=[invoice["id"]])
    [posted] = fake.ask("account.move", "search_read", **read)
    assert posted["display_name"].partition(" ")[2] == "(PO-1001, PO-1002)"
    assert fake.call("account.move", "unlink", ids=[invoice["id"]])[0] == 422
    rows = fake.ask("sale.order", "read", ids=orders, fields=["invoice_ids", "invoice_status"])
    assert [(row["invoice_ids"], row["invoice_status"]) for row in rows] == [([invoice["id"]], "invoiced")] * 2


def test_a_pack_ships_as_its_units(fake: Served) -> None:
    pack = fake.id_of("uom.uom", ["name", "=", "Pack of 6"])
    product = fake.id_of("product.product", ["default_code", "=", "SKU-1"])
    [partner] = fake.load("res.partner", ["name"], ["Buyer"])
    line = {"product_id": product, "product_uom_qty": 2, "product_uom_id": pack}
    [order] = fake.ask("sale.order", "create", vals_list=[{"partner_id": partner, "order_line": [[0, 0, line]]}])
    fake.ask("sale.order", "action_confirm", ids=[order])
    fake.ship(order, 9)
    moves = fake.ask("stock.move", "search_read", domain=[], fields=["quantity", "product_uom"], order="id")
    assert [(move["quantity"], move["product_uom"][1]) for move in moves] == [(9.0, "Units"), (3.0, "Units")]
    [line] = fake.ask("sale.order.line", "search_read", domain=[], fields=["product_uom_qty", "qty_delivered"])
    assert (line["product_uom_qty"], line["qty_delivered"]) == (2.0, 1.5)
