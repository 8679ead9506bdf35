"""A confirmed order's header changes: what Odoo has made of it changes with it, or a person hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.errors import Retry
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import SandboxTarget, Shop, held, unique
from tests.connectors.work import LossyWork

HOME, OFFICE = ({"fields": {"name": name, "street": "Way 1"}, "country": "US", "state": None} for name in ("H", "O"))
BEFORE, AFTER = "2027-01-05 10:00:00", "2027-01-09 10:00:00"


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def carrier(shop: Shop) -> str:
    name = f"Carrier {unique()}"
    product = shop.target.create("product.product", name=name, type="service")
    values = {"name": name, "product_id": product, "delivery_type": "fixed"}
    if isinstance(shop.target, SandboxTarget):  # its user may not
        with shop.target.fake.database.transaction():
            shop.target.fake.database.insert("delivery.carrier", {**values, "active": True, "sequence": 9})
    else:
        shop.target.create("delivery.carrier", **values)
    return name


def placed(shop: Shop) -> Document:
    document = shop.two_lines(delivery_address=HOME, carrier=carrier(shop), payment_term="15 Days")
    document["order"]["commitment_date"] = BEFORE
    return document


def corrected(shop: Shop, document: Document) -> Document:
    order = {**document["order"], "commitment_date": AFTER}
    changes = {"delivery_address": OFFICE, "carrier": carrier(shop), "payment_term": "30 Days", "order": order}
    return {**document, **changes, "invoice_address": OFFICE}


def transfers(shop: Shop, order: str) -> list[dict[str, Any]]:
    """What the warehouse reads of each transfer, the oldest first."""
    fields = ["state", "partner_id", "carrier_id", "scheduled_date"]
    domain = [["sale_id", "=", int(order)]]
    rows = shop.target.owner("stock.picking", "search_read", domain=domain, fields=fields, order="id", load=None)
    return [{name: row[name] for name in fields} for row in rows]


def header(shop: Shop, order: str) -> dict[str, Any]:
    fields = ("partner_shipping_id", "carrier_id", "commitment_date", "partner_invoice_id", "payment_term_id")
    return shop.target.one("sale.order", order, *fields)


def test_open_transfers_follow_and_what_is_done_stays(shop: Shop, staff: Staff) -> None:
    document = placed(shop)
    order = shop.send(document).theirs or ""
    staff.ship(order, 1, 0)
    before = transfers(shop, order)
    assert [transfer["state"] for transfer in before] == ["done", "assigned"]
    shop.work.new_round()
    shop.send(corrected(shop, document))
    now = header(shop, order)
    assert transfers(shop, order) == [
        before[0],
        {
            "state": "assigned",
            "partner_id": now["partner_shipping_id"],
            "carrier_id": now["carrier_id"],
            "scheduled_date": AFTER,
        },
    ]
    assert now["carrier_id"] != before[0]["carrier_id"]
    assert now["partner_shipping_id"] != before[0]["partner_id"]
    assert ("transfers.update", "ok") in shop.work.outcomes


def test_a_draft_invoice_follows(shop: Shop, staff: Staff) -> None:
    document = placed(shop)
    order = shop.send(document).theirs or ""
    invoice = staff.draft(order)
    shop.work.new_round()
    shop.send(corrected(shop, document))
    now = header(shop, order)
    fields = ("partner_id", "partner_shipping_id", "invoice_payment_term_id")
    draft = shop.target.one("account.move", invoice, *fields)
    wanted = [now[name] for name in ("partner_invoice_id", "partner_shipping_id", "payment_term_id")]
    assert [draft[field] for field in fields] == wanted


def test_nothing_is_read_of_them_while_the_header_stays(shop: Shop) -> None:
    document = placed(shop)
    shop.send(document)
    again, work = {**document, "order": {**document["order"], "note": "Ring once"}}, shop.new_work()
    shop.send(again, work)
    shop.target.calls = 0
    shop.send({**again, "order": {**again["order"], "note": "Ring twice"}}, shop.new_work())
    assert shop.target.calls == 6
    assert not {"transfers.update", "draft_invoices.update"} & dict(work.outcomes).keys()


def test_what_the_warehouse_has_chosen_is_not_overwritten(shop: Shop, staff: Staff) -> None:
    document = placed(shop)
    order = shop.send(document).theirs or ""
    domain = [["name", "=", carrier(shop)]]
    chosen = shop.target.owner("delivery.carrier", "search", domain=domain)[0]
    shop.target.owner("stock.picking", "write", [staff.picking(order)], vals={"carrier_id": chosen})
    before = header(shop, order)
    failure = held(lambda: shop.send(corrected(shop, document), shop.new_work()))
    assert failure.code == "transfer_differs"
    assert "another carrier now" in failure.reason
    assert "has yet another one" in failure.reason
    assert header(shop, order) == before
    assert transfers(shop, order)[0]["carrier_id"] == chosen


def test_a_draft_that_bills_other_orders_too_is_held(shop: Shop, staff: Staff) -> None:
    document = placed(shop)
    other = {**document, "key": unique()}
    orders = [shop.send(each, shop.new_work()).theirs for each in (document, other)]
    invoice = staff.draft(*orders)
    changed = corrected(shop, document)
    failure = held(lambda: shop.send(changed, shop.new_work()))
    assert (failure.code, "bills other orders, too" in failure.reason) == ("draft_invoice_differs", True)
    shop.target.owner("account.move", "button_cancel", [invoice])
    assert shop.send(changed, shop.new_work()).theirs == orders[0]


@pytest.mark.parametrize("effect", ["transfers.update", "draft_invoices.update", "order.update"])
def test_an_answer_lost_on_the_way_leaves_nothing_behind(shop: Shop, staff: Staff, effect: str) -> None:
    document = placed(shop)
    order = shop.send(document).theirs or ""
    staff.draft(order)
    changed, work = corrected(shop, document), LossyWork(effect, shop.crossrefs)
    with pytest.raises(Retry):
        shop.send(changed, work)
    work.new_round()  # whoever repairs it begins anew
    shop.send(changed, work)
    now = header(shop, order)
    [transfer] = transfers(shop, order)
    wanted = (now["partner_shipping_id"], now["carrier_id"], AFTER)
    assert (transfer["partner_id"], transfer["carrier_id"], transfer["scheduled_date"]) == wanted


def test_what_the_user_may_not_change_is_held_with_the_difference(shop: Shop) -> None:
    if not isinstance(shop.target, SandboxTarget):
        pytest.skip("only the sandbox refuses on request")
    document = placed(shop)
    order = shop.send(document).theirs or ""
    shop.target.fake.fail_next("odoo.exceptions.AccessError", model="stock.picking", method="write")
    before = header(shop, order)
    failure = held(lambda: shop.send(corrected(shop, document), shop.new_work()))
    assert failure.code == "access_error"
    assert "would keep the old delivery address, carrier, scheduled date" in failure.reason
    assert "Inventory / User" in (failure.hint or "")
    assert header(shop, order) == before
