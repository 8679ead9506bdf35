"""One row per object and target: of all that a person has to look at, only the newest event of an object counts."""

from __future__ import annotations

from integration.message import State
from integration.store.database import Row, Transaction
from integration.store.deliveries import Delivery


def keep_one(tx: Transaction, delivery: Delivery, state: State) -> State:
    """Leaves one held or dead row in the lane of a delivery that has just become so; the state that it has then.

    What is older is skipped as superseded.  Where the older one failed in the same way, its row stays under its id,
    stands for the newer event from now on, and counts it; this delivery is skipped in its place.  A row in which a
    person has corrected an older event is not taken for a newer one: it is superseded.
    """
    *others, newest = tx.rows(IN_LANE, delivery.lane)
    if newest["id"] != delivery.id:
        _supersede(tx, [delivery.id], newest["id"])
        return State.SKIPPED
    older = others[-1] if others else None
    if older is None or not _same(older, newest):
        _supersede(tx, [row["id"] for row in others], delivery.id)
        return state
    tx.run(TRADE, {"stays": older["id"], "goes": delivery.id})
    _supersede(tx, [*(row["id"] for row in others[:-1]), delivery.id], older["id"])
    return State.SKIPPED


def wait_for_newer(tx: Transaction, delivery: Delivery) -> None:
    """Lets the row that waits for a person in the lane of a delivery, an echo, wait for that event from now on.

    So the row has the newest version, and what a later mapping may read of it.  All else of it stays, but a round
    begins: what was tried before belongs to the other event.
    """
    tx.run(EXCHANGE, {"lane": delivery.lane, "echo": delivery.id, "version": delivery.version})


def _same(older: Row, newer: Row) -> bool:
    return older["edited"] is None and all(older[name] == newer[name] for name in ("fingerprint", "state", "source"))


def _supersede(tx: Transaction, ids: list[int], by: int) -> None:
    if ids:
        tx.run(
            "update deliveries set state = 'skipped', finished_at = now(), reason = %s where id = any (%s::bigint[])",
            f"superseded by {by}",
            ids,
        )


IN_LANE = """
select d.id, d.fingerprint, d.state, d.edited, m.source from deliveries d join messages m on m.id = d.message
where d.lane = %s and d.state in ('held', 'dead') order by d.version, d.id for update of d"""

# Both rows trade what they are about, so that each message keeps its delivery.  The next round begins with a look at
# the target: what was tried before belongs to the other event.
TRADE = """
update deliveries d set message = o.message, origin = o.origin, replay_of = o.replay_of, workflow = o.workflow,
    pin = o.pin, version = o.version, step = o.step, queue = o.queue, document = o.document, edited = o.edited,
    taken = o.taken, about = o.about, difference = o.difference, attempts = o.attempts, code = o.code,
    reason = o.reason, hint = o.hint, candidates = o.candidates, mapping_version = o.mapping_version,
    round = greatest(d.round, o.round) + 1,
    newer = case when d.id = %(stays)s then d.newer + 1 else 0 end
from deliveries o where (d.id, o.id) in ((%(stays)s, %(goes)s), (%(goes)s, %(stays)s))"""

EXCHANGE = """
with waits as (
    select id, message, origin, replay_of, version from deliveries
    where lane = %(lane)s and state in ('held', 'dead') and version < %(version)s order by version desc, id desc limit 1
    for update
)
update deliveries d set version = o.version, message = o.message, origin = o.origin, replay_of = o.replay_of,
    round = d.round + 1
from waits, deliveries o
where o.id in (waits.id, %(echo)s) and d.id in (waits.id, %(echo)s) and d.id <> o.id"""
