"""A return of Clarity's is one transfer in Odoo for each delivery of its goods, and of no more than has left."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Hold, Retry
from tests.connectors.bench_documents import odoo_return, return_of
from tests.connectors.odoo_staff import WITHOUT_ASKING, Staff
from tests.connectors.odoo_targets import Shop
from tests.connectors.work import Crossrefs, LossyWork, MemoryWork


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def post(shop: Shop, document: Document, work: MemoryWork | None = None) -> Posted:
    work = work or MemoryWork()
    posted = shop.target.connector().post("return", document, work)
    if posted.theirs:
        work.remember("return", document["key"], posted.theirs)
    return posted


def transfers(shop: Shop, document: Document) -> list[dict[str, Any]]:
    domain = [["origin", "=", f"Return {document['number']}"]]
    fields = ["state", "return_id", "picking_type_code", "sale_id"]
    return list(shop.target.owner("stock.picking", "search_read", domain=domain, fields=fields, order="id"))


def moved(shop: Shop, picking: int) -> list[tuple[float, str]]:
    fields = ["product_uom_qty", "state"]
    rows = shop.target.owner("stock.move", "search_read", domain=[["picking_id", "=", picking]], fields=fields)
    return [(row["product_uom_qty"], row["state"]) for row in rows]


def held(shop: Shop, document: Document) -> str | None:
    with pytest.raises(Hold) as hold:
        post(shop, document)
    return hold.value.code


def test_a_return_is_ready_for_the_warehouse_and_counts_once_it_is_received(shop: Shop, staff: Staff) -> None:
    document, work = odoo_return(shop, staff), MemoryWork()
    posted = post(shop, document, work)
    [transfer] = transfers(shop, document)
    assert (transfer["state"], transfer["picking_type_code"]) == ("assigned", "incoming")
    assert transfer["return_id"], "Odoo shows it as the return of the delivery"
    assert moved(shop, transfer["id"]) == [(2, "assigned")]
    assert work.known("return_transfer", f"{document['key']}/{transfer['id']}") == str(transfer["id"])
    order = str(transfer["sale_id"][0])
    assert staff.reported("returns", order) == []
    [move] = staff.moves(transfer["id"])
    shop.target.owner("stock.move", "write", [move["id"]], vals={"quantity": 1.0, "picked": True})
    assert shop.target.owner("stock.picking", "button_validate", [transfer["id"]], context=WITHOUT_ASKING) is True
    rest = staff.picking(order)
    assert shop.target.owner("stock.picking", "button_validate", [rest], context=WITHOUT_ASKING) is True
    changes = staff.reported("returns", order)
    assert [each.document["their_return"] for each in changes] == [posted.theirs] * 2, "the rest is of the same return"
    assert [each.document["lines"][0]["quantity"] for each in changes] == [1, 1]
    assert post(shop, document, work).theirs == posted.theirs


def test_a_lost_answer_makes_no_second_transfer(shop: Shop, staff: Staff) -> None:
    """Also where the fleet has forgotten that it has called, and as much could come back once more."""
    document, crossrefs = odoo_return(shop, staff, "1"), Crossrefs()
    for effect in ("return.load", "return.confirm"):
        with pytest.raises(Retry):
            post(shop, document, LossyWork(effect, crossrefs))
        crossrefs.theirs.clear()
    post(shop, document)
    [transfer] = transfers(shop, document)
    assert moved(shop, transfer["id"]) == [(1, "assigned")]


def test_it_is_spread_over_what_has_left(shop: Shop, staff: Staff) -> None:
    order = shop.two_lines()
    theirs = shop.send(order).theirs
    assert held(shop, return_of(order["key"], "1")) == "not_delivered"
    parcels = [staff.ship(theirs, 1, 0), staff.ship(theirs)]
    document = return_of(order["key"], "3")
    post(shop, document)
    found = transfers(shop, document)
    assert [each["return_id"][0] for each in found] == parcels
    assert [moved(shop, each["id"]) for each in found] == [[(1, "assigned")], [(2, "assigned")]]


def test_no_more_comes_back_than_was_delivered(shop: Shop, staff: Staff) -> None:
    first = odoo_return(shop, staff)
    post(shop, first)
    assert held(shop, return_of(first["order"], "2")) == "more_than_delivered"
    second = return_of(first["order"], "1")
    post(shop, second)
    assert moved(shop, transfers(shop, second)[0]["id"]) == [(1, "assigned")]


def test_a_return_that_is_changed_or_cancelled_later(shop: Shop, staff: Staff) -> None:
    document, work = odoo_return(shop, staff), MemoryWork()
    post(shop, document, work)
    more = {**document, "lines": [{**document["lines"][0], "quantity": Decimal(3)}]}
    assert held(shop, more) == "return_changed"
    post(shop, {**document, "cancelled": True}, work)
    assert [each["state"] for each in transfers(shop, document)] == ["cancel"]
    assert held(shop, document) == "cancelled_at_target"
    assert post(shop, {**return_of(document["order"], "1"), "cancelled": True}).theirs is None


def test_what_came_back_and_leaves_once_more_is_no_more_than_was_ordered(shop: Shop, staff: Staff) -> None:
    """An exchange as Odoo's wizard makes it: goods come back, and others of the line leave."""
    order = shop.two_lines()
    theirs = shop.send(order).theirs
    left = staff.ship(theirs)
    staff.take_back(left)
    line = shop.target.one("sale.order", theirs or 0, "order_line")["order_line"][0]
    again = staff.copy_of(left)
    staff.add_move(again, shop.target.sku_a, 3.0, sale_line_id=line)
    shop.target.owner("stock.picking", "action_confirm", [again])
    staff.validate(again)
    change = next(each for each in staff.reported("pickings", theirs) if each.id == str(again))
    assert [(each["quantity"], each.get("extra")) for each in change.document["lines"]] == [(3, None)]
