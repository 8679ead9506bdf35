"""Times as Fusion writes them, with any offset, and as we pass them on: UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def moment(value: Any) -> datetime | None:
    """A time of an answer in UTC; one without an offset is UTC already.  None when it is no time.

    >>> moment("2026-11-22T16:00:00.000+01:00")
    datetime.datetime(2026, 11, 22, 15, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def newest(values: Iterable[Any]) -> datetime | None:
    """The newest of those that are times."""
    return max(filter(None, map(moment, values)), default=None)


def literal(time: datetime) -> str:
    """A time as ``q`` takes it, in whole seconds and never later than it is: "2026-11-22T15:00:00+00:00"."""
    return time.astimezone(UTC).isoformat(timespec="seconds")


def zulu(time: datetime | None) -> str | None:
    """A time as documents carry it: "2026-11-22T15:00:00Z"."""
    return literal(time).replace("+00:00", "Z") if time else None
