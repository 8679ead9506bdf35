"""What an ERP cancels goes to Clarity as it is, unless it is not clear what is still wanted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.canonical.cancellation import check_cancellation
from integration.errors import Hold
from tests.mapping.test_shipment import WORKFLOWS, given


def canonical(system: str, sample: str, **changes: Any) -> dict[str, Any]:
    event = given(f"{system}.in.cancellation", sample)
    return {**WORKFLOWS[f"{system}-cancellation-to-clarity"].translate(event).canonical, **changes}


@pytest.mark.parametrize("system", ["odoo", "fusion"])
@pytest.mark.parametrize("sample", ["whole", "short"])
def test_what_is_clear_passes(system: str, sample: str) -> None:
    check_cancellation(canonical(system, sample))


@pytest.mark.parametrize(
    ("system", "sample", "changes", "code"),
    [
        ("odoo", "unclear", {}, "transfers_cancelled"),
        ("fusion", "unclear", {}, "shipped_short"),
        ("odoo", "short", {"whole": True}, "cancelled_at_target"),
        ("odoo", "whole", {"lines": []}, "cancelled_at_target"),
    ],
)
def test_what_is_not_is_held(system: str, sample: str, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Hold) as held:
        check_cancellation(canonical(system, sample, **changes))
    assert held.value.code == code
    assert "`fleet held resolve`" in (held.value.hint or "")


def test_more_billed_than_kept_is_held() -> None:
    cancellation = canonical("odoo", "short")
    cancellation["lines"][0]["billed"] = Decimal(3)
    with pytest.raises(Hold, match="2 of line 1 of S00012 are kept in the ERP, but 3 are billed") as held:
        check_cancellation(cancellation)
    assert held.value.code == "billed_at_target"
