"""What the Fusion connector makes of orders and invoices as pods may show them; the recorded examples come first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from integration.connectors.contract import Change, Document, Parent
from integration.errors import Retry
from integration.message import external_id
from tests.connectors.fusion_answers import (
    INVOICES,
    KEY,
    ORDER,
    ORDERS,
    SINCE,
    ask,
    connector,
    detail,
    example,
    line,
    order,
    rows,
)

LINES = "receivablesInvoiceLines"


def asked() -> list[dict[str, str]]:
    """The queries of all calls but the token's."""
    return [
        {name: value for name, [value] in parse_qs(urlsplit(str(call.request.url)).query).items()}
        for call in responses.calls
        if call.request.method == "GET"
    ]


def shipments(*lines: dict[str, Any], **changes: Any) -> list[Change]:
    """What is read of an order that the pod shows so."""
    fusion = connector()
    responses.get(ORDER, json=order(*lines, **changes))
    return [change for change in ask(fusion).changes if change.type == "shipment.changed" and change.document["lines"]]


# --- the recorded examples


@responses.activate
def test_the_example_order_as_it_changed() -> None:
    fusion = connector(business_unit="Example BU")
    responses.get(ORDERS, json=example("21"))
    responses.get(ORDER, json=example("24"))
    page = ask(fusion, "orders")
    listing, read = asked()
    assert listing == {
        "q": "LastUpdateDate >= '2026-11-20T09:55:00+00:00' and SourceTransactionSystem = 'CLARITY'",
        "orderBy": "LastUpdateDate:asc,HeaderId:asc",
        "fields": "OrderKey,HeaderId,OrderNumber,StatusCode,LastUpdateDate",
        "limit": "25",
        "offset": "0",
        "onlyData": "true",
    }
    assert read == {"expand": "lines.lineDetails"}
    assert (page.seen, page.next) == (datetime(2026, 11, 20, 10, 0, 5, tzinfo=UTC), None)
    left, rest = page.changes
    assert left == Change(
        type="shipment.changed",
        id=f"{KEY}/300000009000021",
        at=datetime(2026, 11, 22, 16, 30, tzinfo=UTC),
        number="1509152",
        parent=Parent("order", KEY, "WEB-100045"),
        document={
            "OrderKey": KEY,
            "OrderNumber": "410045",
            "DeliveryName": "1509152",
            "ActualShipDate": "2026-11-22T15:00:00Z",
            "TrackingNumbers": ["1Z999SYNTH01"],
            "WaybillNumber": "WB-551",
            "lines": [{"key": "1", "sku": "SKU-RED-M", "quantity": Decimal(1), "StatusCode": "BILLED"}],
        },
    )
    waiting = [{"key": "1", "sku": "SKU-RED-M", "quantity": Decimal(1), "StatusCode": "AWAIT_SHIP"}]
    assert (rest.id, rest.document["DeliveryName"], rest.document["lines"]) == (f"{KEY}/unshipped", None, waiting)


@responses.activate
def test_children_may_be_arrays_as_below_framework_3() -> None:
    fusion = connector()
    responses.get(ORDER, json=example("24"))
    responses.get(INVOICES, json=rows())
    as_collections = ask(fusion).changes
    responses.replace(responses.GET, ORDER, json=example("23"))
    assert ask(fusion).changes == as_collections


@responses.activate
@pytest.mark.parametrize("unit", ["Example BU", "300000000000101"])
def test_the_example_invoice_of_the_example_order(unit: str) -> None:
    fusion = connector(business_unit=unit)
    responses.get(ORDER, json=example("24"))
    responses.get(INVOICES, json=example("40"))
    responses.get(f"{INVOICES}/300000009100001/child/{LINES}", json=example("41"))
    [invoice] = [change for change in ask(fusion).changes if change.type == "invoice.changed"]
    assert asked()[1]["q"] == "TransactionNumber='70012' and BusinessUnit='Example BU'"
    assert invoice == Change(
        type="invoice.changed",
        id="300000009100001",
        at=datetime(2026, 11, 22, 16, 31, tzinfo=UTC),
        number="70012",
        parent=Parent("order", KEY, "WEB-100045"),
        document={
            "CustomerTransactionId": "300000009100001",
            "TransactionNumber": "70012",
            "TransactionDate": "2026-11-22",
            "DueDate": "2026-12-22",
            "BusinessUnit": "Example BU",
            "InvoiceStatus": "Complete",
            "InvoiceCurrencyCode": "USD",
            "EnteredAmount": Decimal("19.8"),
            "InvoiceBalanceAmount": Decimal("19.8"),
            "OrderKey": KEY,
            "OrderNumber": "410045",
            "order_invoiced": Decimal("19.8"),
            "order_complete": False,
            "order_rounding": 0,
        },
    )


@responses.activate
def test_the_example_invoice_leads_to_the_order_and_not_to_its_old_revision() -> None:
    fusion = connector(business_unit="Example BU")
    responses.get(INVOICES, json=example("40"))
    responses.get(f"{INVOICES}/300000009100001/child/{LINES}", json=example("41"))
    newest, reference = example("20")["items"]
    responses.get(ORDERS, json=rows(reference, newest))
    responses.get(ORDER, json=example("24"))
    page = ask(fusion, "invoices")
    assert [(change.id, change.parent.theirs) for change in page.changes] == [("300000009100001", KEY)]
    assert page.seen == datetime(2026, 11, 22, 16, 31, tzinfo=UTC)
    listing, _, by_number, _ = asked()
    assert listing["q"] == "LastUpdateDate >= '2026-11-20T09:55:00+00:00' and BusinessUnit = 'Example BU'"
    assert by_number["q"] == "OrderNumber='410045' and SourceTransactionSystem='CLARITY'"


# --- deliveries


@responses.activate
def test_details_of_one_delivery_are_summed_with_all_their_tracking_numbers() -> None:
    [change] = shipments(
        line(detail(TrackingNumber="1Z2"), detail(TrackingNumber="1Z1"), LineId=1),
        line(detail(TrackingNumber="1Z2", WaybillNumber="W-1"), OrderedQuantity=1),
        line(detail(WaybillNumber="W-2"), SourceTransactionLineId="2", OrderedQuantity=1, StatusCode="BILLED"),
    )
    assert change.document["TrackingNumbers"] == ["1Z2", "1Z1"]
    assert change.document["WaybillNumber"] == "W-1, W-2"
    assert [(row["key"], row["quantity"], row["StatusCode"]) for row in change.document["lines"]] == [
        ("1", 3, "SHIPPED"),
        ("2", 1, "BILLED"),
    ]


@responses.activate
def test_what_has_no_delivery_name_is_known_by_its_waybill_or_its_own_id() -> None:
    first, second, third = ({"DeliveryName": None, "FulfillLineDetailId": id} for id in (21, 22, 23))
    changes = shipments(
        line(detail(**first, WaybillNumber="W-1"), detail(**second, WaybillNumber="W-1"), detail(**third))
    )
    assert [(change.id, change.document["lines"][0]["quantity"]) for change in changes] == [
        (f"{KEY}/21", 2),
        (f"{KEY}/23", 1),
    ]


@responses.activate
def test_a_name_that_is_typed_in_later_makes_no_other_delivery() -> None:
    [before] = shipments(line(detail(DeliveryName=None, FulfillLineDetailId=21)))
    responses.reset()
    [after] = shipments(line(detail(DeliveryName="D-1", TrackingNumber="1Z", FulfillLineDetailId=21)))
    assert before.id == after.id


@responses.activate
def test_what_is_planned_has_not_left_though_a_part_of_its_line_has() -> None:
    gone, planned = detail(Quantity=3), detail(DeliveryName="D-2", Quantity=2, StatusCode="AWAIT_SHIP")
    [change] = shipments(line(gone, planned, OrderedQuantity=5, ShippedQuantity=3, StatusCode="PARTIALLY_SHIPPED"))[:1]
    assert [row["quantity"] for row in change.document["lines"]] == [3]


@responses.activate
def test_a_bill_that_names_its_delivery_ships_nothing() -> None:
    billed = detail(TaskType="Billing", StatusCode="BILLED", FulfillLineDetailId=99)
    [change] = shipments(line(detail(Quantity=3), {**billed, "Quantity": 3}, OrderedQuantity=3))
    assert [row["quantity"] for row in change.document["lines"]] == [3]


@responses.activate
def test_times_of_any_offset_and_numbers_as_text_are_understood() -> None:
    [change] = shipments(
        line(
            detail(Quantity="2.0", DeliveryName=1509152, StatusAsOfDate="2026-11-22T16:00:00+01:00"),
            LastUpdateDate="2026-11-22T09:00:00.250-08:00",
            SourceTransactionLineId=1,
        ),
        OrderNumber=410045,
        LastUpdateDate="2026-11-22T10:00:00",
    )
    assert (change.id, change.document["OrderNumber"]) == (f"{KEY}/1509152", "410045")
    assert change.at == datetime(2026, 11, 22, 17, 0, 0, 250000, tzinfo=UTC)
    assert change.document["ActualShipDate"] == "2026-11-22T15:00:00Z"
    assert change.document["lines"] == [
        {"key": "1", "sku": "SKU-1", "quantity": Decimal("2.0"), "StatusCode": "SHIPPED"}
    ]


@responses.activate
def test_a_detail_that_has_not_left_is_no_delivery_yet() -> None:
    [change] = shipments(line(detail(StatusCode="AWAIT_SHIP"), StatusCode="AWAIT_SHIP"))
    assert (change.id, change.document["lines"][0]["quantity"]) == (f"{KEY}/unshipped", 2)


@responses.activate
def test_a_line_that_is_not_split_may_have_left_in_part() -> None:
    left, rest = shipments(line(detail(), StatusCode="PARTIALLY_SHIPPED", OrderedQuantity=3))
    assert [change.document["lines"][0]["quantity"] for change in (left, rest)] == [1, 2]


@responses.activate
def test_a_line_may_come_without_details_and_links() -> None:
    [change] = shipments(line(StatusCode="SCHEDULED", lineDetails=None))
    assert change.id == f"{KEY}/unshipped"


@responses.activate
@pytest.mark.parametrize("shown", [{"items": [detail()], "hasMore": True}, None])
def test_details_that_are_cut_off_or_missing_are_read_by_the_lines_link(shown: Any) -> None:
    itself = "/fscmRestApi/resources/11.13.18.05/salesOrdersForOrderHub/CLARITY:WEB-100045/child/lines/0002%2FA="
    links = [
        {"rel": "parent", "href": "https://other.example/fscmRestApi/resources/11.13.18.05/x"},
        {"rel": "self", "href": f"https://other.example{itself}"},
    ]
    every = rows(*[detail() for _ in range(30)])
    responses.get(f"https://pod.example{itself}/child/lineDetails", json=every)
    [change] = shipments(line(lineDetails=shown, links=links, OrderedQuantity=30))
    assert change.document["lines"][0]["quantity"] == 30


@responses.activate
def test_details_that_are_cut_off_without_a_link_are_not_passed_over() -> None:
    assert shipments(line(lineDetails={"items": [detail()], "hasMore": True})) == [], "it is asked for again"


@responses.activate
@pytest.mark.parametrize(
    ("ours", "source_id"),
    [
        ("1001", "1001"),
        ("a-b-4c", "a-b-4c"),
        ("WEB/1_é", external_id("order", "WEB/1_é")),
        (None, external_id("order", "é" * 30)),
        (None, external_id("line", "1001_")),
    ],
)
def test_our_id_is_read_from_the_key_where_it_is_spelled_out(ours: str | None, source_id: str) -> None:
    fusion = connector()
    key = f"CLARITY:{source_id}"
    responses.get(f"{ORDERS}/CLARITY%3A{source_id}", json=order(line(StatusCode="SCHEDULED")))
    [change] = ask(fusion, key=key).changes
    assert (change.parent.theirs, change.parent.ours) == (key, ours)


# --- pages


class Moving:
    """A collection of orders in which, before the second page is asked for, one that was read changes."""

    def __init__(self, *stamps: int) -> None:
        self.stamps = {f"CLARITY:{number}": SINCE + timedelta(seconds=at) for number, at in enumerate(stamps)}
        self.calls = 0
        responses.add_callback(responses.GET, ORDERS, self.page)

    def page(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        query = parse_qs(urlsplit(str(request.url)).query)
        self.calls += 1
        if self.calls == 2:
            self.stamps["CLARITY:0"] = SINCE + timedelta(days=1)
        since = datetime.fromisoformat(query["q"][0].split("'")[1])
        fitting = sorted((at, key) for key, at in self.stamps.items() if at >= since)
        start = int(query["offset"][0])
        shown = fitting[start : start + 2]
        body = [{"OrderKey": key, "StatusCode": "OPEN", "LastUpdateDate": at.isoformat()} for at, key in shown]
        answer = requests.models.complexjson.dumps(rows(*body, more=start + 2 < len(fitting)))
        return 200, {"Content-Type": "application/json"}, answer


@responses.activate
@pytest.mark.parametrize("stamps", [(0, 1, 2, 3, 4), (0, 1, 1, 1, 2), (0, 1, 2, 2, 2)])
def test_no_row_is_missed_when_one_that_was_read_moves(stamps: tuple[int, ...]) -> None:
    fusion, moving = connector(), Moving(*stamps)
    for key in moving.stamps:
        responses.get(f"{ORDERS}/CLARITY%3A{key[8:]}", json=order(line(StatusCode="SCHEDULED")))
    seen: set[str] = set()
    page: Document | None = None
    while True:
        got = ask(fusion, "orders", page=page)
        seen |= {change.parent.theirs for change in got.changes}
        page = got.next
        if page is None:
            break
    assert seen == set(moving.stamps)


@responses.activate
def test_html_from_the_edge_is_no_answer() -> None:
    fusion = connector()
    responses.get(ORDERS, body="<html>maintenance</html>", content_type="text/html")
    with pytest.raises(Retry):
        ask(fusion, "orders")
