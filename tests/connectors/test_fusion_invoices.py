"""Whose the invoices are that a pod shows, and how much of each: what the Fusion connector makes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import responses

from integration.connectors.contract import Change
from integration.errors import Throttled
from tests.connectors.fusion_answers import INVOICES, KEY, ORDER, adf, ask, connector, detail, line, order, rows

LINES = "receivablesInvoiceLines"


def billed(*numbers: str, quantity: int = 2, **changes: Any) -> dict[str, Any]:
    bills = [
        {"TaskType": "Invoice", "BillingTransactionNumber": number, "Quantity": quantity, "StatusCode": "BILLED"}
        for number in numbers
    ]
    return line(detail(Quantity=2), *bills, **{"StatusCode": "BILLED", **changes})


def invoice(id: int, *lines: tuple[str | None, str], total: str, **changes: Any) -> dict[str, Any]:
    return {
        "CustomerTransactionId": id,
        "TransactionNumber": "70012",
        "BusinessUnit": "Example BU",
        "InvoiceCurrencyCode": "EUR",
        "EnteredAmount": float(total),
        "InvoiceBalanceAmount": float(total),
        "InvoiceStatus": "Complete",
        LINES: rows(*[{"SalesOrder": order, "LineAmount": float(amount)} for order, amount in lines]),
        **changes,
    }


def invoices(
    *shown: dict[str, Any], lines: tuple[dict[str, Any], ...] = (billed("70012"),), **options: str
) -> list[Change]:
    """The invoices that are read of an order with these lines, where the pod shows these by number."""
    fusion = connector(**options)
    responses.get(ORDER, json=order(*lines))
    responses.get(INVOICES, json=rows(*shown))
    return [change for change in ask(fusion).changes if change.type == "invoice.changed"]


def amounts(change: Change) -> list[Any]:
    names = ("EnteredAmount", "InvoiceBalanceAmount", "order_invoiced", "order_complete")
    return [change.document[name] for name in names]


@responses.activate
def test_an_invoice_of_several_orders_is_shared_by_their_lines_and_taxes() -> None:
    both = [("410045", "10"), ("410046", "10"), (None, "3")]
    with_taxes = [
        {"SalesOrder": "410045", "LineAmount": 10, "receivablesInvoiceLineTaxLines": rows({"TaxAmount": 2})},
        {"SalesOrder": "410046", "LineAmount": 10, "receivablesInvoiceLineTaxLines": rows({"TaxAmount": 1})},
        {"SalesOrder": None, "LineAmount": 3},
    ]
    responses.get(f"{INVOICES}/7/child/{LINES}", json=rows(*with_taxes))
    [change] = invoices(invoice(7, *both, total="26", InvoiceBalanceAmount=13))
    assert (change.id, amounts(change)) == (f"7/{KEY}", [Decimal("13.57"), Decimal("6.78"), Decimal("13.57"), True])


@responses.activate
@pytest.mark.parametrize("answer", [adf(400, ("No such child.", "27520", "")), adf(404), adf(403)])
def test_taxes_that_are_not_shown_are_shared_by_the_lines(answer: dict[str, Any]) -> None:
    responses.get(f"{INVOICES}/7/child/{LINES}", **answer)
    [change] = invoices(invoice(7, ("410045", "10"), ("410046", "30"), total="44"))
    assert amounts(change)[0] == 11


@responses.activate
def test_taxes_that_are_included_need_not_be_asked_for() -> None:
    [change] = invoices(invoice(7, ("410045", "10"), ("410046", "30"), total="40"))
    assert amounts(change)[0] == 10


@responses.activate
def test_a_share_that_the_lines_do_not_show_is_not_guessed() -> None:
    responses.get(f"{INVOICES}/7/child/{LINES}", json=rows())
    [change] = invoices(invoice(7, ("410045", "0"), ("410046", "0"), total="40"))
    assert amounts(change) == [None, None, 0, False]


@responses.activate
def test_of_namesakes_the_one_that_names_the_order_is_ours() -> None:
    other = invoice(8, ("999", "5"), total="5")
    [change] = invoices(other, invoice(7, ("410045", "5"), total="5"), invoice(9, total="5"))
    assert change.id == "7"


@responses.activate
def test_an_invoice_without_order_numbers_is_ours_if_it_has_no_namesake(capsys: pytest.CaptureFixture[str]) -> None:
    assert [change.id for change in invoices(invoice(7, (None, "5"), total="5"))] == ["7"]
    responses.reset()
    assert invoices(invoice(7, (None, "5"), total="5"), invoice(8, total="5")) == []
    assert "poll.invoice_skipped" in capsys.readouterr().out


@responses.activate
@pytest.mark.parametrize(
    ("lines", "status", "complete"),
    [
        ((billed("70012"),), "Complete", True),
        ((billed("70012"),), "Frozen", True),
        ((billed("70012"),), "Incomplete", False),
        ((billed("70012", StatusCode="CLOSED"), line(StatusCode="CANCELED")), "Complete", True),
        ((billed("70012"), line(StatusCode="AWAIT_BILLING")), "Complete", False),
        ((billed("70012", StatusCode="XX_DONE"),), "Complete", True),
        ((billed("70012", StatusCode="XX_DONE", quantity=1),), "Complete", False),
        ((billed("70012", "70013"),), "Complete", False),
    ],
)
def test_an_order_is_complete_when_all_is_billed_and_made_out(
    lines: tuple[dict[str, Any], ...], status: str, complete: bool
) -> None:
    [change] = invoices(invoice(7, ("410045", "5"), total="5", InvoiceStatus=status), lines=lines)
    assert amounts(change)[2:] == [0 if status == "Incomplete" else 5, complete]


@responses.activate
def test_trouble_with_invoices_does_not_keep_shipments_but_a_busy_pod_does() -> None:
    fusion = connector()
    responses.get(ORDER, json=order(billed("70012")))
    responses.get(INVOICES, status=500, body="JBO-29000")
    assert {change.type for change in ask(fusion).changes} == {"shipment.changed"}
    responses.replace(responses.GET, INVOICES, status=429, body="")
    with pytest.raises(Throttled):
        ask(fusion)


@pytest.mark.parametrize(("options", "rounding"), [({}, "0.03"), ({"rounding": "hold"}, "0")])
@responses.activate
def test_several_invoices_may_differ_from_the_order_by_their_own_rounding(
    options: dict[str, str], rounding: str
) -> None:
    """Three lines of two invoices, each with its tax, are six roundings."""
    first = invoice(7, ("410045", "5"), ("410046", "9"), ("410045", "2"), total="16")
    second = invoice(8, ("410045", "3"), total="3", TransactionNumber="70013")
    responses.get(f"{INVOICES}/7/child/{LINES}", json=rows())
    found = invoices(first, second, lines=(billed("70012", "70013"),), **options)
    assert [each.document["order_rounding"] for each in found] == [Decimal(rounding)] * 2
    assert sum(each.document["EnteredAmount"] for each in found) == found[0].document["order_invoiced"]


@responses.activate
def test_one_invoice_comes_to_the_order_exactly() -> None:
    [change] = invoices(invoice(7, ("410045", "5"), ("410045", "2"), total="7"))
    assert change.document["order_rounding"] == 0
