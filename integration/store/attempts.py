"""Attempts: every try of every effect, written down before it is made and closed when its answer is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from integration.store.database import Row, Transaction, columns
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


@dataclass(frozen=True)
class Intending:
    """An effect that a delivery is about to try, with the encrypted request for a first try.

    ``before`` is how the delivery's try before this one ended, if that is not written yet.
    """

    delivery: Delivery
    effect: str
    request: bytes
    before: Outcome | None = None


def intend(tx: Transaction, intending: Sequence[Intending]) -> list[Intent | None]:
    """Writes an intent for each, unless the target has that effect already; None where the lease is not ours any more.

    What was last applied is forgotten with it: from here on the target may show something else.
    """
    asked = [
        {
            "delivery": each.delivery.id,
            "lease": each.delivery.lease,
            "round": each.delivery.round,
            "effect": each.effect,
            "request": each.request,
            "target": each.delivery.target,
            "entity": each.delivery.entity,
            "object_id": each.delivery.object_id,
            **(asdict(each.before) if each.before else NOTHING),
        }
        for each in intending
    ]
    made = {row.pop("delivery"): Intent(**row) for row in tx.rows(INTEND, columns(asked))}
    return [made.get(each.delivery.id) for each in intending]


def close(tx: Transaction, ended: Sequence[tuple[Delivery, Outcome]]) -> list[None]:
    """Writes how tries ended, unless a lease is not ours any more: its new holder looks for the effect itself."""
    asked = [{"delivery": each.id, "lease": each.lease, **asdict(outcome)} for each, outcome in ended]
    tx.run(CLOSE, columns(asked))
    return [None] * len(ended)


def found(tx: Transaction, found: Sequence[tuple[Delivery, str, str]]) -> list[bool]:
    """Records that targets have effects, each with its evidence; False where the lease is not ours any more.

    Settles the try whose outcome was unknown, or notes it as found; a success already recorded stays the only one.
    """
    asked = [
        {"delivery": each.id, "lease": each.lease, "round": each.round, "effect": effect, "evidence": evidence}
        for each, effect, evidence in found
    ]
    ours = {row["delivery"] for row in tx.rows(FOUND, columns(asked))}
    return [each.id in ours for each, _, _ in found]


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


def of_deliveries(tx: Transaction, deliveries: Sequence[int]) -> list[Row]:
    """Every try of these deliveries in its order, without what was sent and answered."""
    return tx.rows(
        """select id, delivery, round, effect, outcome, code, started_at, finished_at
           from attempts where delivery = any (%s::bigint[]) order by id""",
        list(deliveries),
    )


OURS = """
join deliveries d on d.id = asked.delivery and d.lease = asked.lease::uuid and d.state = 'running' for update of d"""

NOTHING = asdict(Outcome(attempt=0, outcome=""))

HOW_IT_ENDED = """
update attempts a set outcome = ours.was, answer = ours.answer, code = ours.code, finished_at = clock_timestamp()
from ours where a.delivery = ours.delivery and a.id = ours.attempt and a.outcome is null"""

CLOSE = f"""
with ours as (
    select asked.* from unnest(%(delivery)s::bigint[], %(lease)s::text[], %(attempt)s::bigint[], %(outcome)s::text[],
        %(answer)s::bytea[], %(code)s::text[]) as asked (delivery, lease, attempt, was, answer, code)
    {OURS}
)
{HOW_IT_ENDED}"""

INTEND = f"""
with ours as (
    select asked.* from unnest(%(delivery)s::bigint[], %(lease)s::text[], %(round)s::int[], %(effect)s::text[],
        %(request)s::bytea[], %(target)s::smallint[], %(entity)s::text[], %(object_id)s::text[], %(attempt)s::bigint[],
        %(outcome)s::text[], %(answer)s::bytea[], %(code)s::text[]) as asked (
            delivery, lease, round, effect, request, target, entity, object_id, attempt, was, answer, code)
    {OURS}
), closed as (
    {HOW_IT_ENDED}
), last as (
    select distinct on (a.delivery) a.delivery, a.id, a.request, a.answer, a.outcome,
        coalesce(a.outcome in ('ok', 'found'), false) as succeeded
    from ours join attempts a on a.delivery = ours.delivery and a.round = ours.round and a.effect = ours.effect
    order by a.delivery, succeeded desc, coalesce(a.outcome, 'unknown') = 'unknown' desc, a.id desc
), stale as (
    update crossrefs x set digest = null from ours where x.installation = ours.target and x.entity = ours.entity
    and x.our_id = ours.object_id and x.digest is not null
), made as (
    insert into attempts (delivery, round, effect, request)
    select ours.delivery, ours.round, ours.effect,
        case when last.id is null or last.outcome = 'failed' then ours.request else last.request end
    from ours left join last using (delivery) where not coalesce(last.succeeded, false)
    returning id, delivery, request
)
select delivery, id as attempt, request, false as succeeded, null::bytea as answer from made
union all
select delivery, id, coalesce(request, ''), true, answer from last where succeeded
"""

FOUND = f"""
with ours as (
    select asked.* from unnest(%(delivery)s::bigint[], %(lease)s::text[], %(round)s::int[], %(effect)s::text[],
        %(evidence)s::text[]) as asked (delivery, lease, round, effect, evidence)
    {OURS}
), fresh as (
    select * from ours where not exists (
        select from attempts a where a.delivery = ours.delivery and a.round = ours.round and a.effect = ours.effect
        and a.outcome in ('ok', 'found'))
), tried as (
    select distinct on (a.delivery) a.delivery, a.id, fresh.evidence
    from fresh join attempts a on a.delivery = fresh.delivery and a.round = fresh.round and a.effect = fresh.effect
    where a.outcome is null or a.outcome = 'unknown' order by a.delivery, a.id desc
), settled as (
    update attempts a set outcome = 'found', code = tried.evidence, finished_at = clock_timestamp()
    from tried where a.id = tried.id
), noted as (
    insert into attempts (delivery, round, effect, outcome, code, finished_at)
    select delivery, round, effect, 'found', evidence, clock_timestamp() from fresh
    where delivery not in (select delivery from tried)
)
select delivery from ours"""
