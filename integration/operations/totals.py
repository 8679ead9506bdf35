"""Totals of objects: how many orders came, how many are where they belong, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from integration.operations.objects import kind_of, whole_of_parts
from integration.operations.selection import Selection
from integration.store import objects, repair
from integration.store.database import Row, Transaction


@dataclass(frozen=True)
class Totals:
    """Of the objects whose first event came ``since``: ``received`` = ``one`` + ``several`` + ``open`` + ``waiting`` +
    ``nowhere``, as `objects.received` has them.  ``for_a_person`` is of all times: `objects.waiting_for_a_person`.
    """

    since: datetime
    received: Row
    for_a_person: list[Row]


def totals(tx: Transaction, of: str, since: datetime) -> Totals:
    """The totals of an entity's objects; what it costs grows with what came since, and with what waits."""
    tx.plan_anew()
    return Totals(since, objects.received(tx, kind_of(of), since), objects.waiting_for_a_person(tx, kind_of(of)))


def concerned(tx: Transaction, chosen: Selection) -> dict[str, int]:
    """How many objects the deliveries chosen are about, by entity; parts count as what they belong to."""
    return repair.objects(tx, chosen, whole_of_parts())
