"""The cheap target answers what Odoo, Clarity and Fusion would, for one order as for several in one call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.benchmarks.targets import Cheap


@pytest.fixture(scope="module")
def cheap() -> Iterator[Cheap]:
    with Cheap.running() as cheap:
        yield cheap


def odoo(cheap: Cheap, model: str, method: str, **named: Any) -> Any:
    answer = requests.post(f"{cheap.variables['ODOO_URL']}/json/2/{model}/{method}", json=named, timeout=10)
    answer.raise_for_status()
    return answer.json()


def orders(cheap: Cheap, *names: str) -> list[int]:
    """The ids of drafts of two lines of 2 x 12.30, made by one call."""
    columns = ["id", "partner_id/.id", "pricelist_id/.id", "origin", "order_line/id", "order_line/product_id/.id"]
    columns += ["order_line/product_uom_qty", "order_line/price_unit"]
    first = [[name, "7", "", name, f"{name}_1", "1", "2", "12.30"] for name in names]
    second = [["", "", "", "", f"{name}_2", "1", "2", "12.30"] for name in names]
    rows = [row for pair in zip(first, second, strict=True) for row in pair]
    return list(odoo(cheap, "sale.order", "load", fields=columns, data=rows)["ids"])


def test_several_orders_are_loaded_read_confirmed_and_dated_by_one_call_each(cheap: Cheap) -> None:
    ids = orders(cheap, "__t__.one", "__t__.two")
    fields = ["name", "state", "amount_total", "currency_id", "order_line", "date_order"]
    drafts = odoo(cheap, "sale.order", "read", ids=ids, fields=fields)
    assert [(row["id"], row["state"], row["amount_total"], len(row["order_line"])) for row in drafts] == [
        (id, "draft", 49.2, 2) for id in ids
    ]
    assert drafts[0]["currency_id"] == [1, "EUR"]
    assert odoo(cheap, "sale.order", "action_confirm", ids=ids) is True
    dates = [["__t__.one", "2026-11-20 10:15:29"], ["__t__.two", "2026-11-20 10:15:30"]]
    assert odoo(cheap, "sale.order", "load", fields=["id", "date_order"], data=dates)["ids"] == ids
    confirmed = odoo(cheap, "sale.order", "read", ids=ids, fields=fields)
    assert [(row["state"], row["date_order"], row["amount_total"]) for row in confirmed] == [
        ("sale", date, 49.2) for _, date in dates
    ]


def test_an_order_that_is_loaded_again_is_the_same_and_once_confirmed_is_refused(cheap: Cheap) -> None:
    [id] = orders(cheap, "__t__.again")
    assert orders(cheap, "__t__.again") == [id]
    odoo(cheap, "sale.order", "action_confirm", ids=[id])
    columns = ["id", "pricelist_id/.id"]
    answer = odoo(cheap, "sale.order", "load", fields=columns, data=[["__t__.again", ""]])
    assert answer["ids"] is False
    assert "Pricelist" in answer["messages"][0]["message"]
    assert odoo(cheap, "ir.model.data", "check_object_reference", module="__t__", xml_id="again") == ["sale.order", id]


def test_customers_and_products_of_several_orders_are_found_by_one_search(cheap: Cheap) -> None:
    columns = ["id", "type", "name", "email", "is_company", "parent_id/id"]
    rows = [
        ["__t__.a", "contact", "A", "A@x.example", "False", ""],
        ["__t__.b", "contact", "B", "b@x.example", "True", ""],
    ]
    rows.append(["__t__.c", "invoice", "C", "", "False", "__t__.a"])
    ids = odoo(cheap, "res.partner", "load", fields=columns, data=rows)["ids"]
    domain = [["email_normalized", "in", ["a@x.example", "b@x.example"]], ["parent_id", "=", False]]
    fields = ["name", "is_company", "parent_id"]
    found = odoo(cheap, "res.partner", "search_read", domain=domain, fields=fields)
    assert [(row["id"], row["is_company"]) for row in found] == [(ids[0], False), (ids[1], True)]
    assert odoo(cheap, "res.partner", "read", ids=ids[2:], fields=fields)[0]["parent_id"][0] == ids[0]
    one = ["|", ["id", "=", ids[0]], ["name", "=", "C"], ["is_company", "=", False]]
    assert [row["id"] for row in odoo(cheap, "res.partner", "search_read", domain=one, fields=fields)] == [
        ids[0],
        ids[2],
    ]
    products = odoo(
        cheap, "product.product", "search_read", domain=[["default_code", "in", ["X", "Y"]]], fields=["default_code"]
    )
    assert [row["default_code"] for row in products] == ["X", "Y"]
    assert len({row["id"] for row in products}) == 2


def test_every_call_is_counted_but_those_of_polls(cheap: Cheap) -> None:
    before = cheap.calls()
    odoo(cheap, "sale.order", "search_read", domain=[["write_date", ">=", "2026-01-01 00:00:00"]], fields=["name"])
    url = cheap.variables["CLARITY_URL"]
    requests.post(f"{url}/orders/o-1/status", json={"status": "processing"}, timeout=10).raise_for_status()
    assert requests.get(f"{url}/orders/o-1", timeout=10).json()["status"] == "processing"
    assert cheap.calls() - before == {"clarity POST status": 1, "clarity GET order": 1}
    assert "o-1" in cheap.pushed()


def test_an_answer_is_as_late_as_it_is_asked_to_be(cheap: Cheap) -> None:
    cheap.late(odoo=200)
    began = time.monotonic()
    odoo(cheap, "res.users", "context_get")
    waited = time.monotonic() - began
    cheap.late()
    assert waited >= 0.2


def test_a_sales_order_is_created_in_fusion_once(cheap: Cheap) -> None:
    url = f"{cheap.with_fusion['FUSION_URL']}/fscmRestApi/resources/11.13.18.05/salesOrdersForOrderHub"
    body = {"SourceTransactionSystem": "CLARITY", "SourceTransactionId": "7", "lines": [{"ProductNumber": "X"}]}
    assert requests.get(f"{url}/CLARITY%3A7", timeout=10).status_code == 404
    made = requests.post(url, json=body, timeout=10)
    assert (made.status_code, made.json()["OrderNumber"]) == (201, "1")
    again = requests.post(url, json=body, timeout=10)
    assert again.status_code == 400
    assert "sales order" in again.text
    assert requests.get(f"{url}/CLARITY%3A7", timeout=10).json()["lines"][0]["ProductNumber"] == "X"


def test_what_no_order_calls_is_refused(cheap: Cheap) -> None:
    with pytest.raises(requests.HTTPError):
        odoo(cheap, "sale.order", "unlink", ids=[1])
