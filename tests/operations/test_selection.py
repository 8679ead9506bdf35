"""The selection: the same words in a URL, for a list and for what is done with all that is listed."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import click
import pytest

from integration.errors import Failure
from integration.message import State
from integration.operations.selection import Selection, names
from integration.terminal.option_types import Moment

WHOLE = Selection(
    (State.HELD, State.DEAD),
    (1, 2),
    code="unknown_sku",
    fingerprint="a0d48586da38",
    target="odoo-1",
    workflow="order-to-odoo",
    type="order.created",
    number="WEB-1001 & more = 100 %",
    since=datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    until=datetime(2026, 11, 21, tzinfo=UTC),
    entity="order",
    object="ä/1",
    email_key="0f" * 16,
    pin="abc123",
)


def test_a_query_is_read_as_it_was_written() -> None:
    assert all(getattr(WHOLE, each.name) for each in fields(Selection))
    assert Selection.from_query(WHOLE.query()) == WHOLE
    assert Selection.from_query(Selection().query()) == Selection()
    assert {name for name, _ in parse_qsl(WHOLE.query())} == set(names())


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("states=held", "nothing is selected by 'states'"),
        ("color=red", "nothing is selected by 'color'"),
        ("state=lost", "state cannot be 'lost'"),
        ("id=x", "id cannot be 'x'"),
        ("since=soon", "since cannot be 'soon'"),
    ],
)
def test_what_is_no_selection_is_refused(query: str, says: str) -> None:
    with pytest.raises(Failure) as refused:
        Selection.from_query(query)
    assert refused.value.reason == says
    assert refused.value.hint


def test_a_time_without_a_zone_is_utc() -> None:
    assert Selection.from_query("since=2026-11-20T08:30").since == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def test_people_read_what_is_selected() -> None:
    assert str(Selection([State.HELD], target="odoo")) == "state held, target odoo"
    assert str(Selection()) == "everything"


def moment(text: str) -> datetime:
    return Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", timedelta(seconds=90)), ("30min", timedelta(minutes=30)), ("2h", timedelta(hours=2)),
     ("3d", timedelta(days=3)), ("2w", timedelta(weeks=2))],
)  # fmt: skip
def test_a_time_may_be_so_long_ago(text: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    assert before - ago <= moment(text) <= datetime.now(UTC) - ago


def test_a_day_begins_at_midnight_in_utc() -> None:
    today, yesterday = moment("today"), moment("yesterday")
    assert (today.hour, today.minute, today.second, today.utcoffset()) == (0, 0, 0, timedelta(0))
    assert today - yesterday == timedelta(days=1)
    assert moment("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert moment("2026-11-20T08:30+02:00") == datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["00:00", "4:00", "04:00", "23:59"])
def test_a_time_of_day_is_the_last_one_there_was(text: str) -> None:
    before = datetime.now(UTC)
    found = moment(text)
    assert found.strftime("%H:%M") == text.zfill(5)
    assert before - timedelta(days=1) < found <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["soon", "24:30", "2 h", "9999999h", "999999w", "-2h", "2999-01-01", "²h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        moment(text)
    assert "in UTC" in str(refused.value) or "in the future" in str(refused.value)
