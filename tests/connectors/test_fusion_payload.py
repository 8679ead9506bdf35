"""What is sent for an order, and how an existing one is compared with it."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest
import responses

from integration.canonical import thaw
from integration.connectors.fusion import Fusion
from integration.errors import Retry
from tests.connectors.fusion_answers import DUPLICATE, ORDERS, adf, client, system
from tests.connectors.odoo_targets import held
from tests.connectors.work import MemoryWork

KEY = f"{ORDERS}/CLARITY%3A1001"
LINE = {"FulfillLineId": 12, "SourceTransactionLineId": "1", "ProductNumber": "SKU-1", "OrderedQuantity": 2.0}
THEIRS = {
    "OrderKey": "CLARITY:1001",
    "OrderNumber": "410045",
    "StatusCode": "OPEN",
    "CustomerPONumber": "PO-2",
    "lines": [LINE],
}
"""The order below, as a pod shows it."""
TOTAL = {"TotalCode": "QP_TOTAL_PAY_NOW", "TotalAmount": 44.60}


def created(answer: dict[str, Any]) -> Fusion:
    """A connector to a pod without the order, which answers so when it is created."""
    connector = Fusion(system(), nullcontext)
    client()
    responses.post(ORDERS, json=answer, status=201)
    return connector


def gets() -> int:
    """How often the order was asked for."""
    return sum(call.request.method == "GET" for call in responses.calls)


def standing(changes: dict[str, Any]) -> Fusion:
    """A connector to a pod that has the order, with changes."""
    connector = Fusion(system(), nullcontext)
    client()
    responses.get(KEY, json={**THEIRS, **changes})
    return connector


@responses.activate
def test_an_order_known_by_its_key_is_compared_before_it_counts_as_ours() -> None:
    """A duplicate that no crossref knows: whoever created it, it has to show our document."""
    connector = Fusion(system(), nullcontext)
    client()
    responses.get(KEY, json={**THEIRS, "CustomerPONumber": "PO-1"})
    responses.get(KEY, json=THEIRS)
    responses.post(ORDERS, **adf(400, (DUPLICATE, "FOM-0000000", "")))
    patch = responses.patch(KEY, json=THEIRS)
    work = MemoryWork()
    posted = connector.post("order", DOCUMENT, work)
    assert (posted.theirs, posted.number) == ("CLARITY:1001", "410045")
    assert work.outcomes == [
        ("order.create", "failed"),
        ("order.create", "found"),
        ("order.submit", "found"),
        ("order.update", "ok"),
    ]
    assert patch.calls[0].request.body == b'{"CustomerPONumber":"PO-2","SubmittedFlag":true}'


@responses.activate
def test_what_fusion_refuses_to_change_is_held() -> None:
    connector = standing({"CustomerPONumber": "PO-1"})
    responses.patch(KEY, **adf(400, ("You can't update it.", "FOM-1", "")))
    assert held(lambda: connector.post("order", DOCUMENT, known())).reason.startswith(
        "order 410045 differs in Fusion and could not be changed (CustomerPONumber): Fusion answers 400"
    )


def known() -> MemoryWork:
    """A delivery of an order that has a crossref."""
    work = MemoryWork()
    work.remember("order", DOCUMENT["key"], THEIRS["OrderKey"])
    return work


@responses.activate
def test_a_change_that_fusion_takes_but_does_not_show_is_held_and_tried_again() -> None:
    connector, work = standing({"CustomerPONumber": "PO-1"}), known()
    patch = responses.patch(KEY, json=THEIRS)
    for _ in range(2):
        assert "does not show it" in held(lambda: connector.post("order", DOCUMENT, work)).reason
    assert patch.call_count == 2


@responses.activate
def test_a_new_order_that_fusion_priced_again_is_held() -> None:
    connector = created({**THEIRS, "lines": [{**LINE, "ExtendedAmount": 40}], "totals": [TOTAL]})
    failure = held(lambda: connector.post("order", DOCUMENT, MemoryWork()))
    assert (failure.code, "ExtendedAmount" in failure.reason) == ("total_differs", True)
    assert gets() == 0, "asked for although the answer shows all"


@responses.activate
@pytest.mark.parametrize("answer", [{}, {"lines": [LINE]}, {"totals": [TOTAL]}], ids=["nothing", "lines", "totals"])
@pytest.mark.parametrize(
    ("shown", "code", "reason"),
    [
        ({"totals": [{**TOTAL, "TotalAmount": 44.61}]}, "total_differs", "44.61 USD instead of 44.60 USD"),
        ({"lines": [{**LINE, "ExtendedAmount": 40}]}, "total_differs", "ExtendedAmount"),
        ({"lines": []}, "other_lines", "1 missing, 0 more"),
        ({"lines": [LINE, {**LINE, "FulfillLineId": 13, "SourceTransactionLineId": "9"}]}, "other_lines", "1 more"),
    ],
)
def test_what_the_answer_to_a_new_order_lacks_is_asked_for(
    answer: dict[str, Any], shown: dict[str, Any], code: str, reason: str
) -> None:
    connector = created({"OrderNumber": "410045", "StatusCode": "OPEN", **answer})
    responses.get(KEY, json={**THEIRS, "totals": [TOTAL], **shown})
    failure = held(lambda: connector.post("order", DOCUMENT, MemoryWork()))
    assert (failure.code, reason in failure.reason) == (code, True)


@responses.activate
def test_a_draft_that_was_submitted_is_compared_too() -> None:
    connector = standing({"StatusCode": "DOO_DRAFT"})
    responses.get(KEY, json={**THEIRS, "totals": [{**TOTAL, "TotalAmount": 44.61}]})
    responses.patch(KEY, json=THEIRS)
    failure = held(lambda: connector.post("order", DOCUMENT, known()))
    assert failure.reason.endswith("44.61 USD instead of 44.60 USD")


@responses.activate
@pytest.mark.parametrize("status", ["DOO_DRAFT", "OPEN"])
def test_another_total_in_fusion_is_held_before_the_order_is_submitted(status: str) -> None:
    totals = {"items": [{"TotalCode": "QP_TOTAL_PAY_NOW", "TotalAmount": 44.61}]}
    connector = standing({"StatusCode": status, "totals": totals})
    patch = responses.patch(KEY, json=THEIRS)
    failure = held(lambda: connector.post("order", DOCUMENT, known()))
    assert failure.reason.endswith("44.61 USD instead of 44.60 USD")
    assert patch.call_count == 0


@responses.activate
def test_a_draft_gets_the_site_that_was_made_for_it() -> None:
    ours = [{"CustomerAccountId": 777, "SiteUseId": 778}]
    connector = standing({"StatusCode": "DOO_DRAFT", "billToCustomer": ours, "shipToCustomer": [{"SiteId": None}]})
    patch = responses.patch(KEY, json=THEIRS)
    connector.post("order", DOCUMENT, known())
    assert patch.calls[0].request.body == b'{"SubmittedFlag":true,"shipToCustomer":[{"PartyId":700,"SiteId":701}]}'


@responses.activate
@pytest.mark.parametrize("left", [{"StatusCode": "AWAIT_BILLING"}, {"OrderedQuantity": 1}])
def test_another_site_does_not_pass_by_what_is_shipped_or_split(left: dict[str, Any]) -> None:
    lines = [{**LINE, **left}] * (2 if "OrderedQuantity" in left else 1)
    connector = standing({"shipToCustomer": [{"PartyId": 700, "SiteId": 999}], "lines": lines})
    patch = responses.patch(KEY, json=THEIRS)
    failure = held(lambda: connector.post("order", DOCUMENT, known()))
    assert failure.reason.endswith("(shipToCustomer): a line that ships elsewhere is split or shipped")
    assert patch.call_count == 0


@responses.activate
def test_a_line_that_somebody_cancelled_in_fusion_is_not_brought_back() -> None:
    connector = standing({"lines": [{**LINE, "StatusCode": "CANCELED"}]})
    assert "a line is cancelled in Fusion" in held(lambda: connector.post("order", DOCUMENT, known())).reason


@responses.activate
def test_a_cancellation_is_done_when_fusion_shows_it() -> None:
    connector, work = standing({}), known()
    patch = responses.patch(KEY, json=THEIRS)
    cancelled = {**DOCUMENT, "status": "cancelled"}
    for _ in range(2):
        with pytest.raises(Retry) as raised:
            connector.post("order", cancelled, work)
        assert raised.value.code == "cancelling"
    responses.replace(responses.GET, KEY, json={**THEIRS, "lines": [{**LINE, "StatusCode": "CANCEL_PENDING"}]})
    connector.post("order", cancelled, work)
    assert patch.call_count == 1
    assert patch.calls[0].request.body == (
        b'{"lines":[{"CancelReason":"CANCELED BY CUSTOMER","FulfillLineId":12,"OrderedQuantity":0}]}'
    )


@responses.activate
def test_the_order_as_fusion_reads_it() -> None:
    connector = Fusion(system(), nullcontext)
    client()
    responses.get(KEY, json=THEIRS)
    created = responses.post(ORDERS, json={"OrderNumber": "410045", "StatusCode": "OPEN"}, status=201)
    work = MemoryWork()
    connector.post("order", DOCUMENT, work)
    assert created.call_count == 1
    [sent] = work.tries
    assert thaw(sent.frozen)["body"] == BODY


DOCUMENT: dict[str, Any] = {
    "key": "1001",
    "status": "confirmed",
    "amount_total": Decimal("44.60"),
    "currency": "USD",
    "tax_included": False,
    "tax": Decimal("3.60"),
    "discount": Decimal(0),
    "order": {"SourceTransactionNumber": "WEB-1001", "CustomerPONumber": "PO-2", "FreezePriceFlag": True},
    "cancel_reason": "CANCELED BY CUSTOMER",
    "eff": {"HeaderEffBWebStoreprivateVO": {"ContextCode": "WebStore", "storefront": "eu-main"}},
    "lines": [
        {
            "key": "1",
            "sku": "SKU-1",
            "quantity": Decimal(2),
            "unit_price": Decimal(20),
            "total": Decimal(36),
            "taxes": [{"rate": "10", "amount": Decimal("3.60")}],
            "fields": {"OrderedUOMCode": "EA"},
            "charge": {"ChargeDefinitionCode": "QP_SALE_PRICE"},
            "eff": {"FulfillLineEffBWebStoreprivateVO": {"ContextCode": "WebStore"}},
        }
    ],
    "charges": [
        {
            "key": "shipping-1",
            "quantity": 1,
            "unit_price": Decimal(6),
            "total": Decimal(5),
            "taxes": [],
            "charge": {"ChargeDefinitionCode": "QP_SHIPPING_CHARGE"},
        }
    ],
    "ids": {"party": "700", "account": "777", "bill_to": "778", "ship_to": "701", "items": {"SKU-1": "SKU-1"}},
}


def component(id: str, usage: str, unit: str, extended: str, number: int) -> dict[str, Any]:
    return {
        "SourceChargeComponentId": id,
        "PriceElementCode": f"QP_{usage}",
        "PriceElementUsageCode": usage,
        "ChargeCurrencyCode": "USD",
        "HeaderCurrencyCode": "USD",
        "ChargeCurrencyUnitPrice": Decimal(unit),
        "ChargeCurrencyExtendedAmount": Decimal(extended),
        "HeaderCurrencyUnitPrice": Decimal(unit),
        "HeaderCurrencyExtendedAmount": Decimal(extended),
        "SequenceNumber": number,
        "RollupFlag": False,
    }


def charge(key: str, definition: str, number: int, quantity: int, *amounts: tuple[str, str]) -> dict[str, Any]:
    usages = ("LIST_PRICE", "NET_PRICE", "EXCLUSIVE_TAX", "NET_PRICE_PLUS_TAX")
    return {
        "SourceChargeId": key,
        "ChargeDefinitionCode": definition,
        "PricedQuantity": quantity,
        "PrimaryFlag": number == 1,
        "RollupFlag": False,
        "ChargeCurrencyCode": "USD",
        "GSAUnitPrice": Decimal(amounts[1][0]),
        "SequenceNumber": number,
        "chargeComponents": [
            component(f"{key}-{place}", usage, *amount, place)
            for place, (usage, amount) in enumerate(zip(usages, amounts, strict=True), 1)
        ],
    }


BODY = {
    "SourceTransactionSystem": "CLARITY",
    "SourceTransactionId": "1001",
    "SourceTransactionRevisionNumber": 1,
    "BusinessUnitId": 300000000000101,
    "RequestingBusinessUnitId": 300000000000101,
    "BuyingPartyId": 700,
    "SourceTransactionNumber": "WEB-1001",
    "CustomerPONumber": "PO-2",
    "FreezePriceFlag": True,
    "SubmittedFlag": True,
    "billToCustomer": [{"CustomerAccountId": 777, "SiteUseId": 778}],
    "shipToCustomer": [{"PartyId": 700, "SiteId": 701}],
    "additionalInformation": [
        {
            "Category": "DOO_HEADERS_ADD_INFO",
            "HeaderEffBWebStoreprivateVO": [{"ContextCode": "WebStore", "storefront": "eu-main"}],
        }
    ],
    "lines": [
        {
            "SourceTransactionLineId": "1",
            "SourceTransactionLineNumber": "1",
            "SourceTransactionScheduleId": "1",
            "SourceScheduleNumber": "1",
            "OrderedUOMCode": "EA",
            "ProductNumber": "SKU-1",
            "OrderedQuantity": 2,
            "UnitListPrice": 20,
            "UnitSellingPrice": 18,
            "ExtendedAmount": 36,
            "charges": [
                charge("1", "QP_SALE_PRICE", 1, 2, ("20", "40"), ("18", "36"), ("1.8", "3.6"), ("19.8", "39.6")),
                charge("shipping-1", "QP_SHIPPING_CHARGE", 2, 1, ("6", "6"), ("5", "5"), ("0", "0"), ("5", "5")),
            ],
        }
    ],
}
