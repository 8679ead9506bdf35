"""How much Odoo has for whoever orders next, as people count, order and ship.  For every Odoo, as in `test_odoo`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Change
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import SandboxTarget, Shop


def stored(shop: Shop, quantity: float) -> str:
    """A product whose stock is kept, with so much of it there."""
    sku = shop.target.product(is_storable=True)
    count(shop, sku, quantity)
    return sku


def count(shop: Shop, sku: str, quantity: float) -> None:
    if isinstance(shop.target, SandboxTarget):
        shop.target.fake.count({sku: quantity})
        return
    [id] = shop.target.owner("product.product", "search", domain=[["default_code", "=", sku]])
    location = shop.target.owner("stock.warehouse", "search_read", domain=[], fields=["lot_stock_id"], limit=1)
    values = {"product_id": id, "location_id": location[0]["lot_stock_id"][0], "inventory_quantity": quantity}
    quants = shop.target.owner("stock.quant", "create", vals_list=[values], context={"inventory_mode": True})
    shop.target.owner("stock.quant", "action_apply_inventory", quants)


def ordered(shop: Shop, sku: str, quantity: str) -> str | None:
    """The id of a confirmed order of so many."""
    line = shop.line("1", quantity, "10.00", sku=sku)
    total = f"{Decimal(quantity) * 10:.2f}"
    return shop.send(shop.order(line, total=total)).theirs


def level(shop: Shop, staff: Staff, sku: str) -> dict[str, Any]:
    """The newest figure of the SKU at the first warehouse that a poll reads."""
    found = [change for page in staff.pages("stock") for change in page.changes if change.number == sku]
    return dict(found[-1].document) if found else {}


def anew(shop: Shop, *skus: str) -> list[Change]:
    """What a poll reads of SKUs that it is asked for, long after anything was moved."""
    connector, since = shop.target.connector(), Staff(shop.target).since.replace(year=2090)
    return list(connector.changes("stock", since, None, lambda _: list(skus)).changes)


def test_a_level_follows_what_is_counted_ordered_and_shipped(shop: Shop) -> None:
    staff = Staff(shop.target)
    sku = stored(shop, 10)
    first = level(shop, staff, sku)
    assert (first["warehouse"], first["available"], first["only_place"]) == ("WH", 10, True)
    order = ordered(shop, sku, "3")
    now = level(shop, staff, sku)
    assert (now["on_hand"], now["free"], now["planned"], now["available"]) == (10, 7, 3, 7)
    staff.ship(order)
    assert level(shop, staff, sku)["available"] == 7
    count(shop, sku, 0)
    assert level(shop, staff, sku)["available"] == 0, "an empty place is a level, too"


def test_what_is_ordered_counts_though_nothing_is_reserved(shop: Shop) -> None:
    staff = Staff(shop.target)
    sku = stored(shop, 2)
    ordered(shop, sku, "5")
    now = level(shop, staff, sku)
    assert (now["on_hand"], now["available"]) == (2, -3)


def test_a_product_whose_stock_is_not_kept_has_no_level(shop: Shop) -> None:
    staff = Staff(shop.target)
    sku = shop.target.product()
    ordered(shop, sku, "1")
    assert level(shop, staff, sku) == {}
    assert anew(shop, sku) == []


def test_a_level_is_read_anew_though_nothing_was_moved(shop: Shop) -> None:
    sku = stored(shop, 4)
    assert [(each.number, each.document["available"]) for each in anew(shop, sku, "NO-SUCH-SKU")] == [(sku, 4)]


def test_products_of_one_sku_are_one_level_that_says_so(shop: Shop) -> None:
    sku = stored(shop, 4)
    shop.target.product(default_code=sku, is_storable=True)
    (change,) = anew(shop, sku)
    assert (change.document["records"], change.document["available"]) == (2, 4)
