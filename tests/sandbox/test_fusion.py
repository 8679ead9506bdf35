"""What the fake Fusion does beyond the examples: validation, queries, pages, revisions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.fusion_rig import INVOICES, KEY, ORDERS, Pod, an_order, changed, example, with_freight

IMPORTED = "The application successfully imported the sales order."
NOT_SUBMITTED = "The application didn't submit the sales order because it failed validation."


def refused(answer: requests.Response, status: int = 400) -> Any:
    """The one error of a JSON refusal."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/vnd.oracle.adf.error+json")
    assert answer.headers["X-ORACLE-DMS-ECID"]
    [detail] = answer.json()["o:errorDetails"]
    return detail


# -- what an order must have


@pytest.mark.parametrize(
    ("order", "text", "path"),
    [
        (changed(SourceScheduleNumber=...), "Attribute SourceScheduleNumber in FomSalesOrdersRestAM.Lines is required.",
         "/SourceScheduleNumber"),
        (an_order(BuyingPartyNumber=None), "Attribute BuyingPartyId in FomSalesOrdersRestAM.SalesOrders is required.",
         "/BuyingPartyId"),
        (an_order(lines=an_order()["lines"] * 2),
         "You must provide a valid value for the attribute SourceTransactionLineId.", "/SourceTransactionLineId"),
        (changed(charges=[{"PricedQuantity": 1}]),
         "Attribute ChargeDefinitionCode in FomSalesOrdersRestAM.Charges is required.", "/ChargeDefinitionCode"),
        (changed(Colour="red"), 'Invalid attribute "Colour" in the payload', "/lines/0/Colour"),
        (changed(OrderedQuantity="two"), "The value of attribute OrderedQuantity is not a valid number.",
         "/lines/0/OrderedQuantity"),
        (changed(ProductNumber="SKU-99"), "You must provide a valid value for the attribute ProductNumber.",
         "/lines/0/ProductNumber"),
        (an_order(SourceTransactionSystem="SHOP9"),
         "You must provide a valid value for the attribute SourceTransactionSystem.", "/SourceTransactionSystem"),
        (an_order(CustomerPONumber="x" * 51), "The value of attribute CustomerPONumber exceeds 50 characters.",
         "/CustomerPONumber"),
        (an_order(OrderNumber="7"), "Attribute OrderNumber cannot be updated.", "/OrderNumber"),
        (an_order(additionalInformation=[{"Category": "X", "Colour": 1}]), 'Invalid attribute "Colour" in the payload',
         "/additionalInformation/0/Colour"),
    ],
)  # fmt: skip
def test_a_payload_that_fusion_would_not_take(pod: Pod, order: dict[str, Any], text: str, path: str) -> None:
    detail = refused(pod.call("POST", ORDERS, order))
    assert (detail["detail"], detail["o:errorPath"]) == (text, path)
    assert pod.ledger() == {"orders": [], "invoices": [], "account_sites": [], "items": [], "parties": []}


def test_a_body_that_is_no_order(pod: Pod) -> None:
    url, token = pod.url + ORDERS, {"Authorization": f"Bearer {pod.token}"}
    for body, kind, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"x", "text/plain", 415),
    ):
        answer = requests.post(url, body, headers={**token, "Content-Type": kind}, timeout=20)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, "text/plain")
    assert pod.call("GET", ORDERS, headers={"REST-Framework-Version": "10"}, framework=None).status_code == 400
    assert pod.call("GET", ORDERS.replace("11.13.18.05", "12")).status_code == 404


def test_of_many_at_once_one_is_created(pod: Pod) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: pod.call("POST", ORDERS, an_order()).status_code, range(6)))
    assert sorted(answers) == [201, 400, 400, 400, 400, 400]
    [order] = pod.ledger()["orders"]
    assert (order["created"], order["refused_duplicates"]) == (1, 5)


def test_frozen_prices_need_a_list_and_a_net_component(pod: Pod) -> None:
    for element in ("QP_LIST_PRICE", "QP_NET_PRICE"):
        order = an_order()
        [charge] = order["lines"][0]["charges"]
        charge["chargeComponents"] = [one for one in charge["chargeComponents"] if one["PriceElementCode"] != element]
        text = refused(pod.call("POST", ORDERS, order))["detail"]
        assert text == (
            "The list price or net price for charge QP_SALE_PRICE on SourceTransactionLineNumber 1 "
            "does not contain a value."
        )
    not_frozen = refused(pod.call("POST", ORDERS, an_order(FreezePriceFlag=False)))
    assert not_frozen["o:errorCode"] == "FOM-4515095"
    assert pod.ledger()["orders"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"billToCustomer": [{"CustomerAccountId": 300000000000777, "SiteUseId": 300000000020003}]},
        {"shipToCustomer": [{"PartyId": 300000000000700, "SiteId": 300000000000778}]},
        {"billToCustomer": []},
    ],
)
def test_a_site_that_does_not_fit_leaves_a_draft_that_can_be_corrected(pod: Pod, change: dict[str, Any]) -> None:
    draft = pod.create(an_order(**change))
    assert (draft["MessageText"], draft["StatusCode"], draft["SubmittedFlag"]) == (NOT_SUBMITTED, "DOO_DRAFT", False)
    assert pod.advance() == []
    right = {name: an_order()[name] for name in change}
    repaired = pod.call("PATCH", f"{ORDERS}/{KEY}", {**right, "SubmittedFlag": True}).json()
    assert (repaired["MessageText"], repaired["StatusCode"], repaired["HeaderId"]) == (
        IMPORTED,
        "OPEN",
        draft["HeaderId"],
    )
    [order] = pod.ledger()["orders"]
    assert (order["submissions"], order["created"], order["refused_duplicates"]) == (1, 1, 0)


def test_totals_count_only_what_is_frozen(pod: Pod) -> None:
    pod.create(with_freight(an_order("A")))
    pod.create(with_freight(an_order("B", FreezeTaxFlag=False)))
    pod.create(with_freight(an_order("C", FreezeShippingChargeFlag=False)))
    totals = [order["totals"] for order in pod.ledger()["orders"]]
    whole = {"list": "40", "discount": "4", "net": "36", "shipping": "5", "tax": "4.1", "total": "45.1"}
    shown = [{name: str(Decimal(amount).normalize()) for name, amount in one.items()} for one in totals]
    assert shown == [
        {name: str(Decimal(amount).normalize()) for name, amount in one.items()}
        for one in (
            whole,
            {**whole, "tax": "0", "total": "41"},
            {**whole, "shipping": "0", "tax": "3.6", "total": "39.6"},
        )
    ]
    rows = pod.get(f"{ORDERS}/CLARITY:A/child/totals")["items"]
    assert {row["TotalCode"]: row["TotalAmount"] for row in rows}["QP_TOTAL_PAY_NOW"] == 45.1


# -- reading


def test_queries_by_version(pod: Pod) -> None:
    for number in range(1, 4):
        pod.create(an_order(f"W-{number}", CustomerPONumber=f"PO-{number}", SubmittedFlag=False))

    def found(q: str, framework: int) -> list[str]:
        items = pod.get(ORDERS, framework, q=q, orderBy="SourceTransactionId:desc")["items"]
        return [item["SourceTransactionId"] for item in items]

    assert found("CustomerPONumber=PO-2", 1) == ["W-2"]
    assert found("SourceTransactionSystem=CLARITY;CustomerPONumber>PO-1", 1) == ["W-3", "W-2"]
    assert found("SourceTransactionSystem='CLARITY' AND CustomerPONumber='PO-3'", 1) == ["W-3"]
    for q, expected in {
        "CustomerPONumber in ('PO-1', 'PO-3')": ["W-3", "W-1"],
        "CustomerPONumber between 'PO-1' and 'PO-2' and not CustomerPONumber = 'PO-1'": ["W-2"],
        "(CustomerPONumber = 'PO-1' or CustomerPONumber like '%-3') and SubmittedFlag = false": ["W-3", "W-1"],
        "BuyingPartyId is not null and HeaderId > 300000009000001 and CustomerPONumber not like 'PO-3'": ["W-2"],
        "CreationDate > '2020-01-01T00:00:00+00:00' and CreationDate < '2021-01-01T00:00:00+00:00'": [],
    }.items():
        assert found(q, 4) == expected, q
    for wrong in (
        "CustomerPONumber=PO-2",
        "A='1';B='2'",
        "CustomerPONumber=",
        "Comments='x'",
        "CustomerPONumber='a' or",
    ):
        answer = pod.call("GET", ORDERS, q=wrong)
        assert refused(answer)["detail"] == "URL request parameter q cannot be used in this context.", wrong
    text = pod.call("GET", ORDERS, framework=1, q="Comments=x")
    assert (text.status_code, text.headers["Content-Type"].split(";")[0]) == (400, "text/plain")


def test_errors_are_json_from_version_4_on(pod: Pod) -> None:
    answers = [pod.call("GET", ORDERS, framework=version, limit="many") for version in range(1, 10)]
    kinds = [answer.headers["Content-Type"].split(";")[0] for answer in answers]
    assert kinds == ["text/plain"] * 3 + ["application/vnd.oracle.adf.error+json"] * 6
    assert [answer.headers["REST-Framework-Version"] for answer in answers] == list("123456789")


def test_pages_are_cut_to_the_limit(tmp_path: Path) -> None:
    with Pod(tmp_path, page_limit=2) as pod:
        for number in range(3):
            pod.create(an_order(f"W-{number}", SubmittedFlag=False))
        first = pod.get(ORDERS, limit="1000", totalResults="true", orderBy="HeaderId:asc")
        assert [first[name] for name in ("count", "limit", "offset", "hasMore", "totalResults")] == [2, 2, 0, True, 3]
        last = pod.get(ORDERS, limit="2", offset="2", orderBy="HeaderId:asc")
        assert [last[name] for name in ("count", "limit", "offset", "hasMore")] == [1, 2, 2, False]
        assert last["items"][0]["SourceTransactionId"] == "W-2" and "totalResults" not in last
        pod.control("POST", "/fusion/failures", {"name": "empty_page"})
        odd = pod.get(ORDERS)
        assert (odd["items"], odd["hasMore"]) == ([], True)
        assert refused(pod.call("GET", ORDERS, limit="many"))["o:errorCode"] == "27520"


def test_a_pod_may_not_grant_a_resource_or_not_let_it_be_queried_by_date(pod: Pod) -> None:
    newer = "LastUpdateDate >= '2026-11-20T09:55:00+00:00'"
    for name in ("not_granted", "unqueryable"):
        pod.control("POST", "/fusion/failures", {"name": name, "path": "receivablesInvoices"})
    assert pod.call("GET", INVOICES).status_code == 404
    assert pod.get(INVOICES, q="TransactionNumber='1'")["items"] == []
    assert refused(pod.call("GET", INVOICES, q=newer)) == example("83")["response"]["body"]["o:errorDetails"][0]
    assert pod.get(INVOICES, q=newer)["items"] == []


def test_fields_win_over_expand_and_name_children(pod: Pod) -> None:
    pod.create()
    order = pod.get(
        f"{ORDERS}/{KEY}", fields="OrderNumber;lines:StatusCode,OrderedQuantity", expand="all", onlyData="true"
    )
    assert list(order) == ["OrderNumber", "lines"]
    assert order["lines"]["items"] == [{"StatusCode": "NOT_STARTED", "OrderedQuantity": 2}]
    whole = pod.get(f"{ORDERS}/{KEY}", 2, expand="all")
    assert [len(whole[name]) for name in ("lines", "billToCustomer", "shipToCustomer", "totals", "holds")] == [
        1,
        1,
        1,
        6,
        0,
    ]
    assert whole["additionalInformation"][0]["HeaderEffBWebStoreprivateVO"][0]["storefront"] == "eu-main"
    for parameter in ("fields", "expand"):
        assert refused(pod.call("GET", ORDERS, **{parameter: "Nonsense"}))["o:errorCode"] == "27520"


def test_lines_have_opaque_keys_that_links_lead_to(pod: Pod) -> None:
    pod.create()
    lines = pod.get(f"{ORDERS}/{KEY}/child/lines")
    [self_link] = [link["href"] for link in lines["items"][0]["links"] if link["rel"] == "self"]
    path = self_link.removeprefix(pod.url)
    key = path.rpartition("/")[2]
    assert len(key) == 48 and str(lines["items"][0]["FulfillLineId"]) not in key
    assert pod.get(path)["SourceTransactionLineId"] == "1"
    components = pod.get(f"{path}/child/charges", expand="chargeComponents", onlyData="true")["items"][0]
    assert [row["PriceElementCode"] for row in components["chargeComponents"]["items"]] == [
        "QP_LIST_PRICE", "QP_NET_PRICE", "QP_EXCLUSIVE_TAX", "QP_NET_PRICE_PLUS_TAX",
    ]  # fmt: skip
    reduced = pod.call("PATCH", path, {"OrderedQuantity": 1}).json()
    assert [line["OrderedQuantity"] for line in reduced["lines"]] == [1]


def test_what_is_not_played_says_so(pod: Pod, tmp_path: Path) -> None:
    root = "/fscmRestApi/resources/11.13.18.05"
    for name in ("salesOrders", "inventoryTransactions", "journalEntries"):
        assert pod.call("GET", f"{root}/{name}").status_code == 404
    for method, path in (
        ("GET", "shipmentLines"),
        ("POST", "inventoryStagedTransactions"),
        ("POST", "receivablesInvoices"),
        ("POST", "salesOrdersForOrderHub/action/applyHold"),
    ):
        detail = refused(pod.call(method, f"{root}/{path}", {}), 501)["detail"]
        assert detail.endswith("is not played by this sandbox.")
    paid = an_order(payments=[{"PaymentMethod": "card"}])
    assert refused(pod.call("POST", ORDERS, paid), 501)["detail"] == "Writing payments is not played by this sandbox."
    (tmp_path / "other").mkdir()
    with Pod(tmp_path / "other", sales_orders=True) as other:
        assert other.get(f"{root}/salesOrders")["count"] == 0


# -- changes


def test_revisions_are_rows_of_their_own(pod: Pod) -> None:
    first = pod.create()
    revised = {"SourceTransactionRevisionNumber": 2, "PackingInstructions": "gift wrap"}
    assert pod.call("PATCH", f"{ORDERS}/{KEY}", revised).json()["PackingInstructions"] == "gift wrap"
    rows = pod.get(ORDERS, q=f"OrderNumber='{first['OrderNumber']}'", orderBy="HeaderId:asc", onlyData="true")["items"]
    shown = [(row["OrderKey"], row["SourceTransactionRevisionNumber"], row["StatusCode"]) for row in rows]
    old = str(rows[2]["HeaderId"])
    assert shown == [("300000009000000", 1, "DOO_REFERENCE"), (KEY, 2, "OPEN"), (old, 1, "DOO_REFERENCE")]
    assert pod.get(f"{ORDERS}/{old}")["PackingInstructions"] is None
    assert pod.get(f"{ORDERS}/{first['HeaderId']}")["OrderKey"] == KEY
    assert "latest" in refused(pod.call("PATCH", f"{ORDERS}/{old}", revised))["detail"]
    without = pod.call("PATCH", f"{ORDERS}/{KEY}", {"Comments": "x"}, headers={"Upsert-Mode": "true"}, framework=1)
    assert without.text == (
        "Attribute SourceTransactionRevisionNumber in FomSalesOrdersRestAM.SalesOrders is required."
    )


def test_a_cancelled_order_shows_it_on_the_next_read(pod: Pod) -> None:
    pod.create()
    cancelled = pod.call("PATCH", f"{ORDERS}/{KEY}", {"CanceledFlag": True, "CancelReasonCode": "X"}).json()
    assert cancelled["StatusCode"] == "OPEN"
    order = pod.order()
    assert (order["StatusCode"], order["lines"][0]["StatusCode"]) == ("CANCELED", "CANCELED")
    assert pod.advance() == []


def test_a_submitted_order_keeps_what_it_needs(pod: Pod) -> None:
    pod.create()
    for change in ({"billToCustomer": []}, {"SourceTransactionRevisionNumber": None}, {"SourceTransactionId": "x"}):
        refused(pod.call("PATCH", f"{ORDERS}/{KEY}", change))
    line = {"FulfillLineId": pod.order()["lines"][0]["FulfillLineId"]}
    refused(pod.call("PATCH", f"{ORDERS}/{KEY}", {"lines": [{**line, "OrderedQuantity": None}]}))
    assert pod.order()["lines"][0]["OrderedQuantity"] == 2


def test_what_was_shipped_is_not_cancelled_and_what_was_submitted_not_deleted(pod: Pod) -> None:
    pod.create()
    refused(pod.call("DELETE", f"{ORDERS}/{KEY}"))
    pod.advance(3)
    refused(pod.call("PATCH", f"{ORDERS}/{KEY}", {"CanceledFlag": True}))
    assert pod.order()["lines"][0]["StatusCode"] == "SHIPPED"


def test_failures_on_request(pod: Pod) -> None:
    for name in ("not_submitted", "busy"):
        pod.control("POST", "/fusion/failures", {"name": name})
    assert pod.create()["MessageText"] == NOT_SUBMITTED
    busy = pod.call("PATCH", f"{ORDERS}/{KEY}", {"SubmittedFlag": True})
    assert refused(busy)["o:errorCode"] == "DOO-2686198"
    assert pod.call("PATCH", f"{ORDERS}/{KEY}", {"SubmittedFlag": True}).json()["MessageText"] == IMPORTED
    again = pod.call("POST", ORDERS, an_order())
    assert again.status_code == 400
    [order] = pod.ledger()["orders"]
    assert (order["submissions"], order["refused_duplicates"]) == (1, 1)
    wrong = requests.post(f"{pod.root}/_sandbox/fusion/failures", json={"name": "rain"}, timeout=20)
    assert wrong.status_code == 422


# -- the sandbox around it


def test_a_token_that_expired_early_stays_expired(pod: Pod) -> None:
    pod.control("POST", "/faults", {"target": "fusion", "kind": "401_expire", "times": 1})
    assert pod.new_token()
    assert [pod.call("GET", ORDERS).status_code for _ in range(2)] == [401, 401]
    pod.token = pod.new_token()
    assert pod.call("GET", ORDERS).status_code == 200


def test_a_sandbox_of_one_system_has_no_other(pod: Pod) -> None:
    assert requests.get(f"{pod.root}/clarity/api/v1/orders", timeout=20).status_code == 404
    assert requests.post(f"{pod.root}/_sandbox/orders/demo", timeout=20).status_code == 404
    assert set(pod.control("GET", "/ledger")) == {"fusion"}
    pod.create()
    page = requests.get(pod.root, timeout=20).text
    assert "WEB-100045" in page and "/odoo/" not in page
