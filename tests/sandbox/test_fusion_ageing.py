"""Orders at the fake Fusion after they were taken in: shipped, billed, paid, whole or in parts."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import requests

from tests.sandbox.fusion_rig import INVOICES, Pod, an_order, changed, with_freight


def test_an_order_ages_until_it_is_paid(pod: Pod) -> None:
    pod.create(with_freight(an_order()))
    seen = [pod.order()["lines"][0]["StatusCode"]]
    for _ in range(6):
        pod.advance()
        seen.append(pod.order()["lines"][0]["StatusCode"])
    assert seen == ["NOT_STARTED", "SCHEDULED", "AWAIT_SHIP", "SHIPPED", "AWAIT_BILLING", "BILLED", "CLOSED"]
    order = pod.order()
    assert (order["StatusCode"], order["OpenFlag"]) == ("CLOSED", False)
    shipped, billed = order["lines"][0]["lineDetails"]
    assert shipped["TrackingNumber"] == f"1Z999AA1{int(shipped['DeliveryName']):010d}"
    [invoice] = pod.get(INVOICES, q=f"TransactionNumber='{billed['BillingTransactionNumber']}'", expand="all")["items"]
    amounts = [invoice[name] for name in ("EnteredAmount", "InvoiceBalanceAmount", "FreightAmount")]
    assert amounts == [45.1, 0, 5]
    lines = [(row["ItemNumber"], row["MemoLine"], row["LineAmount"], row["SalesOrder"])
             for row in invoice["receivablesInvoiceLines"]["items"]]  # fmt: skip
    assert lines == [("SKU-RED-M", None, 36, order["OrderNumber"]), (None, "Freight", 5, order["OrderNumber"])]
    [installment] = invoice["receivablesInvoiceInstallments"]["items"]
    assert (installment["InstallmentStatus"], installment["AmountPaid"]) == ("Closed", 45.1)
    assert pod.advance() == []


def test_parts_ship_and_are_billed_apart_and_come_to_the_whole(pod: Pod) -> None:
    pod.create(with_freight(changed(OrderedQuantity=3)))
    pod.advance(3, split=True)
    lines = pod.order()["lines"]
    parts = [(line["DisplayLineNumber"], line["OrderedQuantity"], line["ShippedQuantity"], line["StatusCode"])
             for line in lines]  # fmt: skip
    assert parts == [("1", 1, 1, "SHIPPED"), ("1-2", 2, None, "AWAIT_SHIP")]
    assert len({line["FulfillLineId"] for line in lines}) == 2 and len({line["LineId"] for line in lines}) == 1
    pod.advance(3)
    half = pod.ledger()
    assert half["orders"][0]["status"] == "PARTIAL_CLOSE"
    assert [invoice["balance"] > 0 for invoice in half["invoices"]] == [False, True]
    pod.advance()
    ledger = pod.ledger()
    [order] = ledger["orders"]
    assert order["status"] == "CLOSED"
    assert len({tracking for line in order["lines"] for tracking in line["tracking"]}) == 2
    assert [invoice["balance"] for invoice in ledger["invoices"]] == [0, 0]
    billed = sum(Decimal(str(invoice["amount"])) for invoice in ledger["invoices"])
    assert billed == Decimal(order["totals"]["total"]) == Decimal("45.1")


def test_odd_shipments_on_request(pod: Pod) -> None:
    pod.create()
    pod.advance(2)
    pod.advance(late_tracking=True, overship=True)
    [line] = pod.order()["lines"]
    assert (line["OrderedQuantity"], line["ShippedQuantity"]) == (2, 3)
    assert line["lineDetails"][0]["TrackingNumber"] is None
    pod.advance()
    assert pod.order()["lines"][0]["lineDetails"][0]["TrackingNumber"]
    pod.advance(namesake=True)
    number = pod.order()["lines"][0]["lineDetails"][1]["BillingTransactionNumber"]
    found = pod.get(INVOICES, q=f"TransactionNumber='{number}'", orderBy="CustomerTransactionId:asc")["items"]
    assert [row["BusinessUnit"] for row in found] == ["Example BU", "Another BU"]
    pod.create(an_order("W-2"))
    pod.advance(status="XX_CREDIT_CHECK")
    assert pod.order("CLARITY:W-2")["lines"][0]["StatusCode"] == "XX_CREDIT_CHECK"


def test_what_nobody_ships_is_billed_at_once(pod: Pod) -> None:
    pod.create(changed(ProductNumber="EBOOK-01"))
    pod.advance(2)
    [line] = pod.order()["lines"]
    assert (line["StatusCode"], [row["TaskType"] for row in line["lineDetails"]]) == ("BILLED", ["Invoice"])


def test_the_headers_date_does_not_move_with_its_lines(pod: Pod) -> None:
    """As on pods: who polls by the header's LastUpdateDate alone misses shipments."""
    at = pod.create()["LastUpdateDate"]
    time.sleep(1.1)
    pod.advance()
    order = pod.order()
    assert (order["LastUpdateDate"], order["lines"][0]["LastUpdateDate"] > at) == (at, True)


def test_the_clock_ages_orders_and_all_survives_a_restart(tmp_path: Path) -> None:
    with Pod(tmp_path, age_seconds=0.1, split_every=1) as pod:
        pod.create()
        number = pod.order()["OrderNumber"]
    time.sleep(0.8)
    with Pod(tmp_path, age_seconds=0.1, split_every=1) as pod:
        assert pod.order()["StatusCode"] == "CLOSED"
        [order] = pod.ledger()["orders"]
        assert (order["number"], len(order["lines"])) == (number, 2)
        assert len(pod.get(INVOICES)["items"]) == 2
        pod.control("POST", "/reset")
        assert pod.ledger() == {"orders": [], "invoices": [], "account_sites": [], "items": [], "parties": []}
        assert int(pod.create()["OrderNumber"]) == int(number) + 1


def test_only_the_orders_asked_for_move_on(pod: Pod) -> None:
    for id in ("A", "B"):
        pod.create(an_order(id))
    [moved] = pod.advance(2, orders=["CLARITY:B"])
    assert (moved["key"], moved["lines"][0]["status"]) == ("CLARITY:B", "AWAIT_SHIP")
    assert pod.order("CLARITY:A")["lines"][0]["StatusCode"] == "NOT_STARTED"
    for wrong in ({"orders": "CLARITY:A"}, {"steps": 0}, {"speed": 2}):
        assert requests.post(f"{pod.root}/_sandbox/fusion/advance", json=wrong, timeout=20).status_code == 422
