"""What Odoo owns of a product, as a poll reads it: one change for a product, however many variants it has.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document
from tests.connectors import test_odoo_variants as variants
from tests.connectors.odoo_targets import Shop
from tests.connectors.test_odoo_products import post, product

OWNED = ("active", "hs_code", "country_of_origin")


def only(document: Document, fields: Iterable[str]) -> Document:
    return {name: document[name] for name in fields}


def read(shop: Shop, *ids: str | None, fields: Iterable[str] = OWNED) -> dict[str, Document]:
    """What one run reads of these fields of these products: others may use the same Odoo."""
    since, page, found = datetime.now(UTC) - timedelta(seconds=30), None, {}
    while True:
        got = shop.connector.changes("products", since, page, lambda _: [])
        found |= {change.id: only(change.document, fields) for change in got.changes if change.id in ids}
        assert {(change.type, change.number, change.parent) for change in got.changes} <= {
            ("product.changed", None, None)
        }
        if (page := got.next) is None:
            return found


def change(shop: Shop, ids: Iterable[Any], **values: Any) -> None:
    shop.target.owner("product.product", "write", [int(id) for id in ids], vals=values)


def germany(shop: Shop) -> int:
    return int(shop.target.owner("res.country", "search", domain=[["code", "=", "DE"]])[0])


def test_what_odoo_owns_of_a_product_is_read_when_it_changes(shop: Shop) -> None:
    theirs = post(shop, product(shop)).theirs
    change(shop, [theirs], hs_code="6912.00", country_of_origin=germany(shop))
    stated = {"active": True, "hs_code": "6912.00", "country_of_origin": "DE"}
    assert read(shop, theirs) == {theirs: stated}
    shop.target.owner("product.product", "action_archive", [int(str(theirs))])
    assert read(shop, theirs) == {theirs: {**stated, "active": False}}


def test_a_product_with_variants_is_archived_once_all_of_them_are(shop: Shop) -> None:
    document = variants.shirt(shop)
    theirs = variants.post(shop, document).theirs
    ids = [row["id"] for row in variants.rows(shop, document).values()]
    change(shop, ids[:1], hs_code="6205.20")
    stated = {"active": True, "hs_code": "6205.20", "country_of_origin": None}
    assert read(shop, theirs) == {theirs: stated}
    for id, active in zip(ids, (True, False), strict=True):
        shop.target.owner("product.product", "action_archive", [id])
        assert read(shop, theirs) == {theirs: {**stated, "active": active}}


def test_what_a_mapping_may_let_odoo_own_is_read_too(shop: Shop) -> None:
    theirs = post(shop, product(shop)).theirs
    fields = ("weight", "category", "price", "currency")
    (found,) = read(shop, theirs, fields=fields).values()
    assert found["weight"] in (Decimal("0.355"), Decimal("0.36")), "a real Odoo keeps two decimals"
    assert (found["category"], found["price"]) == ("Goods", Decimal("12.3"))
    assert found["currency"] == shop.target.currency
    change(shop, [theirs], weight=0, list_price=0)
    (found,) = read(shop, theirs, fields=fields).values()
    assert (found["weight"], found["price"]) == (None, None)
