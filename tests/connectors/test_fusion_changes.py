"""What the Fusion connector reads of orders that have left and are billed, against the sandbox's pod over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from integration.connectors import settling
from integration.connectors.contract import AsPosted, Change, Document, Parent, nothing_posted
from integration.connectors.fusion import Fusion
from integration.errors import Hold, Misconfigured, Retry
from tests.connectors.fusion_targets import Pod, Shop, pod

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(running: Pod) -> Shop:
    running.fake.reset()
    running.calls.clear()
    return Shop(running)


def posted(shop: Shop, document: Document | None = None) -> str:
    theirs = shop.send(document or shop.two_lines(), shop.new_work()).theirs
    assert theirs
    shop.pod.calls.clear()
    return theirs


def read(connector: Fusion, stream: str, *open_orders: str, since: datetime = LONG_AGO) -> list[Change]:
    """A whole run of a stream, without the rest of which nothing is left."""
    return [
        change
        for change in read_all(connector, stream, *open_orders, since=since)
        if change.document.get("lines") != []
    ]


def read_all(
    connector: Fusion,
    stream: str,
    *open_orders: str,
    since: datetime = LONG_AGO,
    as_posted: AsPosted = nothing_posted,
) -> list[Change]:
    changes: list[Change] = []
    page: Document | None = None
    while True:
        got = connector.changes(stream, since, page, lambda _: open_orders, as_posted)
        changes += got.changes
        page = got.next
        if page is None:
            return changes


def lines(change: Change) -> list[tuple[str, str, Decimal, str]]:
    return [(line["key"], line["sku"], line["quantity"], line["StatusCode"]) for line in change.document["lines"]]


def of_type(changes: Sequence[Change], type: str) -> list[Change]:
    return [change for change in changes if change.type == f"{type}.changed"]


# --- shipments


def test_a_new_order_has_not_left_yet(shop: Shop) -> None:
    key = posted(shop)
    [change] = read(shop.connector, "orders")
    assert shop.pod.calls == ["GET salesOrdersForOrderHub", "GET salesOrdersForOrderHub/…"]
    assert (change.type, change.id, change.parent.theirs) == ("shipment.changed", f"{key}/unshipped", key)
    assert change.parent.ours == key.removeprefix("CLARITY:")
    assert timedelta(0) <= datetime.now(UTC) - change.at < timedelta(minutes=1)
    [order] = shop.pod.fake.ledger()["orders"]
    assert (change.number, change.document) == (
        order["number"],
        {
            "OrderKey": key,
            "OrderNumber": order["number"],
            "DeliveryName": None,
            "ActualShipDate": None,
            "TrackingNumbers": [],
            "WaybillNumber": None,
            "lines": [
                {"key": "1", "sku": "SKU-1", "quantity": Decimal(3), "StatusCode": "NOT_STARTED"},
                {"key": "2", "sku": "SKU-2", "quantity": Decimal(1), "StatusCode": "NOT_STARTED"},
            ],
        },
    )


def test_what_left_is_reported_of_open_orders_as_their_header_has_not_changed(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 3)
    [change] = read(shop.connector, "open_orders", key)
    [order] = shop.pod.fake.ledger()["orders"]
    [tracking] = {tracking for line in order["lines"] for tracking in line["tracking"]}
    name, document = change.document["DeliveryName"], change.document
    assert (change.id.startswith(f"{key}/3"), change.number) == (True, name), "known by its detail's id"
    assert (document["TrackingNumbers"], document["WaybillNumber"]) == ([tracking], f"WB-{name}")
    assert document["ActualShipDate"] == f"{change.at:%Y-%m-%dT%H:%M:%SZ}"
    assert lines(change) == [("1", "SKU-1", 3, "SHIPPED"), ("2", "SKU-2", 1, "SHIPPED")]
    assert shop.pod.calls == ["GET salesOrdersForOrderHub/…"]


def test_parts_leave_one_after_the_other(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 3, split=True)
    first, rest = read(shop.connector, "open_orders", key)
    assert lines(first) == [("1", "SKU-1", 1, "SHIPPED"), ("2", "SKU-2", 1, "SHIPPED")]
    assert (rest.id, lines(rest)) == (f"{key}/unshipped", [("1", "SKU-1", 2, "AWAIT_SHIP")])
    shop.pod.advance(key)
    again, second = read(shop.connector, "open_orders", key)
    assert (again.id, lines(again)[0]) == (first.id, ("1", "SKU-1", 1, "AWAIT_BILLING"))
    assert (second.document["DeliveryName"], lines(second)) != (None, lines(first))
    assert lines(second) == [("1", "SKU-1", 2, "SHIPPED")]
    *_, rest = read_all(shop.connector, "open_orders", key)
    assert (rest.id, lines(rest)) == (f"{key}/unshipped", []), "what was said of it before is over"


def test_a_tracking_number_that_comes_late_is_a_change(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 3, late_tracking=True)
    [before] = read(shop.connector, "open_orders", key)
    shop.pod.advance(key)
    [after] = read(shop.connector, "open_orders", key)
    assert (before.id, before.document["TrackingNumbers"]) == (after.id, [])
    assert (len(after.document["TrackingNumbers"]), after.at >= before.at) == (1, True)


def test_what_is_too_much_is_reported_as_it_is(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 3, overship=True)
    [change] = read(shop.connector, "open_orders", key)
    assert [quantity for _, _, quantity, _ in lines(change)] == [4, 2]


def test_a_status_of_the_pods_own_is_passed_on(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, status="XX_CREDIT_CHECK")
    [change] = read(shop.connector, "open_orders", key)
    assert {status for *_, status in lines(change)} == {"XX_CREDIT_CHECK"}


def test_cancelled_lines_are_not_waited_for(shop: Shop) -> None:
    document = shop.two_lines()
    key = posted(shop, document)
    posted(shop, {**document, "lines": document["lines"][:1], "amount_total": Decimal("36.1")})
    [change] = read(shop.connector, "orders")
    assert lines(change) == [("1", "SKU-1", 3, "NOT_STARTED")]
    posted(shop, {**document, "status": "cancelled"})
    assert read(shop.connector, "open_orders", key) == []


def test_what_nobody_ships_is_not_waited_for_once_it_is_billed(shop: Shop) -> None:
    key = posted(shop, shop.order(shop.line("1", "1", "10", sku="EBOOK-01"), total="10"))
    shop.pod.advance(key)
    assert read(shop.connector, "open_orders", key) == []


def test_drafts_and_orders_of_others_are_not_ours(shop: Shop) -> None:
    shop.pod.fail_next("not_submitted")
    draft = shop.two_lines()
    with pytest.raises(Hold):
        shop.send(draft)
    others = shop.pod.connector(source_system="OPS")
    theirs = shop.send(shop.two_lines(), shop.new_work(), others).theirs
    assert read(shop.connector, "orders") == []
    assert read(shop.connector, "open_orders", f"CLARITY:{draft['key']}") == []
    assert [change.parent.theirs for change in read(others, "orders")] == [theirs]


def test_an_order_that_is_gone_does_not_hide_the_others(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    key = posted(shop)
    assert [change.parent.theirs for change in read(shop.connector, "open_orders", "CLARITY:GONE", key)] == [key]
    assert "CLARITY:GONE" in capsys.readouterr().out


def test_only_what_changed_is_read(shop: Shop) -> None:
    posted(shop)
    assert read(shop.connector, "orders", since=datetime.now(UTC) + timedelta(minutes=1)) == []
    assert shop.pod.calls == ["GET salesOrdersForOrderHub"]
    page = shop.connector.changes("orders", LONG_AGO, None, tuple)
    assert page.seen and page.seen <= page.changes[0].at


def test_an_order_of_many_lines_is_read_to_its_end(shop: Shop) -> None:
    many = [shop.line(str(number), "1", "1") for number in range(1, 31)]
    key = posted(shop, shop.order(*many, total="30"))
    shop.pod.advance(key, 3)
    [change] = read(shop.connector, "open_orders", key)
    assert len(lines(change)) == 30
    assert shop.pod.calls == ["GET salesOrdersForOrderHub/…"] * 2


def test_a_pod_with_small_pages_gives_every_order(tmp_path: Path) -> None:
    with pod(tmp_path, page_limit=3) as small:
        shop = Shop(small)
        keys = {posted(shop) for _ in range(7)}
        assert {change.parent.theirs for change in read(shop.connector, "orders")} == keys


# --- invoices


def test_an_invoice_of_an_order(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 5, namesake=True)
    [change] = read(shop.connector, "invoices")
    [order], [invoice, namesake] = (shop.pod.fake.ledger()[name] for name in ("orders", "invoices"))
    assert (invoice["number"], namesake["business_unit"]) == (namesake["number"], "Another BU")
    assert (change.type, change.parent) == ("invoice.changed", Parent("order", key, key.removeprefix("CLARITY:")))
    document = change.document
    assert (change.number, change.id) == (invoice["number"], document["CustomerTransactionId"])
    assert {name: document[name] for name in document if name not in {"CustomerTransactionId", "DueDate"}} == {
        "TransactionNumber": invoice["number"],
        "TransactionDate": f"{datetime.now(UTC):%Y-%m-%d}",
        "BusinessUnit": "Example BU",
        "InvoiceStatus": "Complete",
        "InvoiceCurrencyCode": "EUR",
        "EnteredAmount": Decimal("51.1"),
        "InvoiceBalanceAmount": Decimal("51.1"),
        "OrderKey": key,
        "OrderNumber": order["number"],
        "order_invoiced": Decimal("51.1"),
        "order_complete": True,
        "order_rounding": 0,
    }
    shop.pod.advance(key)
    [paid] = read(shop.connector, "invoices")
    assert (paid.id, paid.document["InvoiceBalanceAmount"]) == (change.id, 0)


@pytest.mark.parametrize("unit", ["Example BU", "300000000000101"])
def test_a_namesake_of_another_business_unit_is_not_ours(shop: Shop, unit: str) -> None:
    connector = shop.pod.connector(business_unit=unit)
    key = posted(shop)
    shop.pod.advance(key, 5, namesake=True)
    for stream in ("open_orders", "invoices"):
        [change] = of_type(read(connector, stream, key), "invoice")
        assert (change.document["BusinessUnit"], change.document["EnteredAmount"]) == ("Example BU", Decimal("51.1"))


def test_an_order_is_billed_in_parts(shop: Shop) -> None:
    key = posted(shop)
    shop.pod.advance(key, 3, split=True)
    shop.pod.advance(key, 2)
    [first] = read(shop.connector, "invoices")
    assert (first.document["order_complete"], first.document["order_invoiced"]) == (
        False,
        first.document["EnteredAmount"],
    )
    shop.pod.advance(key)
    invoices = read(shop.connector, "invoices")
    assert len(invoices) == 2
    assert sum(change.document["EnteredAmount"] for change in invoices) == Decimal("51.1")
    assert {(each.document["order_complete"], each.document["order_invoiced"]) for each in invoices} == {
        (True, Decimal("51.1"))
    }


def test_open_orders_bring_their_invoices_with_them(shop: Shop) -> None:
    """That an invoice is paid need not move its own date."""
    key = posted(shop)
    shop.pod.advance(key, 5)
    changes = read(shop.connector, "open_orders", key)
    assert of_type(changes, "invoice") == read(shop.connector, "invoices")
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    assert shop.pod.calls[:2] == ["GET salesOrdersForOrderHub/…", "GET receivablesInvoices"]


def as_posted(key: str) -> AsPosted:
    """What the fleet keeps of the order of two lines."""
    kept = [
        {"id": id, "sku": f"SKU-{id}", "quantity": quantity, "ships": True} for id, quantity in (("1", "3"), ("2", "1"))
    ]
    return lambda _, theirs: {each: {"id": key, "lines": kept} for each in theirs if each == key}


@pytest.mark.parametrize("stream", ["open_orders", "orders"])
def test_what_is_cancelled_is_read_by_what_is_kept(shop: Shop, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = shop.two_lines()
    key = shop.send(document).theirs or ""

    def cancelled() -> list[Change]:
        changes = read_all(shop.connector, stream, key, as_posted=as_posted(key))
        return [change for change in changes if change.type == "cancellation.changed"]

    shop.pod.advance(key, 3, split=True)  # one of three left
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-60))
    assert cancelled() == [], "the rest is still to come"
    order = shop.pod.fake._records.find("salesOrdersForOrderHub", key)
    assert order
    behind = next(line for line in order["lines"] if line["StatusCode"] == "AWAIT_SHIP")
    client = shop.connector.site.client
    path = client.path("salesOrdersForOrderHub", key)
    client.send(
        client.write("PATCH", path, {"lines": [{"FulfillLineId": behind["FulfillLineId"], "OrderedQuantity": 0}]})
    )
    [change] = cancelled()
    assert (change.id, change.parent and change.parent.ours) == (f"{key}/cancelled", document["key"])
    assert (change.document["whole"], change.document["unclear"]) == (False, None)
    assert change.document["lines"] == [{"key": "1", "sku": "SKU-1", "ordered": Decimal(3), "kept": Decimal(1)}]
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=60))
    assert cancelled() == [], "it may be a change of ours"


def test_a_cancelled_order_is_read_with_all_its_lines(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    document = shop.two_lines()
    key = shop.send(document).theirs or ""
    shop.send({**document, "status": "cancelled"}, shop.new_work())
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-60))
    for stream in ("open_orders", "orders"):
        changes = read_all(shop.connector, stream, key, as_posted=as_posted(key))
        [change] = [each for each in changes if each.type == "cancellation.changed"]
        assert change.document["whole"]
        assert [line["kept"] for line in change.document["lines"]] == [0, 0]


def test_invoices_of_others_are_not_ours(shop: Shop) -> None:
    others = shop.pod.connector(source_system="OPS")
    theirs = shop.send(shop.two_lines(), connector=others).theirs
    assert theirs
    shop.pod.advance(theirs, 5)
    assert read(shop.connector, "invoices") == []
    assert shop.connector.changes("invoices", LONG_AGO, None, tuple).seen is not None


# --- pods that do not let us


def test_where_changes_cannot_be_asked_for_open_orders_are_still_read(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    key = posted(shop)
    shop.pod.advance(key, 5)
    for stream, path in (("orders", "salesOrdersForOrderHub"), ("invoices", "receivablesInvoices")):
        shop.pod.fail_next("unqueryable", times=2, path=path)
        assert read(shop.connector, stream) == read(shop.connector, stream) == []
        assert capsys.readouterr().out.count("poll.changes_unavailable") == 1
    types = {change.type for change in read(shop.connector, "open_orders", key)}
    assert types == {"shipment.changed", "invoice.changed"}


@pytest.mark.parametrize("failure", ["not_granted", "forbidden"])
def test_who_may_not_read_invoices_still_hears_of_shipments(shop: Shop, failure: str) -> None:
    key = posted(shop)
    shop.pod.advance(key, 5)
    shop.pod.fail_next(failure, times=2, path="receivablesInvoices")
    with pytest.raises(Misconfigured) as raised:
        read(shop.connector, "invoices")
    assert "Billing Specialist" in (raised.value.hint or "")
    assert {change.type for change in read(shop.connector, "open_orders", key)} == {"shipment.changed"}


def test_a_user_without_rights_is_misconfigured(shop: Shop) -> None:
    shop.pod.fail_next("forbidden", times=2)
    with pytest.raises(Misconfigured):
        read(shop.connector, "orders")


@pytest.mark.parametrize("stream", ["orders", "invoices"])
def test_an_odd_page_is_asked_for_again(shop: Shop, stream: str) -> None:
    posted(shop)
    shop.pod.fail_next("empty_page", path="")
    with pytest.raises(Retry) as raised:
        read(shop.connector, stream)
    assert raised.value.code == "unreadable_answer"
