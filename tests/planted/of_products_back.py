"""Defects of what comes back of products: whose they are, and where our own writes end."""

from __future__ import annotations

from tests.planted.defect import Defect

DEFECTS = [
    Defect(
        "what we have archived ourselves is not sent to Clarity as news",
        "integration/connectors/clarity/product/post.py",
        'if fields.get(DISCONTINUED) and product.get("status", ACTIVE) != ACTIVE:',
        "if False:",
        "tests/connectors/test_clarity_products.py::test_that_clarity_does_not_sell_it_is_no_news_to_clarity",
        "'product.update', 'ok'",
    ),
    Defect(
        "a product that no crossref names does not enter the inbox",
        "integration/canonical/entities.py",
        'home_ids=("product_id",),\n            made_at_home=True,',
        'home_ids=("product_id",),',
        "tests/road/test_product_changes.py::test_a_product_that_clarity_does_not_sell_is_none_of_ours",
        "odoo-1/18",
    ),
    Defect(
        "no picture is fetched from a private address",
        "integration/connectors/pictures.py",
        "(not ip.is_global or ip.is_multicast)",
        "ip.is_multicast",
        "tests/connectors/test_pictures.py::test_no_picture_comes_from_a_private_address",
        "Retry: no picture from",
    ),
]
