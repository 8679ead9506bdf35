"""What people take back in Odoo is read once, whatever else they change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def test_goods_that_come_back_are_read(shop: Shop, staff: Staff) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    picking = staff.ship(posted.theirs)
    left = staff.reported("pickings", posted.theirs)
    back = staff.take_back(picking)
    [change] = staff.reported("returns", posted.theirs)
    assert (change.type, change.id, change.parent.ours) == ("return.received", str(back), document["key"])
    assert change.document["their_return"] == str(back)
    keys = [f"order_line__{document['key']}__{line}" for line in ("1", "2")]
    assert change.document["lines"] == [
        {"key": keys[0], "sku": shop.target.sku_a, "quantity": Decimal(3)},
        {"key": keys[1], "sku": shop.target.sku_b, "quantity": Decimal(2)},
    ]
    shop.target.owner("stock.picking", "write", [back], vals={"note": "Checked"})
    assert staff.reported("returns", posted.theirs) == [change]
    assert staff.reported("pickings", posted.theirs) == left, "what had left has left"
    lines = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    assert [shop.target.one("sale.order.line", line, "qty_delivered")["qty_delivered"] for line in lines] == [0, 0]
