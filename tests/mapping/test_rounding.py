"""How often an amount is rounded, and what that explains: by hand, and for random orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.canonical.rounding import explains, is_whole, most, tax_roundings
from integration.canonical.split import part_with, remainder
from integration.connectors.odoo.amounts import PER_LINE, Line, Tax, lines_of, roundings
from tests.connectors.random_orders import random_canonical, random_order

GLOBALLY = "round_globally"


def taxed(rate: str, code: str = "") -> dict[str, Any]:
    return {"code": code or rate, "rate": Decimal(rate), "amount": Decimal(0)}


def order(rounding: str, *, included: bool = False) -> dict[str, Any]:
    """Two lines, of 3 and of 2.5 units, shipping and a fee."""
    return {
        "tax_included": included,
        "tax_rounding": rounding,
        "lines": [
            {"quantity": Decimal(3), "taxes": [taxed("0.2"), taxed("0.05")]},
            {"quantity": Decimal("2.5"), "taxes": [taxed("0.2"), taxed("0")]},
        ],
        "shipping_lines": [{"taxes": [taxed("0.2")]}],
        "fees": [{"taxes": []}],
    }


@pytest.mark.parametrize(("rounding", "count"), [("line", "4"), ("unit", "10.5"), ("order", "2")])
def test_how_often_clarity_rounds(rounding: str, count: str) -> None:
    assert tax_roundings(order(rounding)) == Decimal(count)
    assert tax_roundings(order(rounding, included=True)) == 0


def test_what_so_many_roundings_explain() -> None:
    assert [most(count, "EUR") for count in (0, 1, 2, 5)] == [0, 0, Decimal("0.01"), Decimal("0.02")]
    assert (most(5, "JPY"), most(5, "KWD")) == (2, Decimal("0.002"))
    assert explains(3, Decimal("-0.015"), "EUR")
    assert not explains(3, Decimal("0.0151"), "EUR")
    assert (is_whole(Decimal("9.9999999999"), "EUR"), is_whole(Decimal("0.5"), "JPY")) == (True, False)


def line(price: str, *taxes: tuple[str, bool]) -> Line:
    return Line.of(Decimal(1), Decimal(price), Decimal(0), [Tax(Decimal(rate), inside) for rate, inside in taxes])


ON_TOP, INSIDE, NONE = ("20", False), ("20", True), ("0", False)


@pytest.mark.parametrize(
    ("lines", "per_line", "globally"),
    [
        ([line("10.00", ON_TOP)] * 3, 3, 1),
        ([line("10.00", ON_TOP, ("5", False))] * 3, 6, 2),
        ([line("10.00", INSIDE)] * 3, 0, 0),
        ([line("10.00", NONE)] * 3, 0, 0),
        ([line("10.005", INSIDE)] * 3, 3, 1),
        ([line("10.005", ON_TOP)] * 3, 6, 2),
        ([line("10.00", ON_TOP), line("10.00", INSIDE)], 1, 3),
        ([line("10.00", ON_TOP, INSIDE)], 2, 3),
        ([], 0, 0),
    ],
)
def test_how_often_odoo_rounds(lines: list[Line], per_line: int, globally: int) -> None:
    assert (roundings(lines, "EUR", PER_LINE), roundings(lines, "EUR", GLOBALLY)) == (per_line, globally)


def test_a_line_comes_to_its_price_with_taxes() -> None:
    assert line("10.00", ON_TOP).total == 12
    assert line("12.00", INSIDE).total == 12
    assert line("12.00", INSIDE, ("10", False)).total == 13
    assert Line.of(Decimal(3), Decimal("10.55"), Decimal(10), []).total == Decimal("28.485")


def test_clarity_is_never_further_off_than_its_roundings_explain() -> None:
    closest = Decimal(0)
    for number in range(300):
        document = random_order(f"off/{number}", "1", "SKU").document
        off = document["amount_total"] - sum((each.total for each in lines_of(document)), Decimal(0))
        assert explains(document["tax_roundings"], off, document["currency"])
        if document["tax_roundings"]:
            closest = max(closest, abs(off) / most(document["tax_roundings"] + 2, document["currency"]))
    assert closest > Decimal("0.3"), "the bound is so wide that it says nothing"


def test_a_part_is_never_further_off_than_its_roundings_explain() -> None:
    split = 0
    for number in range(300):
        whole = random_canonical(f"part/{number}", "1", "SKU")
        first, rest = whole["lines"][::2], whole["lines"][1::2]
        other = part_with(whole, first)
        for part in (other, remainder(whole, rest, [other])):
            off = part["totals"]["grand_total"] - exactly(part)
            assert explains(tax_roundings(part), off, part["currency"])
        split += whole["tax_rounding"] == "order" and not whole["tax_included"]
    assert split > 20
    alone = random_canonical("part/0", "1", "SKU")
    assert tax_roundings(remainder(alone, alone["lines"], [])) == tax_roundings(alone)


def exactly(part: dict[str, Any]) -> Decimal:
    """What a part of an order comes to when nothing is rounded."""
    charges = [(each["price"] - each["discount"], each["taxes"]) for each in part["shipping_lines"]]
    charges += [(each["amount"], each["taxes"]) for each in part["fees"]]
    priced = [(each["total"], each["taxes"]) for each in part["lines"]] + charges
    total = sum((price for price, _ in priced), -sum((each["amount"] for each in part["discounts"]), Decimal(0)))
    if part["tax_included"]:
        return Decimal(total)
    return total + sum((price * tax["rate"] for price, taxes in priced for tax in taxes), Decimal(0))
