"""What an ERP takes back is held for a person, unless Clarity has taken it back, too."""

from __future__ import annotations

import pytest

from integration.canonical.reversal import check_reversal
from integration.errors import Hold, Skip
from tests.mapping.test_shipment import WORKFLOWS, given


def test_it_is_held_with_what_to_do() -> None:
    canonical = WORKFLOWS["odoo-reversal-to-clarity"].translate(given("odoo.in.reversal", "returned")).canonical
    with pytest.raises(Hold) as held:
        check_reversal(canonical)
    assert held.value.code == "returned_at_target"
    assert "goods of order 1001 came back with WH/IN/00001: 2 of SKU-1" in held.value.reason
    assert "`fleet held resolve`" in held.value.hint if held.value.hint else False


def test_what_both_have_cancelled_is_nothing_to_decide() -> None:
    with pytest.raises(Skip) as skipped:
        WORKFLOWS["odoo-reversal-to-clarity"].translate(given("odoo.in.reversal", "cancelled_in_both"))
    assert skipped.value.reason == "Clarity has cancelled the order, too"
