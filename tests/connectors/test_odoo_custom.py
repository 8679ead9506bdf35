"""What an analyst's rows put into an order for Odoo: custom fields, taxes by their name, lines without SKU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.connectors.odoo.order.services import NAMES
from tests.connectors.odoo_targets import Shop, Target, held, unique

OF_ORDERS, OF_LINES = f"x_lab_{unique()}", f"x_lab_{unique()}"


@pytest.fixture
def custom(target: Target) -> Iterator[Shop]:
    """A shop whose Odoo has a custom field for orders and one for lines."""
    for model, name in (("sale.order", OF_ORDERS), ("sale.order.line", OF_LINES)):
        if name not in target.owner(model, "fields_get", attributes=["type"]):
            target.custom_field(model, name)
    yield Shop(target)


def test_custom_fields_arrive_and_follow_the_order(custom: Shop) -> None:
    document = custom.two_lines()
    document["order"][OF_ORDERS] = "4711"
    document["lines"][0]["fields"][OF_LINES] = "Ada"
    posted = custom.send(document)
    assert shown(custom, posted.theirs) == ("4711", ["Ada", False])
    document["order"][OF_ORDERS] = "4712"
    document["lines"][1]["fields"][OF_LINES] = "Łucja"
    custom.send(document, custom.new_work())
    assert shown(custom, posted.theirs) == ("4712", ["Ada", "Łucja"])


def shown(shop: Shop, order: str | None) -> tuple[object, list[object]]:
    read = shop.target.one("sale.order", order or 0, OF_ORDERS, "order_line")
    lines = [shop.target.one("sale.order.line", id, OF_LINES)[OF_LINES] for id in read["order_line"]]
    return read[OF_ORDERS], lines


def test_a_field_that_odoo_does_not_have_is_held_by_its_name_until_it_is_there(shop: Shop) -> None:
    name, other = f"x_studio_{unique()}", f"x_studio_{unique()}"
    document = shop.two_lines()
    document["order"][name] = "4711"
    refused = held(lambda: shop.send(document))
    assert (refused.code, refused.reason) == ("unknown_field", f"sale.order has no field {name} in Odoo")
    assert shop.work.tries == []
    shop.target.custom_field("sale.order", name)
    posted = shop.send(document)
    assert shop.target.one("sale.order", posted.theirs or 0, name)[name] == "4711"
    document["lines"][0]["fields"][other] = "Ada"
    assert held(lambda: shop.send(document)).reason == f"sale.order.line has no field {other} in Odoo"


def test_a_line_without_sku_is_a_service_where_a_row_says_so(shop: Shop) -> None:
    line = shop.line("1", "2", "10", sku=None)
    assert held(lambda: shop.send(shop.order(line, total="20.00"))).code == "no_sku"
    posted = shop.send(shop.order({**line, "service": "service"}, total="20.00"))
    [id] = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    product = shop.target.one("sale.order.line", id, "product_id")["product_id"]
    assert shop.target.one("product.product", product, "name", "type")["type"] == "service"
    refused = held(lambda: shop.send(shop.order({**line, "service": "servce"}, total="20.00")))
    assert refused.code == "no_such_service"
    assert ", ".join(NAMES) in refused.hint


def test_of_two_taxes_of_one_rate_a_row_names_one(shop: Shop) -> None:
    rate = f"{30 + int(unique(), 16) % 6000 / 100:.2f}"
    names = [f"{rate}% {kind} {unique()}" for kind in ("G", "S")]
    ids = [shop.target.tax(name, rate) for name in names]
    taxed = [{"rate": rate, "included": True}]
    unnamed = held(lambda: shop.send(shop.order(shop.line("1", "1", "10", taxes=taxed), total="10.00")))
    assert unnamed.code == "ambiguous_at_target"
    for name, id in zip(names, ids, strict=True):
        named = [{**taxed[0], "name": name}]
        posted = shop.send(shop.order(shop.line("1", "1", "10", taxes=named), total="10.00"), shop.new_work())
        [line] = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
        assert shop.target.one("sale.order.line", line, "tax_ids")["tax_ids"] == [id]
    misnamed = [{**taxed[0], "name": "23% X"}]
    absent = held(lambda: shop.send(shop.order(shop.line("1", "1", "10", taxes=misnamed), total="10.00")))
    assert (absent.code, absent.reason.rpartition(" named ")[2]) == ("not_found_at_target", "“23% X”")
    assert "mappings/tables" in absent.hint
