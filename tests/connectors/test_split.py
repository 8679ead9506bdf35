"""Split orders at the systems: together they come to Clarity's total, and what one has lost is cancelled there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from integration.connectors.contract import Posted
from integration.sandbox.clarity import money
from integration.sandbox.clarity.generate import generate
from tests.connectors.fusion_targets import Shop as FusionShop
from tests.connectors.fusion_targets import pod
from tests.connectors.odoo_targets import SandboxTarget, sandbox
from tests.connectors.odoo_targets import Shop as OdooShop
from tests.mapping.splits import TIMES, split_definitions, to_both


@pytest.mark.parametrize(("left", "states"), [("odoo", ("sale", "CANCELED")), ("fusion", ("cancel", "OPEN"))])
def test_both_systems_come_to_the_order_together_and_a_part_that_goes_away_is_cancelled(
    tmp_path: Path, left: str, states: tuple[str, str]
) -> None:
    """What is left takes over the charges, if it had none."""
    both = to_both(split_definitions(tmp_path / "mappings"))
    made = generate(1, "both", ["tax_excluded+digital_mix+order_discount+same_customer"])[0]
    with sandbox(tmp_path) as (url, fake), pod(tmp_path) as fusion:
        odoo = SandboxTarget(url, fake, "json2")
        shops = [OdooShop(odoo), FusionShop(fusion)]
        shops[1].connector = fusion.connector(guest_account="90000")

        def send(version: int) -> list[Posted]:
            event = {"data": {**made, "id": "77", "number": "WEB-77", "version": version, **TIMES}}
            documents = [each.translate(event).target for each in both]
            return [shop.send(each, shop.new_work()) for shop, each in zip(shops, documents, strict=True)]

        def standing() -> tuple[tuple[str, str], list[Decimal]]:
            [sale], sales_order = odoo.orders("WEB-77"), fusion.order({"key": "77"})
            totals = [sale["amount_total"], sales_order["totals"]["total"]]
            return (sale["state"], sales_order["status"]), [Decimal(total) for total in totals]

        send(1)
        (in_odoo, in_fusion), totals = standing()
        assert (in_odoo, in_fusion) == ("sale", "OPEN")
        assert sum(totals) == Decimal(made["totals"]["grandTotal"])
        made["lines"] = [line for line in made["lines"] if (line["kind"] == "physical") == (left == "odoo")]
        made["payments"] = []
        money.settle(made)
        send(2)
        now, totals = standing()
        assert now == states
        assert totals[left == "fusion"] == Decimal(made["totals"]["grandTotal"])


@pytest.mark.parametrize(("trait", "nobody"), [("digital", 0), ("plain", 1)])
def test_a_target_that_never_had_a_line_is_sent_nothing(tmp_path: Path, trait: str, nobody: int) -> None:
    made = {**generate(1, "nobody", [trait])[0], "id": "78", "number": "WEB-78", "version": 1, **TIMES}
    document = to_both(split_definitions(tmp_path / "mappings"))[nobody].translate({"data": made}).target
    with sandbox(tmp_path) as (url, fake), pod(tmp_path) as fusion:
        shop = [OdooShop(SandboxTarget(url, fake, "json2")), FusionShop(fusion)][nobody]
        assert shop.send(document) == Posted(None, None)
        assert shop.work.tries == []
