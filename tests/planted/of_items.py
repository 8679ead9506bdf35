"""Defects of items in Fusion: made once, only with permission, and found by orders from then on."""

from __future__ import annotations

from tests.planted.defect import Defect

CATALOGUE = "integration/connectors/fusion/product/catalogue.py"
POST = "tests/connectors/test_fusion_products.py::"

DEFECTS = [
    Defect(
        "an item whose answer was lost is looked up before it is made again",
        CATALOGUE,
        "lambda frozen: there() or self._make(frozen)",
        "self._make",
        f"{POST}test_a_frozen_creation_is_looked_up_before_it_is_repeated",
        "already exists",
    ),
    Defect(
        "no item is made unless a setting says so",
        "integration/connectors/fusion/product/post.py",
        "if not lacking or not self._catalogue.may_create:",
        "if not lacking:",
        f"{POST}test_without_permission_no_item_is_made",
        "DID NOT RAISE.*Skip",
    ),
    Defect(
        "a SKU that Fusion does not know is asked for again",
        "integration/connectors/fusion/order/items.py",
        "asked = [sku for sku in skus if not self._there.get(sku)]",
        "asked = [sku for sku in skus if self._there.get(sku) is None]",
        f"{POST}test_an_order_finds_an_item_that_was_made_a_moment_ago",
        "unknown SKU",
        also=(
            (
                "integration/connectors/fusion/order/items.py",
                "        for sku in there:\n            self._there.put(sku, True)\n",
                "        for sku in skus:\n            self._there.put(sku, sku in there)\n",
            ),
            (
                "integration/connectors/fusion/order/items.py",
                "return [sku for sku in asked if sku not in there]",
                "return [sku for sku in skus if sku not in there and not self._there.get(sku)]",
            ),
        ),
    ),
]
