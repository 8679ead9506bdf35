"""Orders in another currency: by the rate of their day, with all sums tied, and by the rate that an ERP has them at."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from integration.canonical import check_order
from integration.canonical.conversion import convert
from integration.canonical.money import minor_digits, round_money
from integration.connectors.fusion.order.prices import prices
from integration.errors import Hold, Misconfigured
from integration.rules.mapping_check import check_definitions
from integration.rules.rates import Conversion, Rates
from integration.rules.workflow import Document, load_definitions
from mappings import FOLDER
from tests.connectors.random_orders import random_canonical

EXAMPLE = FOLDER / "examples" / "another-currency"
DEFINITIONS = load_definitions(FOLDER)
RATES = Rates.of(
    "rates",
    {
        "days": 7,
        "rates": [
            {"from": "EUR", "to": "USD", "date": "2026-11-20", "rate": "1.0850"},
            {"from": "EUR", "to": "USD", "date": "2026-11-16", "rate": "1.0812"},
            {"from": "EUR", "to": "USD", "date": "2026-11-23", "rate": "1.0901"},
        ],
    },
)


def at(rate: str, currency: str, to: str) -> Document:
    return {"from_currency": currency, "to_currency": to, "date": "2026-11-20", "rate": Decimal(rate)}


@pytest.mark.parametrize("seed", range(120))
def test_every_sum_of_a_converted_order_still_ties(seed: int) -> None:
    rng = Random(f"convert {seed}")
    order = random_canonical(f"convert {seed}", str(seed), "SKU-1", longest=12)
    to = rng.choice([each for each in ("USD", "JPY", "KWD", "EUR") if each != order["currency"]])
    rate = f"{rng.choice((0.0064, 0.31, 1.085, 3.2546, 163.25)) * rng.uniform(0.8, 1.2):.6f}"
    made = convert(order, at(rate, order["currency"], to))
    once = order["tax_rounding"] == "order"  # then the tax differs from the sum, by as much at the rate as before
    check_order(made, lambda fault: once and "the sum of the taxes" in fault.reason)
    assert made["currency"] == to
    total = round_money(order["totals"]["grand_total"] * Decimal(rate), to)
    off = made["totals"]["grand_total"] - total
    assert off == made["conversion"]["rounded"]
    parts = 2 * sum(1 + len(part["taxes"]) for part in (*order["lines"], *order["shipping_lines"], *order["fees"]))
    assert abs(off) <= (parts + len(order["discounts"])) * Decimal(1).scaleb(-minor_digits(to))
    prices(DEFINITIONS.mapping("fusion.out.order").apply(made))  # which come to the total, or raise


def test_sums_that_differed_differ_by_as_much_at_the_rate() -> None:
    order = random_canonical("differs", "1", "SKU-1", longest=3)
    order["totals"]["grand_total"] += 100
    order["lines"][0]["total"] += 10
    made = convert(order, at("2", order["currency"], "USD"))
    with pytest.raises(Hold, match="totals do not add up"):
        check_order(made)
    sound = convert(random_canonical("differs", "1", "SKU-1", longest=3), at("2", order["currency"], "USD"))
    assert made["totals"]["grand_total"] - sound["totals"]["grand_total"] == 200
    assert made["lines"][0]["total"] - sound["lines"][0]["total"] == 20


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2026-11-16", ("2026-11-16", "1.0812")),
        ("2026-11-19", ("2026-11-16", "1.0812")),
        ("2026-11-20", ("2026-11-20", "1.0850")),
        ("2026-11-22", ("2026-11-20", "1.0850")),
        ("2026-11-30", ("2026-11-23", "1.0901")),
    ],
)
def test_the_newest_rate_of_the_day_or_before_it_counts(day: str, found: tuple[str, str]) -> None:
    used = RATES.of_day("EUR", "USD", day)
    assert (used["date"], used["rate"]) == (found[0], Decimal(found[1]))


@pytest.mark.parametrize(
    ("currency", "to", "day", "newest"),
    [
        ("EUR", "USD", "2026-12-01", "; the newest before it is of 2026-11-23"),
        ("EUR", "USD", "2026-11-15", ""),
        ("USD", "EUR", "2026-11-20", ""),
        ("GBP", "USD", "2026-11-20", ""),
    ],
)
def test_without_a_rate_that_is_new_enough_the_order_is_held(currency: str, to: str, day: str, newest: str) -> None:
    with pytest.raises(Hold) as held:
        RATES.of_day(currency, to, day)
    assert held.value.code == "no_rate"
    assert held.value.reason == f"no rate from {currency} to {to} of {day} or the 7 days before{newest}"
    assert "mappings/tables/rates.json" in held.value.hint


def test_an_order_that_an_erp_has_keeps_its_rate() -> None:
    order = {**random_canonical("kept", "1", "SKU-1", longest=3), "currency": "EUR"}
    order["placed_at"] = "2026-11-20T10:00:00Z"
    conversion = Conversion("USD", RATES)
    kept = {"from_currency": "EUR", "to_currency": "USD", "date": "2026-11-16", "rate": "1.0812"}
    made = conversion.converted(order, kept)
    assert {name: str(value) for name, value in made["conversion"].items() if name != "rounded"} == kept
    for other in (None, {**kept, "to_currency": "GBP"}, {**kept, "from_currency": "PLN"}):
        assert conversion.converted(order, other)["conversion"]["date"] == "2026-11-20"


@pytest.mark.parametrize(
    ("sound", "wrong", "problem"),
    [
        (
            '"by": "rates"',
            '"by": "ratse"',
            "names the table 'ratse', which is not in mappings/tables; did you mean rates",
        ),
        ('"by": "rates"', '"by": "taxes"', "names the table 'taxes', which has no rates"),
    ],
)
def test_a_workflow_that_cannot_convert_is_refused(tmp_path: Path, sound: str, wrong: str, problem: str) -> None:
    example = shutil.copytree(EXAMPLE, tmp_path / "example")
    path = example / "order-to-odoo.json"
    path.write_text(path.read_text().replace(sound, wrong))
    with pytest.raises(Misconfigured) as refused:
        load_definitions(FOLDER, instead=example)
    assert problem in refused.value.reason


def test_a_table_of_rates_is_for_workflows_alone(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "mappings")
    shutil.copy(EXAMPLE / "tables" / "rates.json", folder / "tables")
    assert problems(folder) == ["no workflow converts by the table rates"]
    path = folder / "odoo" / "out" / "order.json"
    path.write_text(path.read_text().replace('["lookup", "carriers"]', '["lookup", "rates"]'))
    [problem] = problems(folder)
    assert problem.startswith("odoo/out/order.json:")
    assert problem.endswith("there is no table 'rates' in mappings/tables")


def problems(folder: Path) -> list[str]:
    return [str(problem) for checked in check_definitions(folder) for problem in checked.problems]
