"""What an Odoo shows of invoices: the sandbox's, and a real one with ``--live``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Change, Parent
from integration.connectors.odoo import changed_rows
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import SandboxTarget, Shop, Target


@pytest.fixture
def staff(target: Target) -> Staff:
    return Staff(target)


def figures(change: Change) -> tuple[Any, ...]:
    """Payment state, total, residual, what the order's invoices come to, and whether these are all."""
    names = ("payment_state", "total", "residual", "order_invoiced", "order_complete")
    return tuple(change.document[name] for name in names)


def shipped_order(shop: Shop, staff: Staff, **changes: Any) -> str | None:
    order = shop.send(shop.two_lines(**changes), shop.new_work()).theirs
    staff.ship(order)
    return order


def test_an_invoice_is_reported_when_it_is_posted(shop: Shop, staff: Staff) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    staff.ship(posted.theirs)
    invoice = staff.draft(posted.theirs)
    assert staff.reported("invoices", posted.theirs) == []
    staff.post(invoice)
    [change] = staff.reported("invoices", posted.theirs)
    present = shop.target.one("account.move", invoice, "name", "invoice_date", "invoice_date_due")
    assert change == Change(
        type="invoice.changed",
        id=str(invoice),
        at=change.at,
        number=present["name"],
        parent=Parent("order", posted.theirs or "", document["key"]),
        document={
            "id": invoice,
            "name": present["name"],
            "state": "posted",
            "payment_state": "not_paid",
            "date": present["invoice_date"],
            "due": present["invoice_date_due"],
            "currency": shop.target.currency,
            "total": Decimal("68.49"),
            "tax": 0,
            "residual": Decimal("68.49"),
            "sale": posted.number,
            "order_invoiced": Decimal("68.49"),
            "order_complete": True,
            "order_rounding": 0,
        },
    )


def test_a_payment_is_a_change(shop: Shop, staff: Staff) -> None:
    order = shipped_order(shop, staff)
    invoice = staff.bill(order)
    staff.receive(invoice, amount=8.49)
    [change] = staff.reported("invoices", order)
    assert figures(change) == ("partial", Decimal("68.49"), 60, Decimal("68.49"), True)
    staff.receive(invoice)
    [change] = staff.reported("invoices", order)
    assert figures(change) == ("paid", Decimal("68.49"), 0, Decimal("68.49"), True)


def test_tax_is_reported(shop: Shop, staff: Staff) -> None:
    taxed = shop.line("1", "2", "50", taxes=[{"rate": shop.target.rate, "included": False}])
    total = 100 + Decimal(shop.target.rate)
    order = shop.send(shop.order(taxed, total=str(total))).theirs
    staff.ship(order)
    staff.bill(order)
    [change] = staff.reported("invoices", order)
    assert (change.document["total"], change.document["tax"]) == (total, Decimal(shop.target.rate))


def test_invoices_of_an_order_add_up_and_the_last_completes_it(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.order(shop.line("1", "3", "10"), total="30.00")).theirs
    staff.ship(order, 1)
    first = staff.draft(order)
    set_quantity(shop, first, 1)
    staff.post(first)
    [change] = staff.reported("invoices", order)
    assert figures(change) == ("not_paid", 10, 10, 10, False)
    second = staff.draft(order)
    [change] = staff.reported("invoices", order)
    assert figures(change) == ("not_paid", 10, 10, 10, False), "a draft waits"
    staff.post(second)
    reported = {change.id: change for change in staff.reported("invoices", order)}
    assert figures(reported[str(second)]) == ("not_paid", 20, 20, 30, True)


def set_quantity(shop: Shop, invoice: int, quantity: float) -> None:
    domain = [["move_id", "=", invoice], ["sale_line_ids", "!=", False]]
    [line] = shop.target.owner("account.move.line", "search_read", domain=domain, fields=["quantity"])
    change = {"invoice_line_ids": [[1, line["id"], {"quantity": quantity}]]}
    shop.target.owner("account.move", "write", [invoice], vals=change)


def test_each_order_has_its_share_of_an_invoice(shop: Shop, staff: Staff) -> None:
    document = shop.two_lines()
    one = shop.send(document, shop.new_work()).theirs
    taxed = shop.line("1", "1", "100", taxes=[{"rate": shop.target.rate, "included": False}])
    total = 100 + Decimal(shop.target.rate)
    two = shop.send(shop.order(taxed, total=str(total), partner=document["partner"]), shop.new_work()).theirs
    staff.ship(one)
    staff.ship(two)
    invoice = staff.bill(one, two)
    staff.receive(invoice, amount=float((Decimal("68.49") + total) / 2))
    reported = {change.parent.theirs: change for change in staff.reported("invoices", one, two)}
    assert {change.id for change in reported.values()} == {f"{invoice}/{one}", f"{invoice}/{two}"}
    assert {change.document["id"] for change in reported.values()} == {invoice}
    for order, amount, tax in ((one, Decimal("68.49"), 0), (two, total, Decimal(shop.target.rate))):
        shown_invoice = reported[order or ""].document
        assert (shown_invoice["total"], shown_invoice["tax"], shown_invoice["order_invoiced"]) == (amount, tax, amount)
        assert abs(shown_invoice["residual"] - amount / 2) < Decimal("0.02")
        assert (shown_invoice["payment_state"], shown_invoice["order_complete"]) == ("partial", True)


def test_a_down_payment_is_part_of_what_is_billed(shop: Shop, staff: Staff) -> None:
    if isinstance(shop.target, SandboxTarget):
        pytest.skip("the sandbox bills no down payments")
    order = shop.send(shop.order(shop.line("1", "10", "10"), total="100.00")).theirs
    first = staff.bill(order, method="percentage", amount=30)
    [change] = staff.reported("invoices", order)
    assert figures(change) == ("not_paid", 30, 30, 30, False)
    staff.ship(order)
    last = staff.bill(order)
    reported = {change.id: change for change in staff.reported("invoices", order)}
    assert figures(reported[str(last)]) == ("not_paid", 70, 70, 100, True)
    assert figures(reported[str(first)])[1:] == (30, 30, 100, True)


def test_what_was_reversed_does_not_count(shop: Shop, staff: Staff) -> None:
    order = shipped_order(shop, staff)
    first = staff.bill(order)
    staff.reverse(first)
    [change] = staff.reported("invoices", order)
    assert (change.id, figures(change)) == (str(first), ("reversed", Decimal("68.49"), 0, 0, False))
    second = staff.bill(order)
    reported = {change.id: change for change in staff.reported("invoices", order)}
    assert figures(reported[str(second)]) == ("not_paid", Decimal("68.49"), Decimal("68.49"), Decimal("68.49"), True)


def test_a_cancelled_invoice_is_reported_if_it_had_a_number(shop: Shop, staff: Staff) -> None:
    order = shipped_order(shop, staff)
    invoice = staff.bill(order)
    staff.cancel(invoice)
    [change] = staff.reported("invoices", order)
    assert (change.id, change.document["state"]) == (str(invoice), "cancel")
    assert change.number == change.document["name"] == shop.target.one("account.move", invoice, "name")["name"]
    assert (change.document["order_invoiced"], change.document["order_complete"]) == (0, False)
    staff.cancel(staff.draft(order), posted=False)
    assert [change.id for change in staff.reported("invoices", order)] == [str(invoice)]


def test_each_invoice_is_read_once_whatever_the_page(shop: Shop, staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    invoices = [staff.bill(shipped_order(shop, staff)) for _ in range(3)]
    monkeypatch.setattr(changed_rows, "PAGE", 2)
    reported = [change.id for page in staff.pages("invoices") for change in page.changes]
    assert sorted(id for id in reported if int(id.partition("/")[0]) in invoices) == sorted(map(str, invoices))


def test_a_page_takes_a_handful_of_calls(shop: Shop, staff: Staff) -> None:
    orders = [shipped_order(shop, staff) for _ in range(2)]
    for order in orders:
        staff.bill(order)
    connector = shop.target.connector()
    connector.whoami()
    shop.target.calls = 0
    page = connector.changes("invoices", staff.since, None, list)
    assert {change.parent.theirs for change in page.changes} >= set(orders)
    assert page.next is None
    assert shop.target.calls <= 8
