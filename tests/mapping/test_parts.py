"""The parts of a split order add up to it in every total, to the minor unit, whatever the order is like."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from integration.canonical import check_order
from integration.canonical.money import minor_digits
from integration.rules.expressions import compile_expression
from integration.rules.split import Split
from integration.rules.workflow import load_definitions
from integration.sandbox.clarity import money
from integration.sandbox.clarity.generate import SOUND, generate
from mappings import FOLDER
from tests.mapping.splits import TIMES

CLARITY = load_definitions(FOLDER).mapping("clarity.in.order")
CHARGES = ("shipping_lines", "fees", "discounts", "payments")
MARKETS = {("EUR", True), ("EUR", False), ("USD", False), ("JPY", True), ("KWD", False)}


def test_parts_add_up_to_the_order_in_every_total() -> None:
    """Orders of all traits, split in two and in three.

    The order is checked whole.  So is every part, but that its payments stay with the charges and pay for all.
    """
    divided: list[dict[str, Any]] = []
    for canonical in orders():
        check_order(canonical)
        for split in (two(), three()):
            parts = [part for name in split.tests if (part := split.part(name, canonical))["lines"]]
            assert added_up(parts) == {name: total or 0 for name, total in canonical["totals"].items()}
            carried = [line["id"] for part in parts for line in part["lines"]]
            assert sorted(carried) == sorted(line["id"] for line in canonical["lines"])
            for name in CHARGES:
                assert [part[name] for part in parts] == [canonical[name], *([] for _ in parts[1:])]
            for part in parts:
                check_order({**part, "totals": {**part["totals"], "balance_due": None}})
            if len(parts) > 1:
                divided.append(canonical)
    assert {(each["currency"], each["tax_included"]) for each in divided} == MARKETS
    lines = [line for each in divided for line in each["lines"]]
    assert any(line["quantity"] % 1 for line in lines) and any(len(line["taxes"]) > 1 for line in lines)
    assert all(any(each[name] for each in divided) for name in CHARGES)
    assert any(each["totals"]["gift_card"] and each["totals"]["balance_due"] == 0 for each in divided)


def test_what_was_rounded_on_the_whole_order_stays_with_the_charges() -> None:
    for canonical in orders():
        unit = Decimal(1).scaleb(-minor_digits(canonical["currency"]))
        rounded = canonical | {"tax_rounding": "order"}
        rounded["totals"] = {**canonical["totals"], "tax": canonical["totals"]["tax"] + unit}
        if not canonical["tax_included"]:
            rounded["totals"] |= {name: canonical["totals"][name] + unit for name in ("grand_total", "balance_due")}
        split = two()
        parts = [split.part(name, rounded) for name in split.tests]
        assert added_up(parts) == {name: total or 0 for name, total in rounded["totals"].items()}


def test_totals_that_clarity_does_not_state_are_nothing() -> None:
    canonical = next(each for each in orders() if len(two().part("downloads", each)["lines"]) == 2)
    canonical["totals"] |= {"gift_card": None, "subtotal": None}
    goods, downloads = [two().part(name, canonical) for name in ("goods", "downloads")]
    assert (goods["totals"]["gift_card"], downloads["totals"]["gift_card"]) == (None, None)
    assert goods["totals"]["subtotal"] == -downloads["totals"]["subtotal"] < 0


def orders() -> list[dict[str, Any]]:
    """Canonical orders of all traits; to most, downloads and services are added, to every third a fee."""
    mixed = [f"{trait}+digital_mix" for trait in SOUND if trait not in ("digital", "250_lines")]
    many = ["order_discount+gift_card+fractional_qty", "b2b_po+express+tax_excluded", "multi_tax+discount_percent"]
    traits = [*SOUND, *mixed, *(f"{each}+digital_mix" for each in many), "jpy+digital_mix+gift_card+order_discount"]
    made = generate(3 * len(traits), "split", traits)
    for number, each in enumerate(made):
        each |= {"id": f"g-{number}", "number": f"WEB-{number}", "version": 1, **TIMES}
        if number % 3 == 0:
            digits = Decimal(1).scaleb(-money.digits(each["currency"]))
            taxes = [{"code": tax["code"], "rate": tax["rate"]} for tax in each["lines"][0]["taxes"]]
            each["fees"] = [{"code": "WRAP", "name": "Wrapping", "amount": str(250 * digits), "taxes": taxes}]
            money.settle(each)
    return [CLARITY(each) for each in made]


@cache
def two() -> Split:
    return split(goods="kind == 'physical'", downloads="kind != 'physical'")


@cache
def three() -> Split:
    return split(
        services="kind == 'service'", goods="requires_shipping", downloads="kind == 'digital' || kind == 'gift_card'"
    )


def split(**lines: str) -> Split:
    return Split({name: compile_expression(text) for name, text in lines.items()})


def added_up(parts: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {
        name: sum((part["totals"][name] or Decimal(0) for part in parts), Decimal(0)) for name in parts[0]["totals"]
    }
