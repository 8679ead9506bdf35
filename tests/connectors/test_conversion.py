"""Converted orders at Odoo: a line carries what rounding explains, as of any other order, and the total is exact."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from integration.canonical.conversion import convert
from integration.rules.workflow import load_definitions
from mappings import FOLDER
from tests.connectors.odoo_targets import SandboxTarget, Shop, sandbox
from tests.connectors.random_orders import random_canonical

RATES = {"EUR": ("USD", "1.085"), "JPY": ("EUR", "0.0061"), "KWD": ("JPY", "512.75")}


@pytest.mark.parametrize("method", ["round_per_line", "round_globally"])
def test_converted_orders_reach_odoo_to_the_minor_unit(method: str, tmp_path: Path) -> None:
    mapping = load_definitions(FOLDER).mapping("odoo.out.order")
    carried = set()
    with sandbox(tmp_path) as (url, fake):
        shop = Shop(SandboxTarget(url, fake, "json2"))
        with fake.database.transaction():
            fake.database.update("res.company", 1, {"tax_calculation_rounding_method": method})
        for seed in range(40):
            order = random_canonical(f"odoo {seed}", f"c{seed}", shop.target.sku_a, longest=6)
            to, rate = RATES[order["currency"]]
            day = {"from_currency": order["currency"], "to_currency": to, "date": "2026-11-20"}
            made = convert(order, {**day, "rate": Decimal(rate)})
            posted = shop.send(mapping.apply(made), shop.new_work())
            carried.add(posted.rounding)
            shown = shop.target.one("sale.order", posted.theirs or 0, "amount_total", "state")
            assert (Decimal(shown["amount_total"]), shown["state"]) == (made["totals"]["grand_total"], "sale")
    assert len(carried) > 2, "a line carries cents of some"
