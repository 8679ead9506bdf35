"""Refunds at the sandbox's shop, by the Clarity connector over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.errors import Hold, Reject, Retry
from tests.connectors.test_clarity_fulfilment import counted, invoice, post, running, shop
from tests.connectors.work import Crossrefs, LossyWork, MemoryWork
from tests.sandbox.rig import Sandbox

__all__ = ["running", "shop"]
REF = "odoo-1/33"


def refund(order_id: str, status: str = "issued", **changes: Any) -> Document:
    body = {
        "externalRef": REF,
        "number": "RINV/2026/00001",
        "invoiceRef": "odoo-1/12",
        "currency": "EUR",
        "amount": Decimal("13.5"),
        "tax": Decimal(2),
        "reason": "broken",
        "issuedOn": "2026-11-24",
        "lines": [{"orderLineId": "1", "quantity": Decimal("1.0"), "amount": Decimal(10)}],
        "adjustments": [{"kind": "shipping", "amount": Decimal("3.5")}],
    }
    return {"order_id": order_id, "status": status, "body": body | changes}


def paid_order(shop: Sandbox) -> Document:
    """One whose invoice has come to all of it, and is paid."""
    order = shop.order()
    total = Decimal(order["totals"]["grandTotal"])
    post(shop, "invoice", invoice(order["id"], "paid", total=total, balance=Decimal(0)), MemoryWork())
    return order


def status_of(shop: Sandbox, order: Document) -> str:
    return str(shop.get(f"/orders/{order['id']}").json()["paymentStatus"])


def test_a_refund_is_made_once_and_its_order_refunded_in_part(shop: Sandbox) -> None:
    order, work = paid_order(shop), MemoryWork()
    theirs, number = post(shop, "refund", refund(order["id"]), work)
    assert number == "RINV/2026/00001"
    for later in (work, MemoryWork(work.crossrefs), MemoryWork()):
        assert post(shop, "refund", refund(order["id"]), later)[0] == theirs
    [present] = counted(shop, "refund", order["id"])
    assert (present["amount"], present["status"], present["lines"]) == ("13.50", "issued", {"1": "1"})
    assert (present["writes"], present["refused_duplicates"]) == (1, 0)
    assert status_of(shop, order) == "partially_refunded"


def test_an_order_of_which_all_is_taken_back_is_refunded(shop: Sandbox) -> None:
    order = paid_order(shop)
    whole = Decimal(order["totals"]["grandTotal"])
    rest = [{"kind": "other", "amount": whole}]
    post(shop, "refund", refund(order["id"], amount=whole, lines=[], adjustments=rest), MemoryWork())
    assert status_of(shop, order) == "refunded"


def test_no_more_is_refunded_than_was_billed(shop: Sandbox) -> None:
    order = paid_order(shop)
    much = Decimal(order["totals"]["grandTotal"]) + 1
    with pytest.raises(Reject):
        post(
            shop,
            "refund",
            refund(order["id"], amount=much, lines=[], adjustments=[{"kind": "other", "amount": much}]),
            MemoryWork(),
        )
    assert counted(shop, "refund", order["id"]) == []


@pytest.mark.parametrize("remembers", [True, False])
def test_a_refund_whose_answer_was_lost_is_not_sent_again(shop: Sandbox, remembers: bool) -> None:
    order, crossrefs = paid_order(shop), Crossrefs()
    work = LossyWork("refund.create", crossrefs)
    with pytest.raises(Retry):
        post(shop, "refund", refund(order["id"]), work)
    post(shop, "refund", refund(order["id"]), work if remembers else MemoryWork())
    [present] = counted(shop, "refund", order["id"])
    assert (present["writes"], present["refused_duplicates"]) == (1, 0)


def test_a_refund_that_does_not_count_any_more_becomes_void(shop: Sandbox) -> None:
    order, work = paid_order(shop), MemoryWork()
    assert post(shop, "refund", refund(order["id"], "void"), work) == (None, None)
    post(shop, "refund", refund(order["id"]), work)
    post(shop, "refund", refund(order["id"], "void", amount=Decimal(1)), work)
    [present] = counted(shop, "refund", order["id"])
    assert (present["status"], present["amount"], status_of(shop, order)) == ("void", "13.50", "paid")
    with pytest.raises(Hold, match="does not let the refund become issued") as held:
        post(shop, "refund", refund(order["id"]), MemoryWork(work.crossrefs))
    assert held.value.code == "no_way"


def test_a_refund_that_changed_after_it_was_issued_is_held(shop: Sandbox) -> None:
    order, work = paid_order(shop), MemoryWork()
    post(shop, "refund", refund(order["id"]), work)
    with pytest.raises(Hold, match="with another adjustments, amount") as held:
        more = [{"kind": "shipping", "amount": Decimal(4)}]
        post(shop, "refund", refund(order["id"], amount=Decimal(14), adjustments=more), work)
    assert held.value.code == "issued_otherwise"


@pytest.mark.parametrize("entity", ["invoice", "refund"])
def test_what_is_a_draft_again_is_held_only_where_clarity_shows_it_as_issued(shop: Sandbox, entity: str) -> None:
    order, work = paid_order(shop), MemoryWork()
    document = {"invoice": invoice, "refund": refund}[entity]
    other = document(order["id"], "withdrawn", externalRef="odoo-1/99")
    assert post(shop, entity, other, MemoryWork()) == (None, None)
    if entity == "refund":
        post(shop, entity, refund(order["id"]), work)
    with pytest.raises(Hold, match="is a draft again in the ERP") as held:
        post(shop, entity, document(order["id"], "withdrawn"), work)
    assert held.value.code == "withdrawn"
