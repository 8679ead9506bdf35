"""An order that cannot be right is refused or held, with a reason that says what is wrong and never who ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.canonical import check_order, load
from integration.canonical.money import currencies, format_money, minor_digits, round_money
from integration.errors import Hold, Reject
from integration.workflow import load_definitions
from mappings import FOLDER
from tests.mapping.shop import order, put

CLARITY = load_definitions(FOLDER).mapping("clarity.order")


def test_an_order_that_adds_up_passes() -> None:
    check_order(CLARITY(order()))


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        (
            {"lines.0.lineTotal": "18.01", "totals.subtotal": "18.01", "totals.grandTotal": "28.01"},
            "totals_mismatch",
            "totals do not add up: line 1: 2 x 10.00 - discount 2.00 makes 18.00 EUR, "
            "but the line's total (BOTTLE) is 18.01",
        ),
        (
            {"totals.grandTotal": "28.01"},
            "totals_mismatch",
            "totals do not add up: lines + shipping + fees - order discounts + tax makes 28.00 EUR, "
            "but totals.grand_total is 28.01",
        ),
        (
            {"taxIncluded": True},
            "totals_mismatch",
            "totals do not add up: lines + shipping + fees - order discounts makes 23.40 EUR, "
            "but totals.grand_total is 28.00",
        ),
        (
            {"totals.subtotal": "17.99"},
            "totals_mismatch",
            "totals do not add up: the sum of the lines makes 18.00 EUR, but totals.subtotal is 17.99",
        ),
        (
            {"totals.shipping": "6.00"},
            "totals_mismatch",
            "totals do not add up: the sum of the shipping lines makes 5.00 EUR, but totals.shipping is 6.00",
        ),
        (
            {"totals.fees": None},
            "totals_mismatch",
            "totals do not add up: the sum of the fees makes 0.50 EUR, but totals.fees is 0.00",
        ),
        (
            {"totals.tax": "4.61"},
            "totals_mismatch",
            "totals do not add up: the sum of the taxes makes 4.60 EUR, but totals.tax is 4.61",
        ),
        (
            {"payments.0.amount": "19.99"},
            "totals_mismatch",
            "totals do not add up: captured payments 19.99 + balance due 8.00 makes 27.99 EUR, "
            "but totals.grand_total is 28.00",
        ),
        (
            {"payments.0.status": "authorized"},
            "totals_mismatch",
            "totals do not add up: captured payments 0 + balance due 8.00 makes 8.00 EUR, "
            "but totals.grand_total is 28.00",
        ),
        ({"lines.0.quantity": "0"}, "quantity", "line 1: quantity 0 is not above zero"),
        ({"lines.0.quantity": "-2"}, "quantity", "line 1: quantity -2 is not above zero"),
        ({"lines": []}, "no_lines", "the order has no lines"),
        ({"currency": "XTS"}, "unknown_currency", "unknown currency 'XTS': not an ISO 4217 code in use"),
        ({"currency": "eur"}, "unknown_currency", "unknown currency 'eur': not an ISO 4217 code in use"),
        ({"status": "archived"}, "unknown_status", "unknown order status 'archived'"),
        ({"totals.balanceDue": "8.001"}, "precision", "totals.balance_due is 8.001, but EUR has 2 decimals"),
        ({"currency": "JPY"}, "precision", "lines.0.taxes.0.amount is 3.60, but JPY has no decimals"),
    ],
)
def test_what_does_not_hold_together_is_held(changes: dict[str, Any], code: str, reason: str) -> None:
    canonical = CLARITY(order(changes))
    with pytest.raises(Hold) as caught:
        check_order(canonical)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert caught.value.hint


def test_what_a_person_lets_pass_hides_no_other_fault() -> None:
    canonical = CLARITY(order({"totals.grandTotal": "1.00", "lines.0.total": "1.00"}))
    with pytest.raises(Hold):
        check_order(canonical)
    check_order(canonical, ["totals_mismatch"])
    canonical["lines"].append({**canonical["lines"][0], "quantity": Decimal(0)})
    with pytest.raises(Hold) as caught:
        check_order(canonical, ["totals_mismatch"])
    assert caught.value.code == "quantity"


@pytest.mark.parametrize("customer", [None, {}, {"id": None, "email": "", "name": "Ada Lovelace"}])
def test_an_order_without_customer_is_rejected(customer: Any) -> None:
    with pytest.raises(Reject) as caught:
        check_order(CLARITY(order({"customer": customer})))
    assert caught.value.reason == "the order has no customer: neither customer.id nor customer.email is given"
    assert caught.value.hint == "Give the order a customer or an e-mail address in Clarity, then send the order again."


def test_a_cancellation_is_not_kept_by_its_sums() -> None:
    check_order(CLARITY(order({"status": "cancelled", "totals.grandTotal": "1.00", "payments": []})))


def test_a_refunded_order_is_not_held_by_its_payments() -> None:
    check_order(CLARITY(order({"paymentStatus": "partially_refunded", "payments.0.amount": "15.00"})))


def test_taxes_rounded_once_per_order_may_differ_from_the_lines_by_what_was_rounded_away() -> None:
    canonical = CLARITY(order({"totals.tax": "4.61", "totals.grandTotal": "28.01", "totals.balanceDue": "8.01"}))
    with pytest.raises(Hold):
        check_order(canonical)
    check_order(canonical | {"tax_rounding": "order"})
    put(canonical, "totals.tax", Decimal("4.62"))
    with pytest.raises(Hold, match="the sum of the taxes makes 4.60 EUR, but totals.tax is 4.62"):
        check_order(canonical | {"tax_rounding": "order"})


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("lines.0.quantity", "two", "lines.0.quantity: not a decimal number"),
        ("lines.0.quantity", True, "lines.0.quantity: not a decimal number"),
        ("lines.0.quantity", "1e3", "lines.0.quantity: not a decimal number"),
        ("lines.0.quantity", "NaN", "lines.0.quantity: not a decimal number"),
        ("lines.0.quantity", "٢", "lines.0.quantity: not a decimal number"),
        ("lines.0.quantity", None, "lines.0.quantity: missing"),
        ("lines.0.unitPrice", "1.0000001", "lines.0.unitPrice: more than 6 decimals"),
        ("lines.0.unitPrice", Decimal("0.1000000000000000055"), "lines.0.unitPrice: more than 6 decimals"),
        ("totals.grandTotal", "1000000000000", "totals.grandTotal: too large to be meant"),
        ("totals", None, "totals: missing"),
        ("id", "", "id: missing"),
        ("version", "3", "version: Not a valid integer"),
        ("version", 2**63, "version: not a version number"),
        ("taxIncluded", None, "taxIncluded: missing"),
        ("placedAt", "2026-11-20T10:15:29", "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", "Fri, 20 Nov 2026 10:15:29 +0000", "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", 1795169729, "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", "0001-01-01T00:00:00+14:00", "placedAt: not an RFC 3339 time with a zone"),
        ("customer.name", "A\x00B", "customer.name: holds a NUL character or a lone surrogate, which no ERP can store"),
        ("notes", "x\ud800", "notes: holds a NUL character or a lone surrogate, which no ERP can store"),
        ("customer", "Ada", "customer: Invalid input type"),
        ("lines", "none", "lines: Not a valid list"),
    ],
)
def test_a_field_that_is_wrong_is_named_but_not_quoted(path: str, value: Any, problem: str) -> None:
    with pytest.raises(Reject) as caught:
        CLARITY(order({path: value}))
    assert caught.value.reason == f"not a valid clarity.order: {problem}"
    assert caught.value.code == "invalid_document"


def test_what_an_order_may_also_look_like() -> None:
    given = order({"id": 1001, "lines.0.quantity": 2, "lines.0.unitPrice": Decimal("10.0"), "fees": None, "notes": " "})
    loaded = load("clarity.order", given | {"brand": "north"})
    assert (loaded["id"], loaded["fees"], loaded["notes"], loaded["brand"]) == ("1001", [], None, "north")
    assert loaded["lines"][0]["quantity"] == Decimal(2)
    assert loaded["placedAt"] == "2026-11-20T10:15:29Z"


def test_many_wrong_fields_are_counted() -> None:
    with pytest.raises(Reject, match=r"; and 1 more$"):
        load("clarity.order", {})


@pytest.mark.parametrize(
    ("currency", "digits", "rounded"),
    [
        ("EUR", 2, "2.35"),
        ("JPY", 0, "2"),
        ("KWD", 3, "2.345"),
        ("RSD", 2, "2.35"),
        ("IQD", 3, "2.345"),
        (None, 2, "2.35"),
    ],
)
def test_minor_units_are_those_of_iso_4217(currency: str, digits: int, rounded: str) -> None:
    assert minor_digits(currency) == digits
    assert str(round_money(Decimal("2.345"), currency)) == rounded


def test_only_currencies_in_use_are_known() -> None:
    assert {"EUR", "USD", "JPY", "KWD", "XOF", "PLN"} <= currencies()
    assert not {"DEM", "XXX", "XTS", "HRK", "eur", ""} & currencies()


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("0.1", "USD", "0.10 USD"),
        ("100000.000000", "JPY", "100000 JPY"),
        ("1E+2", "KWD", "100.000 KWD"),
        ("-0.0950", "EUR", "-0.095 EUR"),
    ],
)
def test_money_is_shown_in_minor_units_and_loses_no_digit(amount: str, currency: str, shown: str) -> None:
    assert format_money(Decimal(amount), currency) == shown
