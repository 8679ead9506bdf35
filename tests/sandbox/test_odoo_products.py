"""Products of the fake Odoo answer as they were recorded from the real one: made, changed, archived, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.connectors.odoo.errors import AccessRefused, loaded
from integration.sandbox.odoo.database import Database
from tests.sandbox.odoo_rig import Served
from tests.sandbox.test_odoo_recorded import masked, names, of_the_recording, recorded, recorded_world, replay

STORY = names(
    """
    category_lookup load load_again read external_id write barcode_taken archive by_sku archive_again unarchive
    read_again unlink read_gone
    """
)
"""In this order, on one fake: each builds on what the earlier ones left."""
RECORDED_ID = 7


def product_world(database: Database, username: str) -> None:
    """The recorded world with a category, whose next product gets the recorded id."""
    recorded_world(database, username)
    for id in list(database.rows("product.product")):
        database.delete("product.product", id)
    at: dict[str, Any] = {"create_date": "2026-11-21 00:08:00.000000", "write_date": "2026-11-21 00:08:00.000000"}
    database.insert("product.category", {**at, "name": "Goods"})
    database._last_id["product.product"] = RECORDED_ID - 1


def test_a_products_story_is_odoos(tmp_path: Path) -> None:
    with Served(of_the_recording(tmp_path, product_world)) as served:
        for name in STORY:
            got, expected = replay(served, f"json2_product_{name}")
            assert masked(got) == masked(expected), name


def test_who_may_make_no_products_is_refused_by_name() -> None:
    answer = recorded("json2_product_load_as_sales")["response"]["body"]
    with pytest.raises(AccessRefused, match="Odoo refused the product") as refused:
        loaded(answer, "product")
    assert "Products / Create" in str(refused.value.hint)
