"""Functions of time."""

from __future__ import annotations

from datetime import datetime

from integration.rules.functions.registry import Unfit, function, text_of


@function()
def day(time: str) -> str:
    """The UTC day of an RFC 3339 time, as 2026-11-20."""
    return _moment(time).strftime("%Y-%m-%d")


@function()
def time(time: str, format: str) -> str:
    """An RFC 3339 time in UTC, written in a strftime format."""
    return _moment(time).strftime(format)


def _moment(value: str) -> datetime:
    try:
        return datetime.fromisoformat(text_of(value))
    except ValueError:
        raise Unfit("not a time") from None
