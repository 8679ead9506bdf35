"""An invoice on its way back: from an ERP's document to Clarity's, and held unless it fits the order to the cent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.canonical import load
from integration.canonical.hints import fill
from integration.canonical.invoice import check_invoice
from integration.errors import Hold, Reject, Skip
from integration.rules.workflow import Workflow, load_definitions
from mappings import FOLDER

WORKFLOWS: dict[str, Workflow] = {each.name: each for each in load_definitions(FOLDER).workflows}
INVOICE: dict[str, Any] = {
    "id": "odoo-1/12",
    "order_id": "1001",
    "source": "odoo-1",
    "status": "open",
    "currency": "EUR",
    "total": "118.00",
    "tax": "18.84",
    "balance": "118.00",
    "order_invoiced": "118.00",
    "order_complete": True,
    "order_amount": "118.00",
    "order_currency": "EUR",
}
PART = {"total": "39.33", "balance": "39.33", "order_invoiced": "39.33", "order_complete": False}
YEN = {"currency": "JPY", "order_currency": "JPY"}


def given(mapping: str, sample: str) -> dict[str, Any]:
    found = json.loads((FOLDER / "samples" / mapping / f"{sample}.json").read_text())["given"]
    return {"id": "1", "type": "invoice.changed", "data": found}


@pytest.mark.parametrize("erp", ["odoo", "fusion"])
@pytest.mark.parametrize(
    ("sample", "status"),
    [("open", "open"), ("partially_paid", "partially_paid"), ("paid", "paid"), ("partial_delivery", "open")],
)
def test_what_an_erp_bills_is_shown_in_clarity(erp: str, sample: str, status: str) -> None:
    canonical, _, document = WORKFLOWS[f"{erp}-invoice-to-clarity"].translate(given(f"{erp}.in.invoice", sample))
    check_invoice(canonical)
    assert (document["order_id"], document["status"]) == ("1001", status)
    assert document["body"]["externalRef"] == canonical["id"]
    assert document["body"]["balance"] == canonical["balance"]


@pytest.mark.parametrize("sample", ["reversed", "void"])
def test_that_an_invoice_is_void_arrives(sample: str) -> None:
    canonical, _, document = WORKFLOWS["odoo-invoice-to-clarity"].translate(given("odoo.in.invoice", sample))
    check_invoice(canonical)
    assert document["status"] == "void"


@pytest.mark.parametrize(("erp", "name"), [("odoo", "Odoo"), ("fusion", "Fusion")])
def test_a_draft_is_not_shown(erp: str, name: str) -> None:
    with pytest.raises(Skip, match=f"the invoice is a draft in {name}"):
        WORKFLOWS[f"{erp}-invoice-to-clarity"].translate(given(f"{erp}.in.invoice", "draft"))


def test_invoices_that_do_not_come_to_the_order_are_held() -> None:
    canonical, *_ = WORKFLOWS["odoo-invoice-to-clarity"].translate(given("odoo.in.invoice", "sum_differs"))
    with pytest.raises(Hold) as caught:
        check_invoice(canonical)
    assert caught.value.reason == "the invoices of the order come to 120.00 EUR, the order to 118.00 EUR"
    assert caught.value.code == "invoices_differ"
    assert fill(caught.value.hint, "invoice", "odoo") == (
        "See which line is billed otherwise than ordered, and correct its invoice in the ERP by a credit note and a "
        "new one; or enter in Clarity by hand what was agreed. "
        "The invoice is read again as soon as it changes in Odoo."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        PART,
        PART | {"order_invoiced": "118.00"},
        {"order_invoiced": "118.0000"},
        {"order_invoiced": "117.98", "order_rounding": "0.02"},
        PART | {"order_invoiced": "118.02", "order_rounding": "0.02"},
        {"tax": None, "balance": "0"},
        {"balance": "-0.01", "status": "paid"},
        YEN | {"total": "118", "tax": "9", "balance": "118", "order_invoiced": "118", "order_amount": "118"},
        {"total": "0", "tax": "0", "balance": "0", "order_invoiced": "0", "order_amount": "0", "status": "paid"},
        {"status": "void", "order_invoiced": "300.00", "total": "-1.00", "tax": "0.001"},
    ],
)
def test_an_invoice_that_fits_the_order_passes(changes: dict[str, Any]) -> None:
    check_invoice(load("invoice", INVOICE | changes))


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"status": "overdue"}, "unknown_status", "unknown invoice status 'overdue'"),
        ({"currency": "EURO"}, "unknown_currency", "unknown currency 'EURO': not an ISO 4217 code in use"),
        ({"currency": "USD"}, "currency_differs", "the invoice is in USD, the order in EUR"),
        ({"currency": "USD", "status": "void"}, "currency_differs", "the invoice is in USD, the order in EUR"),
        ({"balance": "0.001"}, "precision", "balance is 0.001, but EUR has 2 decimals"),
        (YEN, "precision", "tax is 18.84, but JPY has no decimals"),
        ({"total": "-118.00"}, "negative_total", "the invoice's total -118.00 is below zero"),
        (
            {"order_invoiced": "117.99"},
            "invoices_differ",
            "the invoices of the order come to 117.99 EUR, the order to 118.00 EUR",
        ),
        (
            {"order_invoiced": "117.97", "order_rounding": "0.02"},
            "invoices_differ",
            "the invoices of the order come to 117.97 EUR, the order to 118.00 EUR",
        ),
        (
            PART | {"order_invoiced": "118.03", "order_rounding": "0.02"},
            "invoices_differ",
            "the invoices of the order come to 118.03 EUR, the order to 118.00 EUR",
        ),
        (
            PART | {"order_invoiced": "118.01"},
            "invoices_differ",
            "the invoices of the order come to 118.01 EUR, the order to 118.00 EUR",
        ),
    ],
)
def test_an_invoice_that_cannot_be_right_is_held(changes: dict[str, Any], code: str, reason: str) -> None:
    with pytest.raises(Hold) as caught:
        check_invoice(load("invoice", INVOICE | changes))
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert caught.value.hint


@pytest.mark.parametrize("day", ["21.11.2026", "2026-02-30", 20261121])
def test_a_day_that_is_none_is_refused(day: Any) -> None:
    with pytest.raises(Reject, match="not a valid invoice: issued_on: not a day like 2026-11-20"):
        load("invoice", INVOICE | {"issued_on": day})
