"""When a cancellation at a target is taken for one of a person there, and not for our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SETTLED = timedelta(seconds=60)
"""By then the fleet has recorded a cancellation that it sent itself."""


def settled_before() -> datetime:
    """Cancellations older than this are known to the fleet if they are its own."""
    return datetime.now(UTC) - SETTLED
