"""Option types: times, numbers, rates, shares and systems as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import click

from integration.settings import Settings

FORM = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min))?", re.ASCII)
SECONDS = {"s": 1, "min": 60}
PERCENT = re.compile(r"([1-9]\d?) ?%?", re.ASCII)
FASTEST = 100_000.0
DAYS = {"today": 0, "yesterday": 1}
AGO = re.compile(r"(\d{1,6})(s|min|m|h|d|w)", re.ASCII)
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
CLOCK = re.compile(r"\d{1,2}:\d{2}", re.ASCII)


class Whole(click.IntRange):
    """A whole number of a range."""

    name = "number"


class Moment(click.ParamType[datetime]):
    """A time that is not in the future: 2h (ago), today, yesterday, 04:00, a date or a time by RFC 3339.

    Without a zone it is UTC.  A time of day is the last one there was.
    """

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        now = datetime.now(UTC)
        try:
            moment = _moment(value.strip(), now)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a time in UTC: 2h, 3d, yesterday, 04:00, 2026-11-20 or 2026-11-20T08:30:00Z",
                param,
                ctx,
            )
        if moment > now:
            self.fail(f"{value} is in the future", param, ctx)
        return moment


def _moment(text: str, now: datetime) -> datetime:
    """Raises ValueError for text that is no time, and OverflowError for one before the year 1."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in DAYS:
        return midnight - timedelta(days=DAYS[text])
    if ago := AGO.fullmatch(text):
        return now - int(ago[1]) * UNITS[ago[2]]
    if CLOCK.fullmatch(text):
        today = datetime.combine(midnight.date(), time.fromisoformat(text.zfill(5)), UTC)
        return today if today <= now else today - timedelta(days=1)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class SystemName(click.ParamType[str]):
    """The name of a system, be it configured or not."""

    name = "SYSTEM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kinds = Settings.load().kinds
        if value not in kinds:
            self.fail(f"{value!r} is not one of the systems: {', '.join(kinds)}", param, ctx)
        return str(value)


class Rate(click.ParamType[float]):
    """Calls per second: ``5/s``, ``300/min``, or a bare number."""

    name = "RATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = FORM.fullmatch(value.strip())
        if not found:
            self.fail(f"{value!r} is not a rate such as 5/s or 300/min", param, ctx)
        rate = float(found[1]) / SECONDS[found[2] or "s"]
        if rate == 0:
            self.fail("at a rate of 0 nothing is ever called: pause it instead, `fleet targets pause NAME`", param, ctx)
        if rate > FASTEST:
            self.fail(f"{value} is faster than {FASTEST:.0f}/s", param, ctx)
        return rate


class Share(click.ParamType[int]):
    """A share in whole percent: ``10%``, or ``10``; less than all."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = PERCENT.fullmatch(value.strip())
        if not found:
            self.fail(f"{value!r} is not a share from 1% to 99%", param, ctx)
        return int(found[1])


def shown(rate: float) -> str:
    """The rate in the unit in which it is at least one, if there is such a unit."""
    return f"{rate:g}/s" if rate >= 1 else f"{rate * 60:g}/min"
