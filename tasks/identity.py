"""Identity: our id of an object is the id in its home; before that, the installation that made it and its id there."""

from __future__ import annotations

from collections.abc import Collection

from integration.canonical.entities import entity
from integration.message import clear, lane
from integration.store import crossrefs, identity
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from integration.store.installations import Installation
from integration.systems import is_home, qualify
from tasks.runtime import Runtime


def object_ids(tx: Transaction, of: str | None, made_by: Installation, theirs: Collection[str]) -> dict[str, str]:
    """The ids of objects as a poll finds them, by theirs: ours where a crossref knows it, else "odoo-1/17".

    Of an entity that only its home makes, what no crossref knows is no object of ours, and is left out.
    """
    known = crossrefs.our_ids(tx, made_by.id, of, theirs) if of else {}
    if of and entity(of).made_at_home and entity(of).home != made_by.kind:
        return known
    return {id: known.get(id) or clear(f"{made_by.name}/{id}") for id in theirs}


def is_elsewhere(runtime: Runtime, delivery: Delivery) -> bool:
    """Whether the object's home is another system of the kind of the delivery's target."""
    target, made_by = runtime.installation(delivery.target), runtime.installation(delivery.source)
    if target is None or target.kind != entity(delivery.entity).home:
        return False
    has_no_home_yet = made_by is not None and delivery.object_id.startswith(f"{made_by.name}/")
    return not has_no_home_yet and not is_home(target.system, delivery.object_id, runtime.settings.kinds)


def adopt_new_id(tx: Transaction, runtime: Runtime, delivery: Delivery, theirs: str | None) -> Delivery:
    """The delivery under the id that its target has answered, where that is the object's home and has just made it.

    Two crossrefs hold it from then on: one at the home, one at the system that the object came from.
    """
    home, made_by = runtime.installation(delivery.target), runtime.installation(delivery.source)
    if theirs is None or home is None or made_by is None or home.kind != entity(delivery.entity).home:
        return delivery
    before = f"{made_by.name}/"
    if not delivery.object_id.startswith(before):
        return delivery
    ours = clear(qualify(home.system, theirs))
    new_lane = lane(home.name, delivery.entity, ours)
    return identity.adopt(tx, delivery, ours, new_lane, delivery.object_id.removeprefix(before))
