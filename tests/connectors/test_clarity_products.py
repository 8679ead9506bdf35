"""What an ERP owns of a product, at the sandbox's Clarity over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.errors import Hold
from tests.connectors.test_clarity_customers import connector
from tests.connectors.test_clarity_customers import shop as shop
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox


def offered(shop: Sandbox, **fields: Any) -> str:
    made: dict[str, str] = shop.control("POST", "/products", {"sku": "MUG-1", "name": "Mug", **fields})
    return made["id"]


def stated(id: str, **fields: Any) -> Document:
    return {"product_id": id, "fields": fields}


def posted(shop: Sandbox, document: Document) -> list[tuple[str, str]]:
    work = MemoryWork()
    assert connector(shop).post("product", document, work).theirs == document["product_id"]
    return work.outcomes


def test_only_what_the_erp_says_and_clarity_has_otherwise_is_written(shop: Sandbox) -> None:
    id = offered(shop, weight="0.35", name="Mug")
    document = stated(id, hsCode="6912.00", countryOfOrigin=None, weight=Decimal("0.350"), discontinued=False)
    assert posted(shop, document) == [("product.update", "ok")]
    found = shop.get(f"/products/{id}").json()
    assert (found["version"], found["hsCode"], found["weight"], found["name"]) == (2, "6912.00", "0.35", "Mug")
    assert posted(shop, document) == [("product.update", "found")], "an echo ends here"
    assert connector(shop).shown("product", document, MemoryWork()) == {
        "fields": {"hsCode": "6912.00", "weight": Decimal("0.350"), "discontinued": False}
    }


def test_what_the_erp_does_not_supply_is_discontinued_and_comes_back(shop: Sandbox) -> None:
    id = offered(shop)
    for discontinued, version in ((True, 2), (True, 2), (False, 3)):
        posted(shop, stated(id, discontinued=discontinued))
        found = shop.get(f"/products/{id}").json()
        assert (found["discontinued"], found["version"], found["status"]) == (discontinued, version, "active")


@pytest.mark.parametrize("status", ["archived", "deleted"])
def test_that_clarity_does_not_sell_it_is_no_news_to_clarity(shop: Sandbox, status: str) -> None:
    id = offered(shop, status="active" if status == "deleted" else status)
    if status == "deleted":
        shop.control("DELETE", f"/products/{id}")
    before = shop.get(f"/products/{id}").json()
    assert posted(shop, stated(id, discontinued=True)) == [("product.update", "found")]
    assert shop.get(f"/products/{id}").json() == before


def test_one_that_clarity_does_not_have_is_held(shop: Sandbox) -> None:
    with pytest.raises(Hold, match="Clarity does not have the product any more") as raised:
        connector(shop).post("product", stated("p-nobody", hsCode="1"), MemoryWork())
    assert raised.value.code == "record_missing"
