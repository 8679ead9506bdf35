"""What an Odoo shows of credit notes, and of what it undoes: the sandbox's, and a real one with ``--live``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Change, Parent
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop, Target


class Books(Staff):
    """Takes back what was billed, as Odoo's screens do."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._books = target

    def allow(self, invoice: int, amount: float, **values: Any) -> int:
        """A credit note by hand, of no line of any order."""
        partner = self._books.one("account.move", invoice, "partner_id")["partner_id"]
        line = {"name": "Sorry", "quantity": 1, "price_unit": amount, "tax_ids": [[6, 0, []]]}
        note = self._books.create(
            "account.move",
            **{"move_type": "out_refund", "partner_id": partner, "reversed_entry_id": invoice},
            **{"invoice_line_ids": [[0, 0, line]], **values},
        )
        self.post(note)
        return note

    def take_payments_back(self, invoice: int) -> None:
        field = "invoice_payments_widget"
        for each in self._books.one("account.move", invoice, field)[field]["content"]:
            self._books.owner("account.move", "js_remove_outstanding_partial", [invoice], partial_id=each["partial_id"])

    def reset(self, invoice: int) -> None:
        self._books.owner("account.move", "button_draft", [invoice])

    def seen(self, *orders: str | None) -> dict[tuple[str, str], Change]:
        """What one run of the stream of refunds reads of these orders, by type and id."""
        return {(change.type, change.id): change for change in self.reported("refunds", *orders)}


@pytest.fixture
def staff(target: Target) -> Books:
    return Books(target)


def billed(shop: Shop, staff: Books) -> tuple[str, int]:
    """Five at ten each, shipped and billed."""
    order = shop.send(shop.order(shop.line("1", "5", "10"), total="50.00"), shop.new_work()).theirs
    assert order
    staff.ship(order)
    return order, staff.bill(order)


def of_invoice(change: Change) -> dict[str, Any]:
    names = ("payment_state", "total", "residual", "credited", "paid", "order_invoiced", "order_credited")
    shown = {name: change.document.get(name) for name in (*names, "order_complete")}
    return {name: str(value.normalize()) if isinstance(value, Decimal) else value for name, value in shown.items()}


def test_a_credit_note_is_reported_once_it_is_posted(shop: Shop, staff: Books) -> None:
    document = shop.order(shop.line("1", "5", "10"), total="50.00")
    posted = shop.send(document)
    staff.ship(posted.theirs)
    invoice = staff.bill(posted.theirs)
    note = staff.credit(invoice, quantity=1, post=False, reason="broken")
    assert staff.seen(posted.theirs) == {}
    staff.post(note)
    change = staff.seen(posted.theirs)["refund.changed", str(note)]
    present = shop.target.one("account.move", note, "name", "invoice_date", "ref")
    [line] = change.document.pop("lines")
    assert (line["kind"], line["quantity"], line["amount"]) == ("line", 1, 10)
    assert line["key"].startswith("order_line__")
    assert change == Change(
        type="refund.changed",
        id=str(note),
        at=change.at,
        number=present["name"],
        parent=Parent("order", posted.theirs or "", document["key"]),
        document={
            "id": note,
            "name": present["name"],
            "state": "posted",
            "date": present["invoice_date"],
            "reason": present["ref"],
            "currency": shop.target.currency,
            "total": 10,
            "tax": 0,
            "certain": True,
            "invoice": str(invoice),
            "invoice_payment_state": "partial",
            "sale": posted.number,
            "order_invoiced": 50,
            "order_credited": 10,
        },
    )


def test_a_partial_credit_note_is_no_part_payment(shop: Shop, staff: Books) -> None:
    order, invoice = billed(shop, staff)
    staff.credit(invoice, quantity=1)
    change = staff.seen(order)["invoice.changed", str(invoice)]
    sums = {"total": "5E+1", "credited": "1E+1", "order_invoiced": "5E+1", "order_credited": "1E+1"}
    complete = {"order_complete": True}
    assert of_invoice(change) == {"payment_state": "partial", "residual": "4E+1", "paid": "0", **sums, **complete}
    staff.receive(invoice)
    [change] = staff.reported("invoices", order)
    assert of_invoice(change) == {"payment_state": "paid", "residual": "0", "paid": "4E+1", **sums, **complete}


def test_a_full_credit_note_before_payment_makes_the_invoice_void_and_counts_for_nothing(
    shop: Shop, staff: Books
) -> None:
    order, first = billed(shop, staff)
    part, rest = staff.credit(first, quantity=2), staff.credit(first, quantity=3)
    seen = staff.seen(order)
    assert of_invoice(seen["invoice.changed", str(first)])["payment_state"] == "reversed"
    for note in (part, rest):
        document = seen["refund.changed", str(note)].document
        assert (document["invoice_payment_state"], document["order_credited"]) == ("reversed", 0)
    second = staff.bill(order)
    shown = of_invoice({change.id: change for change in staff.reported("invoices", order)}[str(second)])
    assert (shown["order_invoiced"], shown["order_credited"], shown["order_complete"]) == ("5E+1", None, True)


def test_after_a_credit_note_of_a_paid_invoice_and_a_new_one_the_sums_are_those_of_the_order(
    shop: Shop, staff: Books
) -> None:
    order, first = billed(shop, staff)
    staff.receive(first)
    note = staff.credit(first)
    seen = staff.seen(order)
    assert seen["refund.changed", str(note)].document["invoice_payment_state"] == "paid"
    shown = of_invoice(seen["invoice.changed", str(first)])
    assert (shown["order_invoiced"], shown["order_credited"], shown["order_complete"]) == ("5E+1", "5E+1", True)
    assert (shown["payment_state"], shown["credited"]) == ("paid", None), "it was paid, and that is to be paid back"
    second = staff.bill(order)
    shown = of_invoice({change.id: change for change in staff.reported("invoices", order)}[str(second)])
    assert (shown["order_invoiced"], shown["order_credited"], shown["order_complete"]) == ("1E+2", "5E+1", True)


def test_an_allowance_made_by_hand_is_an_amount_of_the_order_whose_invoice_it_names(shop: Shop, staff: Books) -> None:
    order, invoice = billed(shop, staff)
    note = staff.allow(invoice, 7)
    document = staff.seen(order)["refund.changed", str(note)].document
    assert document["lines"] == [{"key": None, "kind": "other", "quantity": 0, "amount": 7}]
    assert (document["certain"], document["total"], document["order_credited"]) == (True, 7, 7)


def test_an_allowance_on_an_invoice_of_two_orders_is_of_nobody(shop: Shop, staff: Books) -> None:
    document = shop.order(shop.line("1", "5", "10"), total="50.00")
    one = shop.send(document, shop.new_work()).theirs
    other = shop.order(shop.line("1", "1", "10"), total="10.00", partner=document["partner"])
    two = shop.send(other, shop.new_work()).theirs
    staff.ship(one)
    staff.ship(two)
    note = staff.allow(staff.bill(one, two), 7)
    seen = staff.seen(one, two)
    for order in (one, two):
        assert seen["refund.changed", f"{note}/{order}"].document["certain"] is False


def test_a_credit_note_that_is_a_draft_again_or_cancelled_is_reported(shop: Shop, staff: Books) -> None:
    order, invoice = billed(shop, staff)
    note = staff.credit(invoice, quantity=1)
    staff.reset(note)
    assert staff.seen(order)["refund.changed", str(note)].document["state"] == "draft"
    staff.cancel(note, posted=False)
    seen = staff.seen(order)
    assert seen["refund.changed", str(note)].document["state"] == "cancel"
    assert of_invoice(seen["invoice.changed", str(invoice)])["residual"] == "5E+1"


def test_an_invoice_that_is_a_draft_again_is_reported(shop: Shop, staff: Books) -> None:
    order, invoice = billed(shop, staff)
    staff.reset(invoice)
    [change] = staff.reported("invoices", order)
    assert (change.document["state"], change.document["issued"]) == ("draft", True)
    staff.post(invoice)
    [change] = staff.reported("invoices", order)
    assert (change.document["state"], "issued" in change.document) == ("posted", False)


def test_a_payment_that_is_taken_back_is_reported(shop: Shop, staff: Books) -> None:
    order, invoice = billed(shop, staff)
    staff.receive(invoice)
    staff.take_payments_back(invoice)
    [change] = staff.reported("invoices", order)
    assert (change.document["payment_state"], change.document["residual"]) == ("not_paid", 50)
