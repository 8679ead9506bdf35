"""The canonical product: nothing is guessed, and what is not sold any more always arrives."""

from __future__ import annotations

from typing import Any

import pytest

from integration.canonical.entities import entity
from integration.canonical.unique import check_unique
from integration.errors import Failure, Hold
from integration.receiver import read_event
from integration.rules.workflow import load_definitions
from mappings import FOLDER

CLARITY = load_definitions(FOLDER).mapping("clarity.in.product")
CHECK = entity("product").check


def product(**changes: Any) -> dict[str, Any]:
    mug = {"id": "p-7", "version": 1, "sku": "MUG-01", "name": "Mug", "kind": "physical", "status": "active"}
    return {**mug, "price": "12.30", "currency": "EUR", **changes}


def check(given: dict[str, Any], *approved: str) -> dict[str, Any]:
    check_unique("clarity.product", given)
    canonical = CLARITY(given)
    assert CHECK
    CHECK(canonical, lambda fault: fault.code in approved)
    return canonical


def test_a_product_is_taken_as_it_is() -> None:
    found = check(product(kind="Gift_Card", sku=4711, barcode=" ", weight="0.5", status=None))
    assert (found["kind"], found["sku"], found["barcode"], found["status"]) == ("gift_card", "4711", None, "active")


M, L = {"id": "v-1", "sku": "MUG-M"}, {"id": "v-2", "sku": "MUG-L"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "bundle"}, "unknown_kind"),
        ({"kind": None}, "no_kind"),
        ({"name": " "}, "no_name"),
        ({"sku": None}, "no_sku"),
        ({"variants": [M, {"id": "v-2"}]}, "no_sku"),
        ({"price": "-0.01"}, "negative_price"),
        ({"price": "12.305"}, "precision"),
        ({"price": "12.30", "currency": "JPY"}, "precision"),
        ({"variants": [M, {**L, "price": "-1"}]}, "negative_price"),
        ({"currency": "EURO"}, "unknown_currency"),
        ({"currency": None}, "no_currency"),
        ({"weight": "-1"}, "negative_weight"),
    ],
)
def test_what_is_not_right_is_held_or_approved(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Hold) as caught:
        check(product(**changes))
    assert caught.value.code == code
    assert caught.value.hint
    check(product(**changes), code)
    check(product(**changes, status="deleted"))


@pytest.mark.parametrize("field", ["id", "sku", "barcode"])
def test_variants_that_are_alike_are_held(field: str) -> None:
    both = {field: "X"}
    with pytest.raises(Hold, match=f"variants.0 and variants.1 of the clarity.product have the same {field}: 'X'"):
        check(product(variants=[{**M, **both}, {**L, **both}]))


def test_a_kind_that_is_no_word_is_refused_without_its_value() -> None:
    with pytest.raises(Failure) as caught:
        check(product(kind="x" * 50))
    assert "xxx" not in caught.value.reason


def test_a_product_is_found_by_its_sku() -> None:
    body = b'{"type": "product.updated", "data": {"id": "p-7", "sku": "MUG-01", "number": "7"}}'
    assert read_event("evt-1", body, "clarity").number == "MUG-01"
