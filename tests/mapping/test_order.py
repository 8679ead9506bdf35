"""An order that cannot be right is refused or held, with a reason that says what is wrong and never who ordered."""

from __future__ import annotations

import shutil
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.canonical import check_order, digest, freeze, load, parse_json
from integration.canonical.fulfilment import carried
from integration.canonical.money import currencies, format_money, minor_digits, round_money
from integration.errors import Hold, Reject
from integration.rules.workflow import load_definitions
from mappings import FOLDER
from tests.mapping.shop import order, put

DEFINITIONS = load_definitions(FOLDER)
CLARITY = DEFINITIONS.mapping("clarity.in.order")
WORKFLOWS = DEFINITIONS.matching("clarity", "order.created")
UNTRANSPORTABLE = "holds a NUL character or a lone surrogate, which no ERP can store"


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
            "totals do not add up: the sum of the fees makes 0.50 EUR, but totals.fees is not given",
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
        ({"lines.0.quantity": "0"}, "no_lines", "all lines of the order have the quantity 0"),
        ({"lines.0.quantity": "-2"}, "quantity", "line 1: quantity -2 is below zero"),
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


def test_the_hint_of_an_unknown_status_leads_where_it_is_made_known(tmp_path: Path) -> None:
    """A table of the targets would not do: what is checked is the canonical order."""
    with pytest.raises(Hold) as caught:
        check_order(CLARITY(order({"status": "archived"})))
    assert caught.value.hint
    assert "In mappings/clarity/in/order.json let the row of the status" in caught.value.hint
    assert "confirmed" in caught.value.hint
    folder = shutil.copytree(FOLDER, tmp_path / "m")
    rows = folder / "clarity/in/order.json"
    lookup = '{"to": "status", "from": "status", "via": [["lookup", "order_statuses"]]}'
    rows.write_text(rows.read_text().replace('{"to": "status", "from": "status"}', lookup, 1))
    (folder / "tables/order_statuses.json").write_text('{"values": {"archived": "confirmed"}}')
    check_order(load_definitions(folder).mapping("clarity.in.order")(order({"status": "archived"})))


def test_a_canonical_document_that_cannot_be_is_put_right_at_its_mapping_too() -> None:
    with pytest.raises(Reject) as caught:
        load("order", {})
    assert caught.value.hint == (
        "Correct what these fields are made of in {origin}; or the mapping that makes them, and "
        "run `fleet mapping publish`. {again}"
    )


def test_what_a_person_lets_pass_hides_no_other_fault() -> None:
    canonical = CLARITY(order({"totals.grandTotal": "1.00", "lines.0.total": "1.00"}))
    with pytest.raises(Hold):
        check_order(canonical)
    check_order(canonical, lambda fault: fault.code == "totals_mismatch")
    canonical["lines"].append({**canonical["lines"][0], "quantity": Decimal(-1)})
    with pytest.raises(Hold) as caught:
        check_order(canonical, lambda fault: fault.code == "totals_mismatch")
    assert caught.value.code == "quantity"


@pytest.mark.parametrize("customer", [None, {}, {"id": None, "email": "", "name": "Ada Lovelace"}])
def test_an_order_without_customer_is_rejected(customer: Any) -> None:
    with pytest.raises(Reject) as caught:
        check_order(CLARITY(order({"customer": customer})))
    assert caught.value.reason == "the order has no customer: neither customer.id nor customer.email is given"
    assert caught.value.hint == "Give the order a customer or an e-mail address in Clarity. {again}"


def test_a_cancellation_is_not_kept_by_its_sums() -> None:
    check_order(CLARITY(order({"status": "cancelled", "totals.grandTotal": "1.00", "payments": []})))


def test_a_refunded_order_is_not_held_by_its_payments() -> None:
    check_order(CLARITY(order({"paymentStatus": "partially_refunded", "payments.0.amount": "15.00"})))


REFUND = {"id": "r1", "amount": "5.00", "status": "completed"}


@pytest.mark.parametrize("word", ["paid", "partially_refunded", "returned", None])
@pytest.mark.parametrize(
    "changes",
    [
        {"payments.0.amount": "25.00"},  # the total is what is left: captured - refunded + due
        {},  # the total is what was ordered, and more went back than was taken off it
        {"payments.0.amount": 25, "refunds.0.amount": -5},
        {"payments.0.amount": "25.00", "payments.0.status": "partially_refunded"},
        {"payments.0.amount": "25.00", "refunds": [REFUND, REFUND | {"id": "r2", "status": "failed"}]},
    ],
)
def test_refunds_count_whatever_the_word(changes: dict[str, Any], word: str | None) -> None:
    check_order(CLARITY(order({"refunds": [dict(REFUND)], "paymentStatus": word, **changes})))


def test_refunds_that_do_not_add_up_are_held() -> None:
    with pytest.raises(Hold) as caught:
        check_order(CLARITY(order({"refunds": [REFUND], "payments.0.amount": "26.00"})))
    assert caught.value.reason == (
        "totals do not add up: captured payments 26.00 - refunds 5.00 + balance due 8.00 makes 29.00 EUR, "
        "but totals.grand_total is 28.00"
    )


REMOVED = {**order()["lines"][0], "id": "2", "sku": "GONE", "quantity": 0, "lineTotal": 0}


def test_a_line_of_quantity_0_is_a_removed_line() -> None:
    event = {"data": order({"lines": [*order()["lines"], REMOVED]})}
    for workflow in WORKFLOWS:
        made = workflow.translate(event, {workflow.target})
        check_order(made.canonical)
        assert [line["id"] for line in made.canonical["lines"]] == ["1", "2"]
        assert [line["id"] for line in carried(made.part, Decimal(0))["lines"]] == ["1"]
        assert "GONE" not in str(made.target)


def test_a_removed_line_comes_to_nothing() -> None:
    with pytest.raises(Hold) as caught:
        check_order(CLARITY(order({"lines": [*order()["lines"], {**REMOVED, "lineTotal": "3.00"}]})))
    assert caught.value.reason == (
        "totals do not add up: line 2: quantity 0, a removed line, makes 0.00 EUR, but the line's total (GONE) is 3.00"
    )


@pytest.mark.parametrize(
    ("price", "total"),
    [
        ("9.999999999999998", "18.00"),
        (Decimal("10.000000000000002"), "18.00"),
        ("10.0012345678", "18.00"),
        ("9.9976543210987", "18.00"),
        (10, Decimal("17.999999999999996")),
    ],
)
def test_the_noise_of_floats_is_no_error(price: Any, total: Any) -> None:
    changes = {
        "lines.0.unitPrice": price,
        "lines.0.lineTotal": total,
        "lines.0.quantity": Decimal("2.0000000000000004"),
    }
    event = {"data": order({**changes, "lines.0.taxes.0.rate": Decimal("0.20000000000000001")})}
    for workflow in WORKFLOWS:
        made = workflow.translate(event, {workflow.target})
        check_order(made.canonical)
        assert made.target["lines"][0]["total"] == Decimal("18.00")


def test_codes_of_digits_may_come_as_numbers() -> None:
    given = order({"lines.0.sku": 1001, "billingAddress.postalCode": 50667, "billingAddress.phone": 492211234})
    canonical = CLARITY(given | {"purchaseOrderNumber": 4711, "number": 1001})
    assert canonical["lines"][0]["sku"] == "1001"
    assert canonical["billing_address"]["postal_code"] == "50667"
    assert (canonical["purchase_order_number"], canonical["number"]) == ("4711", "1001")


def test_five_thousand_lines_take_no_time() -> None:
    line = order()["lines"][0] | {"quantity": "1", "unitPrice": "1.00", "discounts": [], "lineTotal": "1.00"}
    line |= {"taxes": [{"code": "VAT20", "rate": "0.20", "amount": "0.20"}], "customAttributes": {"text": "x" * 850}}
    lines = [{**line, "id": str(number), "sku": f"SKU-{number}"} for number in range(5000)]
    totals = {"subtotal": "5000.00", "tax": "1001.00", "grandTotal": "6006.40", "balanceDue": "5986.40"}
    changes = {f"totals.{name}": amount for name, amount in totals.items()}
    raw = freeze({"type": "order.created", "data": order({"lines": lines, **changes})})
    assert len(raw) > 5 * 1024 * 1024
    for workflow in WORKFLOWS:
        started = time.process_time()
        made = workflow.translate(parse_json(raw), {workflow.target})
        check_order(made.canonical)
        digest(made.target)
        assert time.process_time() - started < 4
        assert len(made.target["lines"]) >= 5000


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
        ("lines.0.quantity", "1.0000001", "lines.0.quantity: more than 6 decimals"),
        ("lines.0.lineTotal", Decimal("0.1000001"), "lines.0.lineTotal: more than 6 decimals"),
        ("totals.grandTotal", "1000000000000", "totals.grandTotal: not below 10^12"),
        ("totals.grandTotal", 10**39, "totals.grandTotal: not below 10^12"),
        ("lines.0.customAttributes", {"a": [{"b": "x\x00"}]}, f"lines.0.customAttributes: {UNTRANSPORTABLE}"),
        ("customAttributes", {"x\ud800": 1}, f"customAttributes: {UNTRANSPORTABLE}"),
        ("totals", None, "totals: missing"),
        ("id", "", "id: missing"),
        ("version", "3", "version: Not a valid integer"),
        ("version", 2**63, "version: not a whole number from 0 to 2^63 - 1"),
        ("taxIncluded", None, "taxIncluded: missing"),
        ("placedAt", "2026-11-20T10:15:29", "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", "Fri, 20 Nov 2026 10:15:29 +0000", "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", 1795169729, "placedAt: not an RFC 3339 time with a zone"),
        ("placedAt", "0001-01-01T00:00:00+14:00", "placedAt: not an RFC 3339 time with a zone"),
        ("customer.name", "A\x00B", f"customer.name: {UNTRANSPORTABLE}"),
        ("notes", "x\ud800", f"notes: {UNTRANSPORTABLE}"),
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
