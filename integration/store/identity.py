"""Identity: our id of an object is the id in its home, from the moment in which its home has given it one."""

from __future__ import annotations

from dataclasses import replace

from integration.store import crossrefs
from integration.store.crossrefs import Written
from integration.store.database import Transaction
from integration.store.deliveries import Delivery


def adopt(tx: Transaction, delivery: Delivery, our_id: str, lane: str, elsewhere: str) -> Delivery:
    """Gives the object of a delivery that has created it at its home the id that the home answered.

    All its messages bear that id from now on, and what waits for it goes on in ``lane``, so that the object stays one
    object in one lane.  ``elsewhere`` is its id in the system that it came from: the second of the two crossrefs, the
    first is written with the effect.  Returns the delivery under its new name.
    """
    tx.run(
        """update messages m set object_id = %s where source = %s and object_id = %s
           and exists (select from deliveries d where d.message = m.id and d.entity = %s)""",
        our_id,
        delivery.source,
        delivery.object_id,
        delivery.entity,
    )
    tx.run(
        "update deliveries set lane = %s where lane = %s and (open or state in ('held', 'dead'))", lane, delivery.lane
    )
    tx.run(
        """delete from crossrefs where installation = %s and entity = %s and our_id = %s""",
        delivery.target,
        delivery.entity,
        delivery.object_id,
    )
    crossrefs.write(tx, [Written(delivery.source, delivery.entity, our_id, elsewhere)])
    return replace(delivery, object_id=our_id, lane=lane)
