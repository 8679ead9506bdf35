"""What an ERP takes back is held for a person, unless Clarity has taken it back, too."""

from __future__ import annotations

import pytest

from integration.canonical.reversal import check_reversal
from integration.errors import Hold, Skip
from tests.mapping.test_shipment import WORKFLOWS, given


@pytest.mark.parametrize("system", ["odoo", "fusion"])
@pytest.mark.parametrize(
    ("sample", "code", "reason"),
    [
        ("cancelled", "cancelled_at_target", "is cancelled in the ERP, but Clarity has order 1001 open"),
    ],
)
def test_it_is_held_with_what_to_do(system: str, sample: str, code: str, reason: str) -> None:
    canonical = WORKFLOWS[f"{system}-reversal-to-clarity"].translate(given(f"{system}.in.reversal", sample)).canonical
    with pytest.raises(Hold) as held:
        check_reversal(canonical)
    assert held.value.code == code
    assert reason in held.value.reason
    assert "`fleet held resolve`" in held.value.hint if held.value.hint else False


@pytest.mark.parametrize("system", ["odoo", "fusion"])
def test_what_both_have_cancelled_is_nothing_to_decide(system: str) -> None:
    with pytest.raises(Skip) as skipped:
        WORKFLOWS[f"{system}-reversal-to-clarity"].translate(given(f"{system}.in.reversal", "cancelled_in_both"))
    assert skipped.value.reason == "Clarity has cancelled the order, too"
