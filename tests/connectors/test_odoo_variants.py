"""A product with several variants at Odoo: one template, a record for each variant, found by SKU or made once.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Retry
from tests.connectors.bench_documents import odoo_product
from tests.connectors.contract_suite import LosesAnswer
from tests.connectors.odoo_targets import Shop, held, unique
from tests.connectors.work import MemoryWork

SHOWN = ("default_code", "barcode", "lst_price", "weight", "active")
MOST_EFFECTS = 8


def variant(sku: str, price: str | None = None, barcode: str | None = None, **options: str) -> Document:
    fields = {"default_code": sku, "barcode": barcode, "weight": Decimal("0.2")}
    return {"key": f"v-{sku}", "options": options, "price": price and Decimal(price), "fields": fields}


def shirt(shop: Shop, *variants: Document) -> Document:
    """A shirt of 24.90; without ``variants`` it is sold in M and, for 2.00 more, in L."""
    one = odoo_product(shop.target.currency)
    sku, fields = one["sku"], {"name": one["fields"]["name"], "list_price": Decimal("24.90")}
    size = f"Size {unique()}"
    both = variant(f"{sku}-M", **{size: "M"}), variant(f"{sku}-L", "26.90", sku, **{size: "L"})
    return {**one, "fields": fields, "variants": list(variants or both)}


def post(shop: Shop, document: Document, work: MemoryWork | None = None) -> Posted:
    posted = shop.connector.post("product", document, work or shop.new_work())
    if posted.theirs:
        shop.crossrefs.theirs["product", document["key"]] = posted.theirs
    return posted


def rows(shop: Shop, document: Document) -> dict[str, dict[str, Any]]:
    """Every record of the product's name, by its SKU."""
    domain = [["name", "=", document["fields"]["name"]], ["active", "in", [True, False]]]
    fields = ["product_tmpl_id", *SHOWN]
    found = shop.target.owner("product.product", "search_read", domain=domain, fields=fields, order="id")
    return {row["default_code"]: row for row in found}


def values(shop: Shop, document: Document, name: str) -> list[Any]:
    return [rows(shop, document)[each["fields"]["default_code"]][name] for each in document["variants"]]


def by_hand(shop: Shop, *skus: str) -> list[int]:
    """A product with variants that a person has made in Odoo, one for each SKU."""
    target, create = shop.target, shop.target.create
    attribute = create("product.attribute", name=f"Colour {unique()}")
    ids = [create("product.attribute.value", name=sku, attribute_id=attribute) for sku in skus]
    line = [0, 0, {"attribute_id": attribute, "value_ids": [[6, 0, ids]]}]
    template = create("product.template", name=f"By hand {unique()}", attribute_line_ids=[line])
    domain = [["product_tmpl_id", "=", template]]
    variants = [int(id) for id in target.owner("product.product", "search", domain=domain, order="id")]
    for id, sku in zip(variants, skus, strict=True):
        target.owner("product.product", "write", [id], vals={"default_code": sku})
    return variants


# --- made once


def test_a_product_with_variants_is_made_once(shop: Shop) -> None:
    document = shirt(shop)
    theirs = post(shop, document).theirs
    assert values(shop, document, "lst_price") == [Decimal("24.9"), Decimal("26.9")]
    assert values(shop, document, "barcode") == [False, document["sku"]]
    assert values(shop, document, "weight") == [Decimal("0.2")] * 2
    assert len({row["product_tmpl_id"][0] for row in rows(shop, document).values()}) == 1
    work = shop.new_work()
    assert post(shop, document, work).theirs == theirs
    assert work.tries == [], "what Odoo shows already is not written"
    assert shop.connector.post("product", document, MemoryWork()).theirs == theirs, "found by our external ids"


def test_whichever_answer_is_lost_each_variant_is_there_once(shop: Shop) -> None:
    for nth in range(MOST_EFFECTS):
        document, work = shirt(shop), LosesAnswer(shop.crossrefs, nth)
        try:
            post(shop, document, work)
        except Retry:
            assert post(shop, document, work).theirs
        assert sorted(rows(shop, document)) == sorted(each["fields"]["default_code"] for each in document["variants"])
        if not work.lost:
            assert nth >= 4
            return
    pytest.fail(f"more than {MOST_EFFECTS} calls take effect")


def test_two_products_share_an_attribute_and_its_values(shop: Shop) -> None:
    first = shirt(shop)
    (name,) = first["variants"][0]["options"]
    second = shirt(shop, *(variant(f"S-{unique()}", **each["options"]) for each in first["variants"]))
    for document in (first, second):
        post(shop, document)
    domain = [["name", "=", name]]
    (attribute,) = shop.target.owner("product.attribute", "search", domain=domain)
    domain = [["attribute_id", "=", attribute]]
    assert shop.target.owner("product.attribute.value", "search_count", domain=domain) == 2


def test_variants_that_odoo_makes_at_once_are_taken_and_others_archived(shop: Shop) -> None:
    attribute = f"Colour {unique()}"
    shop.target.create("product.attribute", name=attribute, create_variant="always")
    key, size = unique(), f"Width {unique()}"
    shop.target.create("product.attribute", name=size, create_variant="always")
    two = [variant(f"{key}-{n}", **{attribute: n, size: n}) for n in ("1", "2")]
    document = shirt(shop, *two)
    post(shop, document)
    template = rows(shop, document)[f"{key}-1"]["product_tmpl_id"][0]
    domain = [["product_tmpl_id", "=", template], ["active", "in", [True, False]]]
    found = shop.target.owner("product.product", "search_read", domain=domain, fields=["default_code", "active"])
    assert sorted(row["default_code"] for row in found if row["active"]) == [f"{key}-1", f"{key}-2"]
    assert not any(row["default_code"] for row in found if not row["active"])


# --- kept up to date


def test_a_variant_is_added_corrected_and_taken_away(shop: Shop) -> None:
    document = shirt(shop)
    theirs = post(shop, document).theirs
    medium, large = document["variants"]
    (name,) = medium["options"]
    extra = variant(f"{document['sku']}-XL", "27.90", **{name: "XL"})
    more = {**document, "variants": [medium, {**large, "price": Decimal("27.00")}, extra]}
    assert post(shop, more).theirs == theirs
    assert values(shop, more, "lst_price") == [Decimal("24.9"), Decimal(27), Decimal("27.9")]
    less = {**document, "variants": [medium, extra]}
    assert post(shop, less).theirs == theirs
    assert values(shop, more, "active") == [True, False, True]
    assert post(shop, {**document, "variants": [extra]}).theirs == theirs, "the last one is still a variant"
    assert values(shop, more, "active") == [False, False, True]
    assert values(shop, more, "lst_price")[2] == Decimal("27.9")


def test_all_variants_are_archived_and_come_back(shop: Shop) -> None:
    document = shirt(shop)
    theirs = post(shop, document).theirs
    assert post(shop, {**document, "archived": True}).theirs == theirs
    assert values(shop, document, "active") == [False, False]
    post(shop, document)
    assert values(shop, document, "active") == [True, True]


def test_a_product_whose_template_is_gone_is_held(shop: Shop) -> None:
    document = shirt(shop)
    post(shop, document)
    shop.target.owner("product.product", "unlink", [row["id"] for row in rows(shop, document).values()])
    assert held(lambda: post(shop, document)).code == "product_gone"
    work = shop.new_work()
    work.accepted.add("new_product")
    post(shop, document, work)
    assert values(shop, document, "active") == [True, True]


# --- found by their SKUs


def test_variants_that_odoo_has_are_found_by_their_skus(shop: Shop) -> None:
    document = shirt(shop)
    skus = [each["fields"]["default_code"] for each in document["variants"]]
    ids = by_hand(shop, *skus)
    document = {**document, "variants": [{**each, "price": None} for each in document["variants"]]}
    post(shop, document)
    assert [rows(shop, document)[sku]["id"] for sku in skus] == ids
    extra = variant(f"{document['sku']}-XL", Size="XL")
    lacks = held(lambda: post(shop, {**document, "variants": [*document["variants"], extra]}))
    assert (lacks.code, extra["fields"]["default_code"] in lacks.reason) == ("variant_missing", True)


def test_variants_that_are_different_products_are_held(shop: Shop) -> None:
    document = shirt(shop)
    for each in document["variants"]:
        shop.target.product(default_code=each["fields"]["default_code"])
    assert held(lambda: post(shop, document)).code == "variants_apart"


def test_one_of_several_variants_is_not_taken_for_a_product(shop: Shop) -> None:
    document = odoo_product(shop.target.currency)
    by_hand(shop, document["sku"], f"{document['sku']}-2")
    assert held(lambda: post(shop, document)).code == "one_of_several"


def test_a_sku_that_several_have_is_held_with_the_choice(shop: Shop) -> None:
    document = shirt(shop)
    sku = document["variants"][0]["fields"]["default_code"]
    ids = [shop.target.product(default_code=sku) and None for _ in range(2)]
    found = held(lambda: post(shop, document))
    assert (found.code, len(found.candidates)) == ("ambiguous_product", len(ids))
    assert {choice["entity"] for choice in found.candidates} == {"product_variant"}


# --- what is not written without a person


def test_a_product_that_becomes_several_is_held(shop: Shop) -> None:
    one = odoo_product(shop.target.currency)
    post(shop, one)
    assert held(lambda: post(shop, {**shirt(shop), "key": one["key"]})).code == "form_differs"
    several = shirt(shop)
    post(shop, several)
    assert held(lambda: post(shop, {**one, "key": several["key"]})).code == "form_differs"


def test_variants_of_different_options_are_held(shop: Shop) -> None:
    key = unique()
    for second in ({}, {"Colour": "Red"}):
        document = shirt(shop, variant(f"{key}-1", Size="M"), variant(f"{key}-2", **second))
        assert held(lambda d=document: post(shop, d)).code == "options_differ"  # type: ignore[misc]


def test_prices_that_odoo_cannot_show_are_held(shop: Shop) -> None:
    key, size, colour = unique(), f"Size {unique()}", f"Colour {unique()}"
    both = [variant(f"{key}-{n}", price, **{size: n, colour: n}) for n, price in (("1", None), ("2", "30.00"))]
    assert held(lambda: post(shop, shirt(shop, *both))).code == "variant_price"


def test_an_attribute_that_makes_no_variants_is_held(shop: Shop) -> None:
    name = f"Note {unique()}"
    shop.target.create("product.attribute", name=name, create_variant="no_variant")
    document = shirt(shop, *(variant(f"S-{unique()}", **{name: each}) for each in "AB"))
    assert held(lambda: post(shop, document)).code == "attribute_unusable"
