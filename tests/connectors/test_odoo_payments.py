"""A payment of Clarity at Odoo: posted once, set off against the invoices of its order, never beyond what is left.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Failure, Needs, Skip
from tests.connectors.bench_documents import odoo_payment, payment_of
from tests.connectors.contract_suite import LosesAnswer
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop, held, unique
from tests.connectors.work import LossyWork, MemoryWork

STATE = ("state", "move_id", "is_reconciled", "amount", "partner_id")


def post(shop: Shop, document: Document, work: MemoryWork | None = None) -> Posted:
    work = work or shop.new_work()
    posted = shop.connector.post("payment", document, work)
    if posted.theirs:
        work.remember("payment", document["key"], posted.theirs)
    return posted


def ordered(shop: Shop) -> tuple[Document, str]:
    """An order of 68.49 that is posted, and Odoo's id of it."""
    order = shop.two_lines()
    work = shop.new_work()
    theirs = shop.send(order, work).theirs
    assert theirs
    work.remember("order", order["key"], theirs)
    return order, theirs


def payments(shop: Shop, document: Document) -> list[dict[str, Any]]:
    domain = [["memo", "=", document["memo"]]]
    found = shop.target.owner("account.payment", "search_read", domain=domain, fields=list(STATE), order="id")
    return list(found)


def invoice(shop: Shop, id: int) -> tuple[str, Decimal]:
    row = shop.target.one("account.move", id, "payment_state", "amount_residual")
    return row["payment_state"], Decimal(row["amount_residual"])


def test_a_payment_before_the_invoice_waits_as_a_credit_and_pays_it_later(shop: Shop) -> None:
    order, theirs = ordered(shop)
    document = payment_of(shop, order)
    post(shop, document)
    [paid] = payments(shop, document)
    assert (paid["state"], paid["is_reconciled"], bool(paid["move_id"])) == ("in_process", False, True)
    billed = Staff(shop.target).bill(theirs)
    assert invoice(shop, billed) == ("not_paid", Decimal("68.49"))
    post(shop, document)
    assert invoice(shop, billed) == ("paid", Decimal(0))
    assert [row["is_reconciled"] for row in payments(shop, document)] == [True]


def test_several_payments_pay_an_invoice_and_never_more_than_is_left(shop: Shop) -> None:
    order, theirs = ordered(shop)
    billed = Staff(shop.target).bill(theirs)
    first, second = payment_of(shop, order, "20"), payment_of(shop, order, "48.49")
    post(shop, first)
    assert invoice(shop, billed) == ("partial", Decimal("48.49"))
    Staff(shop.target).receive(billed, amount=40.0)  # a person has registered most of the rest
    post(shop, second)
    assert invoice(shop, billed) == ("paid", Decimal(0))
    assert [row["is_reconciled"] for row in payments(shop, first)] == [True, False], "40 stay as a credit"
    work = shop.new_work()
    post(shop, second, work)
    assert work.tries == [], "what is settled is left alone"


def test_more_than_the_order_comes_to_is_held_until_a_person_lets_it_pass(shop: Shop) -> None:
    order, _ = ordered(shop)
    post(shop, payment_of(shop, order, "60"))
    document = payment_of(shop, order, "8.50")
    assert held(lambda: post(shop, document)).code == "overpaid"
    work = shop.new_work()
    work.accepted.add("overpaid")
    post(shop, document, work)
    assert [row["amount"] for row in payments(shop, document)] == [60, Decimal("8.5")]


@pytest.mark.parametrize("nth", range(3), ids=["load", "post", "match"])
def test_a_lost_answer_is_one_payment(shop: Shop, nth: int) -> None:
    order, theirs = ordered(shop)
    billed = Staff(shop.target).bill(theirs)
    document, work = payment_of(shop, order), LosesAnswer(shop.crossrefs, nth)
    with pytest.raises(Failure, match="the connection broke"):
        post(shop, document, work)
    post(shop, document, work)
    [paid] = payments(shop, document)
    assert (paid["state"], bool(paid["move_id"]), invoice(shop, billed)) == ("paid", True, ("paid", Decimal(0)))


def test_a_draft_that_was_loaded_twice_is_made_anew_with_its_entry(shop: Shop) -> None:
    """Odoo 19 takes the outstanding account from it, and would post it without a journal entry."""
    document = odoo_payment(shop)
    work = LossyWork("payment.load", shop.crossrefs)
    with pytest.raises(Failure, match="the connection broke"):
        post(shop, document, work)
    [draft] = payments(shop, document)
    [journal] = shop.target.owner("account.journal", "search", domain=[["name", "=", "Bank"]], limit=1)
    shop.target.owner("account.payment", "write", [draft["id"]], vals={"journal_id": journal})
    post(shop, document, work)
    [paid] = payments(shop, document)
    assert (paid["id"] != draft["id"], paid["state"], bool(paid["move_id"])) == (True, "in_process", True)


def test_what_is_voided_is_cancelled_unless_it_has_paid_an_invoice(shop: Shop) -> None:
    order, theirs = ordered(shop)
    first, second = payment_of(shop, order, "20"), payment_of(shop, order, "30")
    assert post(shop, {**first, "status": "voided"}).theirs is None
    assert payments(shop, first) == []
    post(shop, first)
    for _ in range(2):
        post(shop, {**first, "status": "voided"})
    assert [row["state"] for row in payments(shop, first)] == ["canceled"]
    assert held(lambda: post(shop, first)).code == "cancelled_at_target"
    billed = Staff(shop.target).bill(theirs)
    post(shop, second)
    assert held(lambda: post(shop, {**second, "status": "failed"})).code == "payment_settled"
    assert held(lambda: post(shop, {**second, "status": "charged_back"})).code == "charged_back"
    assert invoice(shop, billed) == ("partial", Decimal("38.49"))


def test_what_is_not_posted_is_skipped_and_what_is_unclear_is_held(shop: Shop) -> None:
    order, _ = ordered(shop)
    document = payment_of(shop, order)
    with pytest.raises(Skip, match="not posted in Odoo"):
        post(shop, {**document, "journal": None})
    with pytest.raises(Needs):
        post(shop, {**document, "order": unique()})
    assert held(lambda: post(shop, {**document, "journal": unique()})).code == "not_found_at_target"
    assert held(lambda: post(shop, {**document, "currency": "ISK"})).code == "currency_differs"
    with pytest.raises(Failure, match="payment method"):
        post(shop, {**document, "journal": _sales(shop)})
    assert payments(shop, document) == []


def test_what_a_person_changed_or_deleted_is_held(shop: Shop) -> None:
    document = odoo_payment(shop, "20")
    id = int(str(post(shop, document).theirs))
    assert held(lambda: post(shop, {**document, "amount": Decimal(21)})).code == "posted_otherwise"
    shop.target.owner("account.payment", "action_cancel", [id])
    shop.target.owner("account.payment", "unlink", [id])
    assert held(lambda: post(shop, document)).code == "payment_gone"


def _sales(shop: Shop) -> str:
    domain = [["type", "=", "sale"]]
    rows = shop.target.owner("account.journal", "search_read", domain=domain, fields=["name"], limit=1)
    return str(rows[0]["name"])
