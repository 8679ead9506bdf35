"""When refused requests are reported: every reason, once there are many, or from a shop that sells little."""

from __future__ import annotations

import re

import pytest

from integration.refusals import REFUSALS
from integration.signature import Flaw
from integration.store import refusals
from tasks.alert_rules import QUESTIONS
from tests.alerts.conftest import Watched


def about(fleet: Watched, kind: str) -> list[str]:
    return [condition.about for condition in fleet.conditions(kind)]


def refuse(fleet: Watched, count: int, reason: str, minutes: int = 0, *, known: bool = True) -> None:
    """So many webhooks were refused for this reason, that long ago; of Clarity, if it is known."""
    with fleet.runtime.database.transaction() as tx:
        refusals.note(tx, fleet.road.shop.id if known else None, {reason: count})
        tx.run(
            """update refusals set minute = minute - make_interval(mins => %s)
               where minute = date_trunc('minute', now())""",
            minutes,
        )


def sold(fleet: Watched, minutes: int) -> None:
    """Clarity's newest webhook was accepted that long ago."""
    fleet.road.accept(f"sold-{minutes}", order=f"sold-{minutes}")
    fleet.road.run("update messages set received_at = now() - make_interval(mins => %(ago)s)", {"ago": minutes})


def test_refused_webhooks_of_a_shop_are_reported_at_once(fleet: Watched) -> None:
    refuse(fleet, 2, Flaw.UNSIGNED, 5)
    refuse(fleet, 2, Flaw.STALE, 3)
    fleet.look()
    assert fleet.hook.notices == []
    refuse(fleet, 1, Flaw.UNPROVEN)
    fleet.look()
    (notice,) = fleet.hook.notices
    assert notice["title"] == "clarity-fleet: webhooks refused: clarity-1"
    lines = notice["message"].splitlines()
    newest = fleet.road.value("select to_char(max(minute), 'HH24:MI') from refusals")
    assert lines[1] == "Webhooks that were answered with 401 in the last hour: 5."
    assert lines[2] == f"The newest came at {newest} UTC: its signature matches none of our secrets."
    assert "CLARITY_WEBHOOK_SECRETS" in lines[3]


def test_strangers_wake_nobody(fleet: Watched) -> None:
    refuse(fleet, 1, Flaw.UNPROVEN)
    refuse(fleet, 3, Flaw.UNSIGNED, 4)
    refuse(fleet, 4, Flaw.UNSIGNED, 20)
    refuse(fleet, 4, Flaw.UNSIGNED, 40)
    assert about(fleet, "refused") == []
    refuse(fleet, 1, Flaw.UNSIGNED, 6)
    assert about(fleet, "refused") == ["clarity-1"], "they knock that often"


def test_where_little_is_sold_a_webhook_and_its_repeats_are_enough(fleet: Watched) -> None:
    sold(fleet, 30)
    refuse(fleet, 1, Flaw.STALE, 40)
    refuse(fleet, 1, Flaw.STALE, 25)
    refuse(fleet, 1, Flaw.STALE, 15)
    assert about(fleet, "refused") == [], "one of them was before the newest that was accepted"
    refuse(fleet, 1, Flaw.STALE, 12)
    (condition,) = fleet.conditions("refused")
    assert (condition.about, condition.count) == ("clarity-1", 4)
    assert "five minutes off" in condition.says
    assert "clock" in condition.fix


ELSEWHERE = {"malformed": "rejected", "conflict": "conflict"}
"""They have alerts of their own."""


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("reason", [reason for reason in REFUSALS if reason not in ELSEWHERE])
def test_every_refusal_is_reported_when_there_are_many(fleet: Watched, reason: str, known: bool) -> None:
    why = REFUSALS[reason]
    assert why.often
    if why.often > 1:
        sold(fleet, 1)
        refuse(fleet, why.often - 1, reason, 4, known=known)
        assert about(fleet, "refused") == []
    refuse(fleet, 1, reason, known=known)
    (found,) = fleet.conditions("refused")
    assert (found.about, found.count) == ("clarity-1" if known else "fleet", why.often)
    assert f"were answered with {why.status} in the last hour: {why.often}." in found.says
    assert why.because in found.says
    assert found.fix.startswith(why.fix)


def test_every_refusal_has_an_alert_and_a_place_in_the_table(fleet: Watched) -> None:
    assert {reason for reason, each in REFUSALS.items() if each.often is None} == set(ELSEWHERE)
    assert set(ELSEWHERE.values()) <= set(QUESTIONS)
    allowed = fleet.road.value(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'refusals_reason_check'"
    )
    assert set(re.findall(r"'(\w+)'::text", allowed)) == set(REFUSALS)


def test_several_reasons_are_one_alert_that_counts_each_answer(fleet: Watched) -> None:
    refuse(fleet, 4, "too_large", 2)
    refuse(fleet, 2, Flaw.STALE)
    (found,) = fleet.conditions("refused")
    assert found.says.splitlines()[:2] == [
        "Webhooks that were answered with 401 in the last hour: 2.",
        "Webhooks that were answered with 413 in the last hour: 4.",
    ]
    assert found.count == 6


def test_refusals_end_by_themselves(fleet: Watched) -> None:
    sold(fleet, 30)
    refuse(fleet, 9, Flaw.UNPROVEN, 11)
    assert about(fleet, "refused") == ["clarity-1"], "nothing was accepted since"
    sold(fleet, 1)
    assert about(fleet, "refused") == [], "it is repaired"
    fleet.road.run("update messages set received_at = now() - interval '1 day'")
    assert about(fleet, "refused") == ["clarity-1"]
    fleet.road.run("update refusals set minute = minute - interval '50 minutes'")
    assert about(fleet, "refused") == [], "none came any more"
