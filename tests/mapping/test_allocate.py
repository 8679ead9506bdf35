"""What is shipped is found again in the lines of the order; what cannot be found, or is too much, is held."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from integration.canonical.allocation import allocate
from integration.errors import Hold

Row = dict[str, Any]


def shipped(key: str | None, sku: str | None, quantity: str, *, substitute: bool = False) -> Row:
    return {"key": key, "sku": sku, "quantity": Decimal(quantity), "substitute": substitute}


def line(id: str, sku: str | None, left: str, *keys: str) -> Row:
    return {"id": id, "sku": sku, "quantity": Decimal(9), "left": Decimal(left), "keys": [id, *keys]}


ORDER = [line("1", "RED", "3", "order_line__7__1"), line("2", "BLUE", "1.5"), line("3", "RED", "2")]


def made(*rows: Row, order: list[Row] = ORDER) -> dict[str, str]:
    """Per line of the order what is shipped of it; sku and order of the lines are the order's."""
    found = allocate(rows, order)
    assert [(row["order_line_id"], row["sku"]) for row in found] == [
        (line["id"], line["sku"]) for line in order if line["id"] in {row["order_line_id"] for row in found}
    ]
    return {row["order_line_id"]: f"{row['quantity'].normalize():f}" for row in found}


@pytest.mark.parametrize(
    ("rows", "allocated"),
    [
        ([], {}),
        ([shipped("1", "RED", "3")], {"1": "3"}),
        ([shipped("order_line__7__1", "RED", "2")], {"1": "2"}),
        ([shipped("1", None, "1"), shipped("order_line__7__1", "FALLBACK", "2")], {"1": "3"}),
        ([shipped("3", "RED", "2")], {"3": "2"}),
        ([shipped(None, "RED", "2")], {"1": "2"}),
        ([shipped(None, "RED", "4")], {"1": "3", "3": "1"}),
        ([shipped(None, "RED", "1"), shipped(None, "RED", "4")], {"1": "3", "3": "2"}),
        ([shipped(None, "RED", "2"), shipped("1", "RED", "2")], {"1": "3", "3": "1"}),
        ([shipped(None, "BLUE", "0.5"), shipped("2", "BLUE", "1.0")], {"2": "1.5"}),
        ([shipped("1", "RED", "0"), shipped("9", "NOT OURS", "0")], {}),
    ],
)
def test_what_is_shipped_of_each_line(rows: list[Row], allocated: dict[str, str]) -> None:
    assert made(*rows) == allocated


def test_a_key_of_several_lines_fills_them_up_in_their_order() -> None:
    order = [line("1", "RED", "1", "both"), line("2", "RED", "4"), line("3", "RED", "5", "both")]
    assert made(shipped("both", "RED", "3"), order=order) == {"1": "1", "3": "2"}


@pytest.mark.parametrize(
    ("rows", "code", "reason"),
    [
        (
            [shipped("1", "RED", "4.0")],
            "overshipped",
            "shipped more than ordered: 4 of RED are shipped, but only 3 are left of line 1",
        ),
        (
            [shipped("1", "RED", "2"), shipped("order_line__7__1", "RED", "2")],
            "overshipped",
            "shipped more than ordered: 4 of RED are shipped, but only 3 are left of line 1",
        ),
        (
            [shipped(None, "RED", "10")],
            "overshipped",
            "shipped more than ordered: 10 of RED are shipped, but only 5 are left of lines 1, 3",
        ),
        (
            [shipped(None, "RED", "1"), shipped("1", "RED", "3"), shipped("3", "RED", "2")],
            "overshipped",
            "shipped more than ordered: 6 of RED are shipped, but only 5 are left of lines 1, 3",
        ),
        (
            [shipped("9", "RED", "1")],
            "not_ordered",
            "not ordered: 1 of RED is shipped, but the order has no line with the key '9'",
        ),
        (
            [shipped(None, "GREEN", "20")],
            "not_ordered",
            "not ordered: 20 of GREEN are shipped, but the order has no line with this SKU",
        ),
        (
            [shipped(None, None, "1")],
            "not_ordered",
            "not ordered: 1 of a product without SKU is shipped, and nothing says which line of the order it is of",
        ),
        (
            [shipped("1", "PINK", "1", substitute=True)],
            "substitute",
            "another product than ordered: 1 of PINK is shipped as a substitute",
        ),
        ([shipped("1", "RED", "-1")], "quantity", "-1 of RED are shipped, which is below zero"),
    ],
)
def test_what_cannot_be_allocated_is_held(rows: list[Row], code: str, reason: str) -> None:
    with pytest.raises(Hold) as caught:
        allocate(rows, ORDER)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert caught.value.hint == (
        "If it was really shipped, enter it in Clarity by hand; if not, correct {origin}. {again}"
    )


def test_a_line_without_sku_is_not_what_a_row_without_sku_means() -> None:
    with pytest.raises(Hold, match="not ordered"):
        allocate([shipped(None, None, "1")], [line("1", None, "1")])


def test_a_line_that_more_than_all_has_left_already_has_nothing_left() -> None:
    order = [line("1", "RED", "-2"), line("3", "RED", "2")]
    assert made(shipped(None, "RED", "2"), order=order) == {"3": "2"}
    with pytest.raises(Hold, match="1 of RED is shipped, but only 0 are left of line 1"):
        allocate([shipped("1", "RED", "1")], order)


def test_rows_cut_and_mixed_in_whatever_way_fill_the_lines_and_nothing_fits_on_top() -> None:
    random = Random(4711)
    for _ in range(300):
        order = [line(str(id), random.choice("AB"), str(random.randint(0, 4))) for id in range(random.randint(1, 5))]
        rows = []
        for each in order:
            whole = int(each["left"])
            cut = random.randint(0, whole)
            rows += [shipped(random.choice([each["id"], None]), each["sku"], str(part)) for part in (cut, whole - cut)]
        random.shuffle(rows)
        assert made(*rows, order=order) == {each["id"]: str(each["left"]) for each in order if each["left"]}
        with pytest.raises(Hold, match="shipped more than ordered"):
            allocate([*rows, shipped(None, order[0]["sku"], "1")], order)
