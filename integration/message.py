"""Messages, deliveries and lanes, and the keys that identify them.

A *message* is one event as it was accepted.  A *delivery* is one effect of one message at one target.  A *lane* is the
queue of all deliveries of one object at one installation; one of them runs at a time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

ESCAPED = re.compile(r"[^A-Za-z0-9]+")
UNCLEAR = re.compile("[\x00\\\\\ud800-\udfff]")
LONGEST_ID = 50
LONGEST_CLEAR = 255


class State(StrEnum):
    """Where a delivery is.  The first four are *open*; of the rest, held and dead wait for a person."""

    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    HELD = "held"
    DEAD = "dead"


OPEN = (State.READY, State.QUEUED, State.RUNNING, State.WAITING)


class Step(StrEnum):
    """The steps of a delivery, in order.  ``fetch`` comes first only where an event does not hold its object."""

    FETCH = "fetch"
    TRANSFORM = "transform"
    VALIDATE = "validate"
    ENRICH = "enrich"
    POST = "post"
    PUSH_STATUS = "push_status"


@dataclass(frozen=True)
class Event:
    """What the receiver reads from an accepted event.

    ``object_id`` is the id of the object it is about, ``version`` orders the events of one object (a version number,
    or the event's time in microseconds), ``number`` is the object's number ("WEB-1001"), for searching only.  ``value``
    in ``currency`` is what the object is worth, and ``part_of`` is our id of what it belongs to: for lists only.
    """

    id: str
    type: str
    object_id: str
    version: int
    number: str | None
    email: str | None = None
    value: Decimal | None = None
    currency: str | None = None
    part_of: str | None = None


def external_id(entity: str, *ids: str) -> str:
    """A business key of at most 50 characters of ``[A-Za-z0-9_]``, the same for the same ids, different for others.

    Injective: letters and digits stand for themselves, every other byte of the UTF-8 text (and ``_`` itself) becomes
    ``_xx``; parts are joined by ``__``.  Longer ones end in ``___h`` and a hash, which no written-out id contains.

    >>> external_id("order", "1001")
    'order__1001'
    >>> external_id("order", "a_b")
    'order__a_5fb'
    """
    written = "__".join((entity, *(_escape(part) for part in ids)))
    if len(written) <= LONGEST_ID:
        return written
    digest = hashlib.sha256(written.encode()).hexdigest()
    return f"{entity}___h{digest}"[:LONGEST_ID]


def read_external_id(name: str) -> tuple[str, ...] | None:
    """The parts of a key that `external_id` made, entity first; None if it ends in a hash, or is no such key.

    >>> read_external_id("order_line__a_5fb__1")
    ('order_line', 'a_b', '1')
    >>> read_external_id(external_id("order", "x" * 60))
    """
    if len(name) > LONGEST_ID or not name.isascii():
        return None
    entity, _, written = name.partition("__")
    ids = [unquote(part.replace("_", "%")) for part in written.split("__")]
    return (entity, *ids) if external_id(entity, *ids) == name else None


def line_keys(order: str, line: str) -> tuple[str, ...]:
    """Every key that a line of an order may have at a target: its id as it is, or encoded."""
    return line, external_id("line", line), external_id("order_line", order, line)


def line_ids(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids of an order's lines, as Postgres keeps them."""
    return {clear(line["id"]) for line in lines}


def lane(installation: str, entity: str, id: str) -> str:
    """The lane of one object at one installation, e.g. ``odoo-1/order__1001``."""
    return f"{installation}/{external_id(entity, id)}"


def _escape(id: str) -> str:
    return ESCAPED.sub(lambda run: "_" + run[0].encode("utf-8", "surrogatepass").hex("_"), id)


def clear(id: str) -> str:
    """An id as Postgres can store and index it in clear, different for different ids.

    NUL, lone surrogates and the backslash are escaped; beyond 255 characters it is cut and ends in a hash.

    >>> clear("a.b"), clear("a\\x00b")
    ('a.b', 'a\\\\u0000b')
    """
    written = UNCLEAR.sub(lambda char: f"\\u{ord(char[0]):04x}", id)
    if len(written) <= LONGEST_CLEAR:
        return written
    return f"{written[:180]}\\{hashlib.sha256(written.encode()).hexdigest()}"
