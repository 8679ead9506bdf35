"""The figures that go to Fusion add up to Clarity's, whatever the order is like."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.canonical.money import minor_digits
from integration.connectors.fusion.order.payload import Payload
from integration.connectors.fusion.order.prices import spread
from integration.errors import Hold
from integration.rules.workflow import load_definitions
from mappings import FOLDER

SAMPLES = sorted((FOLDER / "samples" / "fusion.out.order").glob("*.json"))
SENT = [path for path in SAMPLES if json.loads(path.read_text()).get("expect", {}).get("status") == "confirmed"]
IDS = {"party": "1", "account": "2", "bill_to": "3", "ship_to": "4"}


def payload(given: dict[str, Any]) -> Payload:
    document = load_definitions(FOLDER).mapping("fusion.out.order")(given)
    items = {line["sku"]: line["sku"] for line in document["lines"]}
    return Payload({**document, "ids": {**IDS, "items": items}}, "CLARITY", "1")


def given(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((FOLDER / "samples" / "fusion.out.order" / f"{name}.json").read_text())["given"]
    return sample


def components(body: dict[str, Any], usage: str) -> list[Decimal]:
    return [
        part["HeaderCurrencyExtendedAmount"]
        for line in body["lines"]
        for charge in line["charges"]
        for part in charge["chargeComponents"]
        if part["PriceElementUsageCode"] == usage
    ]


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.stem)
def test_the_charges_come_to_the_order_of_clarity(path: Path) -> None:
    order = json.loads(path.read_text())["given"]
    body = payload(order).create()
    unit = Decimal(1).scaleb(-minor_digits(order["currency"]))
    net, tax, both = (components(body, usage) for usage in ("NET_PRICE", "EXCLUSIVE_TAX", "NET_PRICE_PLUS_TAX"))
    assert sum(both) == Decimal(order["totals"]["grand_total"])
    assert sum(tax) == Decimal(order["totals"]["tax"] or 0)
    assert [one + other for one, other in zip(net, tax, strict=True)] == both
    assert all(amount == amount.quantize(unit) and amount >= 0 for amount in net + tax)
    for line in body["lines"]:
        assert abs(line["UnitSellingPrice"] * line["OrderedQuantity"] - line["ExtendedAmount"]) < Decimal("1e-7")
        assert len(line["SourceTransactionLineId"]) <= 50


def test_a_discount_that_is_more_than_the_goods_lowers_shipping_too() -> None:
    order = given("order_discount_gift_card")
    order["tax_included"] = False
    for part in (*order["lines"], *order["shipping_lines"]):
        part["taxes"] = []
    order["discounts"] = [{"code": "ALL", "amount": "79.00"}]
    order["totals"] |= {"tax": "0", "grand_total": "0.50", "discount": "79.00"}
    net = components(payload(order).create(), "NET_PRICE")
    assert (sum(net), min(net)) == (Decimal("0.50"), Decimal("0.03"))


def test_a_discount_that_is_more_than_all_is_held() -> None:
    order = given("order_discount_gift_card")
    order["discounts"] = [{"code": "ALL", "amount": "80.00"}]
    order["totals"]["grand_total"] = "-0.50"
    with pytest.raises(Hold, match="the charges for Fusion come to"):
        payload(order).create()


@pytest.mark.parametrize(
    ("amount", "weights", "currency", "shares"),
    [
        ("10", ["1", "1", "1"], "EUR", ["3.34", "3.33", "3.33"]),
        ("10", ["1", "1", "1"], "JPY", ["4", "3", "3"]),
        ("0.01", ["1", "2"], "EUR", ["0.00", "0.01"]),
        ("7.77", ["3.33", "4.44"], "EUR", ["3.33", "4.44"]),
        ("0", ["1", "2"], "EUR", ["0", "0"]),
        ("5", ["0", "0"], "EUR", ["0", "0"]),
    ],
)
def test_an_amount_is_spread_without_losing_a_cent(
    amount: str, weights: list[str], currency: str, shares: list[str]
) -> None:
    made = spread(Decimal(amount), [Decimal(weight) for weight in weights], currency)
    assert made == [Decimal(share) for share in shares]


def test_a_tax_rounded_once_for_the_order_is_spread_over_the_lines() -> None:
    order = given("tax_added_with_fee")
    order["tax_rounding"] = "order"
    order["totals"] |= {"tax": "3.89", "grand_total": "57.37"}
    tax = components(payload(order).create(), "EXCLUSIVE_TAX")
    assert sorted(tax) == [Decimal("0"), Decimal("0.17"), Decimal("0.41"), Decimal("3.31")]
