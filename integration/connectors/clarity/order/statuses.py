"""The statuses of a Clarity order, and what may follow what (Clarity API v1, sandbox contract of 2026-11-01)."""

from __future__ import annotations

from collections import deque

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "pending": ("confirmed", "on_hold", "cancelled"),
    "confirmed": ("processing", "on_hold", "backordered", "cancelled"),
    "on_hold": ("confirmed", "cancelled"),
    "backordered": ("processing", "cancelled"),
    "processing": ("ready_for_pickup", "partially_shipped", "shipped", "on_hold", "cancelled"),
    "partially_shipped": ("shipped",),
    "ready_for_pickup": ("completed",),
    "shipped": ("completed",),
    "completed": (),
    "cancelled": (),
    "void": (),
}

PASSABLE = frozenset({"confirmed", "processing"})
"""What an order may be taken through on the way to another status; the others say something of their own."""

ASIDE = frozenset({"on_hold", "cancelled", "void"})
"""What lies beside the way from pending to completed."""


def is_past(current: str, wanted: str) -> bool:
    """Whether an order that is ``current`` has left ``wanted`` behind it on the way to completed."""
    if wanted in ASIDE:
        return False
    ahead, seen = [wanted], {wanted}
    while ahead:
        new = set(TRANSITIONS[ahead.pop()]) - ASIDE - seen
        ahead.extend(new)
        seen |= new
    return current in seen - {wanted}


def is_beside(current: str, wanted: str) -> bool:
    """Whether ``wanted`` is on another way to completed than an order that is ``current`` takes.

    One that is ready for pickup is handed over, not shipped.

    >>> is_beside("ready_for_pickup", "shipped"), is_beside("ready_for_pickup", "completed")
    (True, False)
    """
    return (
        all(is_past("completed", each) for each in (current, wanted))
        and not {current, wanted} & ASIDE
        and not is_past(current, wanted)
        and not is_past(wanted, current)
    )


def way(current: str, wanted: str) -> tuple[str, ...]:
    """The statuses to set, one after the other, last ``wanted``; empty when there is no way.

    An order is taken aside (on hold, cancelled) only from where it is.

    >>> way("pending", "processing")
    ('confirmed', 'processing')
    >>> way("shipped", "processing")
    ()
    """
    ways: deque[tuple[str, ...]] = deque((status,) for status in TRANSITIONS[current])
    while ways:
        steps = ways.popleft()
        if steps[-1] == wanted:
            return steps
        if steps[-1] in PASSABLE and wanted not in ASIDE:
            ways.extend((*steps, status) for status in TRANSITIONS[steps[-1]] if status not in steps)
    return ()
