"""A credit note on its way back: from Odoo's document to Clarity's, and held unless it is certain as money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from integration.canonical.credited_lines import credited
from integration.canonical.invoice import check_invoice
from integration.canonical.refund import check_refund
from integration.errors import Hold, Skip
from integration.rules.workflow import Workflow, load_definitions
from mappings import FOLDER

WORKFLOWS: dict[str, Workflow] = {each.name: each for each in load_definitions(FOLDER).workflows}


def given(mapping: str, sample: str, **changes: Any) -> dict[str, Any]:
    found = json.loads((FOLDER / "samples" / mapping / f"{sample}.json").read_text())["given"]
    return {"id": "1", "type": "any.changed", "data": {**found, **changes}}


def refund(sample: str = "partial", **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    canonical, _, document = WORKFLOWS["odoo-refund-to-clarity"].translate(given("odoo.in.refund", sample, **changes))
    return canonical, document


@pytest.mark.parametrize(("sample", "status"), [("credited", "open"), ("credited_and_paid", "paid")])
def test_an_invoice_that_a_credit_note_has_lowered_is_open_and_then_paid(sample: str, status: str) -> None:
    canonical, _, document = WORKFLOWS["odoo-invoice-to-clarity"].translate(given("odoo.in.invoice", sample))
    check_invoice(canonical)
    assert document["status"] == status


@pytest.mark.parametrize(
    ("invoiced", "credited_of_it", "complete", "fits"),
    [
        ("118", "18", True, True),  # a lower price
        ("236", "118", True, True),  # a credit note and a new invoice
        ("236", "100", True, False),
        ("100", "18", True, False),
        ("100", "18", False, True),
    ],
)
def test_the_order_lies_between_its_invoices_and_what_is_left_of_them(
    invoiced: str, credited_of_it: str, complete: bool, fits: bool
) -> None:
    sums = {"order_invoiced": invoiced, "order_credited": credited_of_it, "order_complete": complete}
    canonical, *_ = WORKFLOWS["odoo-invoice-to-clarity"].translate(given("odoo.in.invoice", "open", **sums))
    if fits:
        check_invoice(canonical)
    else:
        with pytest.raises(Hold, match="less .* credited") as held:
            check_invoice(canonical)
        assert held.value.code == "invoices_differ"


def test_a_credit_note_is_sent_with_its_lines_and_the_rest_as_amounts() -> None:
    canonical, document = refund()
    check_refund(canonical)
    assert document["body"]["lines"] == [{"orderLineId": "1", "quantity": 1, "amount": 10}]
    assert document["body"]["adjustments"] == [{"kind": "shipping", "amount": Decimal("3.50")}]
    assert canonical["invoice_id"] == "odoo-1/12"


@pytest.mark.parametrize(("sample", "status"), [("reversed", "void"), ("void", "void"), ("withdrawn", "withdrawn")])
def test_one_that_does_not_count_waits_for_no_invoice_and_passes(sample: str, status: str) -> None:
    canonical, _ = refund(sample, total="0.001")
    check_refund(canonical)
    assert (canonical["status"], canonical["invoice_id"]) == (status, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certain": False}, "refund_unassigned"),
        ({"total": "14.00"}, "amount"),
        ({"currency": "USD"}, "currency_differs"),
        ({"order_credited": "60.01"}, "refunds_differ"),
    ],
)
def test_what_is_not_certain_is_held_once(changes: dict[str, Any], code: str) -> None:
    canonical, _ = refund(**changes)
    with pytest.raises(Hold) as held:
        check_refund(canonical)
    assert held.value.code == code


def test_a_refund_that_clarity_has_made_itself_does_not_come_back() -> None:
    with pytest.raises(Skip, match="Clarity has made this refund itself"):
        refund(object_id="rf-7")


def test_rows_of_one_line_are_added_up_and_those_of_no_line_keep_their_kind() -> None:
    rows = [
        {"key": "a", "kind": "line", "quantity": Decimal(1), "amount": Decimal(10)},
        {"key": "gone", "kind": "line", "quantity": Decimal(1), "amount": Decimal(2)},
        {"key": "a", "kind": "line", "quantity": Decimal(2), "amount": Decimal(20)},
        {"key": "a", "kind": "line", "quantity": Decimal(0), "amount": Decimal(3)},
    ]
    found = credited(rows, [{"id": "1", "sku": "S", "keys": ["a"]}])
    assert [(row["order_line_id"], row["kind"], row["quantity"], row["amount"]) for row in found] == [
        ("1", "line", 3, 30),
        (None, "other", 0, 5),
    ]
