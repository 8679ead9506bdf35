"""Attempts: every try of every effect, written down before it is made and closed when its answer is in."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from integration.store.database import Row, Transaction
from integration.store.deliveries import Delivery


@dataclass(frozen=True)
class Intent:
    """What is to be done for an effect: nothing, if it ``succeeded`` before with ``answer``; else send ``request``.

    ``request`` is the one that was frozen first, as long as its outcome is open.  Both are encrypted.
    """

    attempt: int
    request: bytes
    succeeded: bool
    answer: bytes | None


@dataclass(frozen=True)
class Outcome:
    """How a try ended: "ok", "failed", or "unknown" when the call may have taken effect.  ``answer`` is encrypted."""

    attempt: int
    outcome: str
    answer: bytes | None = None
    code: str | None = None


def intend(
    tx: Transaction, delivery: Delivery, effect: str, request: bytes, before: Outcome | None = None
) -> Intent | None:
    """Writes the intent, unless the target has the effect already; None when the lease is not ours any more.

    What was last applied is forgotten with it: from here on the target may show something else.  The outcome of the
    try ``before`` is written in the same statement.
    """
    row = tx.row(
        INTEND,
        {
            "delivery": delivery.id,
            "lease": delivery.lease,
            "round": delivery.round,
            "effect": effect,
            "request": request,
            "target": delivery.target,
            "entity": delivery.entity,
            "object_id": delivery.object_id,
            **(asdict(before) if before else NOTHING),
        },
    )
    return Intent(**row) if row else None


def close(tx: Transaction, delivery: Delivery, outcome: Outcome) -> None:
    """Writes how a try ended, unless the lease is not ours any more: its new holder looks for the effect itself."""
    tx.run(f"with ours as ({OURS}) {CLOSE}", {"delivery": delivery.id, "lease": delivery.lease, **asdict(outcome)})


def found(tx: Transaction, delivery: Delivery, effect: str, evidence: str) -> bool:
    """Records that the target has the effect; False when the lease is not ours any more.

    Settles the try whose outcome was unknown, or notes it as found; a success already recorded stays the only one.
    """
    this = {"delivery": delivery.id, "round": delivery.round, "effect": effect, "evidence": evidence}
    if not tx.value(OURS, {**this, "lease": delivery.lease}):
        return False
    if tx.value(SUCCEEDED, this):
        return True
    if not tx.run(SETTLE, this):
        tx.run(
            """insert into attempts (delivery, round, effect, outcome, code, finished_at)
               values (%(delivery)s, %(round)s, %(effect)s, 'found', %(evidence)s, clock_timestamp())""",
            this,
        )
    return True


def made(tx: Transaction, target: int, entity: str, object_id: str) -> bool:
    """Whether any delivery of this object has ever tried to take effect at the target."""
    return bool(
        tx.value(
            """select exists (
                   select from messages m join deliveries d on d.message = m.id join attempts a on a.delivery = d.id
                   where m.object_id = %s and d.target = %s and d.entity = %s)""",
            object_id,
            target,
            entity,
        )
    )


def of_delivery(tx: Transaction, delivery: int) -> list[Row]:
    return tx.rows(
        """select id, round, effect, outcome, code, started_at, finished_at, request, answer
           from attempts where delivery = %s order by id""",
        delivery,
    )


OURS = """
select id from deliveries where id = %(delivery)s and lease = %(lease)s::uuid and state = 'running' for update"""

NOTHING = asdict(Outcome(attempt=0, outcome=""))

CLOSE = """
update attempts a set outcome = %(outcome)s, answer = %(answer)s, code = %(code)s, finished_at = clock_timestamp()
from ours where a.delivery = ours.id and a.id = %(attempt)s and a.outcome is null"""

INTEND = f"""
with ours as ({OURS}
), closed as ({CLOSE}
), last as (
    select a.id, a.request, a.answer, a.outcome, coalesce(a.outcome in ('ok', 'found'), false) as succeeded
    from attempts a join ours on ours.id = a.delivery where a.round = %(round)s and a.effect = %(effect)s
    order by succeeded desc, coalesce(a.outcome, 'unknown') = 'unknown' desc, a.id desc limit 1
), stale as (
    update crossrefs set digest = null from ours
    where installation = %(target)s and entity = %(entity)s and our_id = %(object_id)s and digest is not null
), made as (
    insert into attempts (delivery, round, effect, request)
    select ours.id, %(round)s, %(effect)s,
        case when last.id is null or last.outcome = 'failed' then %(request)s else last.request end
    from ours left join last on true where not coalesce(last.succeeded, false)
    returning id, request
)
select id as attempt, request, false as succeeded, null::bytea as answer from made
union all
select id, coalesce(request, ''), true, answer from last where succeeded
"""

SUCCEEDED = """
select true from attempts where delivery = %(delivery)s and round = %(round)s and effect = %(effect)s
and outcome in ('ok', 'found')"""

SETTLE = """
update attempts set outcome = 'found', code = %(evidence)s, finished_at = clock_timestamp() where id = (
    select id from attempts where delivery = %(delivery)s and round = %(round)s and effect = %(effect)s
    and (outcome is null or outcome = 'unknown') order by id desc limit 1)"""
