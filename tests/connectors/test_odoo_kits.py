"""Kits: sold as one line, moved as their parts, reported as whole sets.  For every Odoo with Manufacturing."""

from __future__ import annotations

import pytest

from integration.connectors.contract import Change
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop, unique


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def kit(shop: Shop, *parts: tuple[str, float]) -> str:
    """The SKU of a kit with so many of each part."""

    def id_of(sku: str) -> int:
        return int(shop.target.owner("product.product", "search", domain=[["default_code", "=", sku]])[0])

    sku = shop.target.product(default_code=f"KIT-{unique()}")
    template = shop.target.one("product.product", id_of(sku), "product_tmpl_id")["product_tmpl_id"]
    lines = [[0, 0, {"product_id": id_of(part), "product_qty": quantity}] for part, quantity in parts]
    if not shop.target.owner("stock.move", "fields_get", allfields=["bom_line_id"]):
        pytest.skip("this Odoo has no Manufacturing")
    shop.target.create("mrp.bom", product_tmpl_id=template, type="phantom", product_qty=1, bom_line_ids=lines)
    return sku


def sets(changes: list[Change]) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Per change its state, the end of its id, and quantities by SKU."""
    return [
        (
            change.document["state"],
            change.id.partition("/")[2],
            [(line["sku"], int(line["quantity"])) for line in change.document["lines"]],
        )
        for change in changes
    ]


def test_a_kit_is_reported_as_the_sets_that_are_whole(shop: Shop, staff: Staff) -> None:
    one, two = shop.target.sku_a, shop.target.sku_b
    set_ = kit(shop, (one, 2), (two, 1))
    lines = [shop.line("1", "3", "10", sku=set_), shop.line("2", "1", "5", sku=one)]
    order = shop.send(shop.order(*lines, total="35.00")).theirs
    staff.ship(order, 3, 2, 1)  # a whole set, parts of another, and the line of its own
    first = staff.reported("pickings", order)
    assert sets(first) == [("done", "", [(set_, 1), (one, 1)])]
    staff.ship(order, 0, 1)  # a part of the third
    assert sets(staff.reported("pickings", order)[1:]) == [("incomplete", "", [])]
    staff.ship(order)
    changes = staff.reported("pickings", order)
    assert sets(changes) == [("done", "", [(set_, 1), (one, 1)]), ("incomplete", "", []), ("done", "", [(set_, 2)])]
    assert changes[0].document == first[0].document
    line = shop.target.one("sale.order", order or 0, "order_line")["order_line"][0]
    assert shop.target.one("sale.order.line", line, "qty_delivered")["qty_delivered"] == 3


def test_a_kit_within_a_kit_is_one_set(shop: Shop, staff: Staff) -> None:
    inner = kit(shop, (shop.target.sku_a, 3))
    outer = kit(shop, (inner, 1), (shop.target.sku_b, 2))
    order = shop.send(shop.order(shop.line("1", "2", "10", sku=outer), total="20.00")).theirs
    staff.ship(order, 3, 3)
    staff.ship(order)
    assert sets(staff.reported("pickings", order)) == [("done", "", [(outer, 1)]), ("done", "", [(outer, 1)])]


def test_a_kit_that_is_given_up_in_part(shop: Shop, staff: Staff) -> None:
    set_ = kit(shop, (shop.target.sku_a, 2), (shop.target.sku_b, 1))
    order = shop.send(shop.order(shop.line("1", "3", "10", sku=set_), total="30.00")).theirs
    staff.ship(order, 3, 1, rest=False)
    assert sets(staff.reported("pickings", order)) == [("done", "", [(set_, 1)])]
    domain = [["sale_id", "=", int(order or 0)]]
    assert shop.target.owner("stock.picking", "search_count", domain=domain) == 1


def test_a_substitute_for_a_part_makes_no_set(shop: Shop, staff: Staff) -> None:
    set_, other = kit(shop, (shop.target.sku_a, 1), (shop.target.sku_b, 1)), shop.target.product()
    lines = [shop.line("1", "1", "10", sku=set_), shop.line("2", "1", "5")]
    order = shop.send(shop.order(*lines, total="15.00")).theirs
    picking = staff.picking(order)
    line = staff.moves(picking)[0]["sale_line_id"][0]
    staff.add_move(picking, other, 1, sale_line_id=line)
    staff.ship(order, 1, 0, 1, 1)
    assert sets(staff.reported("pickings", order)) == [
        ("done", "", [(shop.target.sku_a, 1)]),
        ("done", "rest", [(other, 1)]),
    ]


def test_sets_that_odoo_counts_otherwise_are_a_document_of_their_own(shop: Shop, staff: Staff) -> None:
    """Somebody lowered the demand of a part by hand, and shipped that."""
    set_ = kit(shop, (shop.target.sku_a, 2), (shop.target.sku_b, 1))
    lines = [shop.line("1", "2", "10", sku=set_), shop.line("2", "1", "5")]
    order = shop.send(shop.order(*lines, total="25.00")).theirs
    picking = staff.picking(order)
    part = staff.moves(picking)[0]["id"]
    shop.target.owner("stock.move", "write", [part], vals={"product_uom_qty": 2.0})
    staff.ship(order, 2, 2, 1)
    certain, rest = staff.reported("pickings", order)
    assert sets([certain]) == [("done", "", [(shop.target.sku_a, 1)])]
    assert [(line["sku"], line["uncounted"]) for line in rest.document["lines"]] == [(set_, True)]
