"""What of a parcel was ordered is reported, and the rest of it is a document of its own.  For every Odoo."""

from __future__ import annotations

import pytest

from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop
from tests.connectors.test_odoo_changes import shipped


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def test_what_was_added_and_what_replaces_is_a_document_of_its_own(shop: Shop, staff: Staff) -> None:
    added, other = shop.target.product(), shop.target.product()
    order = shop.send(shop.order(shop.line("1", "3", "10"), total="30.00")).theirs
    picking = staff.picking(order)
    [move] = staff.moves(picking)
    staff.add_move(picking, added, 1)
    staff.add_move(picking, added, 1)
    staff.add_move(picking, other, 2, sale_line_id=move["sale_line_id"][0])
    staff.ship(order, 1, 1, 1, 2)
    ordered, rest = staff.reported("pickings", order)
    assert (ordered.id, rest.id) == (str(picking), f"{picking}/rest")
    [line] = ordered.document["lines"]
    assert (line["sku"], line["quantity"], line["substitute"]) == (shop.target.sku_a, 1, False)
    lines = {line["sku"]: line for line in rest.document["lines"]}
    assert lines[added] == {"key": None, "sku": added, "quantity": 2, "substitute": False}
    assert lines[other] == {"key": line["key"], "sku": other, "quantity": 2, "substitute": True}
    shop.target.owner("stock.picking", "write", [picking], vals={"carrier_tracking_ref": "1Z1"})
    ordered, late = staff.reported("pickings", order)
    assert (ordered.document["tracking"], late.document) == ("1Z1", rest.document)


def test_a_transfer_of_nothing_that_was_ordered_is_one_document(shop: Shop, staff: Staff) -> None:
    other = shop.target.product()
    order = shop.send(shop.order(shop.line("1", "3", "10"), total="30.00")).theirs
    picking = staff.picking(order)
    line = staff.moves(picking)[0]["sale_line_id"][0]
    staff.add_move(picking, other, 2, sale_line_id=line)
    staff.ship(order, 0, 2)
    [change] = staff.reported("pickings", order)
    assert (change.id, [line["sku"] for line in change.document["lines"]]) == (str(picking), [other])


def test_what_is_beyond_the_order_is_a_document_of_its_own(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.two_lines()).theirs
    first = staff.ship(order, 2, 2)
    second = staff.ship(order, 4)
    one, two, extra = staff.reported("pickings", order)
    assert [change.id for change in (one, two, extra)] == [str(first), str(second), f"{second}/rest"]
    assert (shipped(one), shipped(two), shipped(extra)) == ({"1": 2, "2": 2}, {"1": 1}, {"1": 3})
    assert [line.get("extra") for line in extra.document["lines"]] == [True]
