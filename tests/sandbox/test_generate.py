"""Made-up orders: every amount is checked by code of the test's own."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from integration.sandbox.clarity import generate
from tests.sandbox.rig import Sandbox

MINOR = {"JPY": "1", "KWD": "0.001"}


def minor(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(MINOR.get(currency, "0.01")), ROUND_HALF_UP)


def parts(of: list[dict[str, Any]], name: str = "amount") -> Decimal:
    return sum((Decimal(one[name]) for one in of), Decimal(0))


def check(order: dict[str, Any]) -> None:
    """The rules of the contract, and that the stated taxes are what a system rounding per line computes."""
    currency, totals = order["currency"], {name: Decimal(text) for name, text in order["totals"].items()}
    tax = Decimal(0)
    for line in order["lines"]:
        gross = minor(Decimal(line["quantity"]) * Decimal(line["unitPrice"]), currency)
        assert Decimal(line["lineTotal"]) == gross - parts(line["discounts"]) >= 0
        assert Decimal(line["unitPrice"]) == minor(Decimal(line["unitPrice"]), currency)
    taxed = [(Decimal(line["lineTotal"]), line["taxes"]) for line in order["lines"]]
    taxed += [(Decimal(one["price"]) - parts(one["discounts"]), one["taxes"]) for one in order["shippingLines"]]
    for amount, taxes in taxed:
        base = amount / (1 + parts(taxes, "rate")) if order["taxIncluded"] else amount
        assert [Decimal(one["amount"]) for one in taxes] == [
            minor(base * Decimal(one["rate"]), currency) for one in taxes
        ]
        tax += parts(taxes)
    shipping = sum((Decimal(one["price"]) - parts(one["discounts"]) for one in order["shippingLines"]), Decimal(0))
    expected = parts(order["lines"], "lineTotal") + shipping + parts(order["fees"]) - parts(order["discounts"])
    assert totals["grandTotal"] == expected + (0 if order["taxIncluded"] else tax)
    assert totals["tax"] == tax
    captured = parts([one for one in order["payments"] if one["status"] == "captured"])
    assert captured + totals["balanceDue"] == totals["grandTotal"] > 0
    assert all(minor(amount, currency) == amount and text_fits(amount, currency) for amount in totals.values())


def text_fits(amount: Decimal, currency: str) -> bool:
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent == Decimal(MINOR.get(currency, "0.01")).as_tuple().exponent


def test_made_up_orders_add_up_whatever_their_traits() -> None:
    combined = ["express+jpy", "b2b_po+express+kwd", "guest+order_discount+gift_card+usd", "discount_percent+multi_tax"]
    for order in generate.generate(400, "sums", [*generate.SOUND, *combined]):
        check(order)


def test_the_same_seed_makes_the_same_orders() -> None:
    assert generate.generate(60, 7, []) == generate.generate(60, 7, [])
    assert generate.generate(1, 7, []) != generate.generate(1, 8, [])
    with pytest.raises(generate.UnknownTrait, match="'plane'"):
        generate.generate(1, 7, ["plane"])


def test_traits_are_what_they_say() -> None:
    made = {name: generate.generate(1, "each", [name])[0] for name in generate.TRAITS}
    assert made["express"]["shippingLines"][0]["code"] == "EXPRESS"
    company = made["b2b_po"]
    assert (company["customer"]["type"], company["paymentTerms"]) == ("company", "NET30")
    assert company["purchaseOrderNumber"].startswith("PO-")
    assert company["totals"]["balanceDue"] == company["totals"]["grandTotal"]
    assert (made["jpy"]["currency"], made["kwd"]["currency"], made["usd"]["currency"]) == ("JPY", "KWD", "USD")
    assert "." not in made["jpy"]["totals"]["grandTotal"]
    assert len(made["kwd"]["totals"]["grandTotal"].partition(".")[2]) == 3
    assert [tax["code"] for tax in made["multi_tax"]["lines"][0]["taxes"]] == ["VAT5", "VAT7"]
    assert made["digital"]["shippingAddress"] is None and made["digital"]["shippingLines"] == []
    assert len(made["250_lines"]["lines"]) == 250
    assert made["gift_card"]["totals"]["giftCard"] == "5.00"
    assert made["guest"]["customer"]["id"] is None and made["no_customer"]["customer"] is None
    unit = [discount["amount"] for discount in made["discount_per_unit"]["lines"][0]["discounts"]]
    assert unit == ["8.10", "9.00"]
    assert Decimal(made["fractional_qty"]["lines"][0]["quantity"]) % 1 != 0
    assert made["unknown_currency"]["currency"] == "XTS"
    assert made["unknown_tax_code"]["lines"][0]["taxes"][0]["code"] == "VATX"
    assert made["unknown_sku"]["lines"][0]["sku"] == "NO-SUCH-SKU"
    with pytest.raises(AssertionError):
        check(made["mismatch"])
    again = generate.generate(2, "again", ["same_customer+tax_excluded"])
    assert again[0]["customer"] == again[1]["customer"]


def test_the_demo_is_a_dozen_sound_orders_with_stories(sandbox: Sandbox) -> None:
    made = sandbox.control("POST", "/orders/demo")
    assert len({one["story"] for one in made}) == 12
    for one in made:
        order = sandbox.get(f"/orders/{one['id']}").json()
        check(order)
        assert (one["number"], one["total"], one["currency"]) == (
            order["number"],
            order["totals"]["grandTotal"],
            order["currency"],
        )
    assert len({one["currency"] for one in made}) == 4
