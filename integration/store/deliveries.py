"""Deliveries: claimed by one worker at a time, in the order of their lane.  How they end: `integration.store.ends`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg2.errors

from integration.message import State, Step
from integration.store.database import Row, Transaction

LEASE = "20 seconds"
REPLAYED = SMALL = 2
"""Deliveries of this priority and beyond, replay and back-fill, can wait for the live ones ..."""
YIELDING = 1
"""That of live ones which let others go first, as those do that were tried before."""
SMALL_SHARE = 5
"""... and take at most the fifth part of a queue."""
SUSPECT = 3
"""From this lease without an outcome on, a delivery runs alone in its process."""
POISONED = 5
"""Whatever it is, it kills its worker: a dead letter."""


@dataclass(frozen=True)
class Delivery:
    """A delivery as its worker claimed it.  ``document`` and ``body`` are encrypted.

    ``theirs`` is the target's id of the object, where it is known.  ``effects`` are those that the target has
    already, by an earlier claim of this round; ``waited`` is its age in seconds.  ``replay_of`` is the delivery that it
    repeats, ``edited`` says which document a person has corrected: "target", or "event" by a release before 0.2.
    ``decisions`` are those in force for this version of its object, oldest first: ``{id, kind, code, about, difference,
    change}``, the change sealed, in base64.  ``taken``, ``applied_taken`` and ``waiting_taken`` say what the mapping
    made of its event, of the event that was applied last and of the newest one in its lane that waits for a person.
    """

    id: int
    message: int
    source: int
    lease: str
    leases: int
    workflow: str
    pin: str | None
    target: int
    queue: str
    entity: str
    lane: str
    version: int
    step: Step
    attempts: int
    round: int
    priority: int
    document: bytes | None
    body: bytes
    waited: float
    event_id: str
    object_id: str
    theirs: str | None
    applied_version: int | None
    applied_digest: str | None
    applied_taken: str | None
    waiting_taken: str | None
    taken: str | None
    effects: list[str]
    replay_of: int | None
    edited: str | None
    decisions: list[Row]


@dataclass(frozen=True)
class Next:
    """Where a delivery goes from here: its state, and what the state needs.

    ``due_in`` is in seconds; ``spends`` counts an attempt; ``pauses`` stops the whole target until its credentials
    work; with ``settles`` older versions of the object become obsolete; ``needs`` is the crossref it waits for;
    ``credit`` is how many nudges its queue may hold, beyond which `State.QUEUED` becomes `State.READY`; with ``echo``
    what waits for a person in its lane goes on to wait, for this event; ``taken`` is what the mapping made of the
    event, ``about`` the digest of what a check has compared, and ``difference`` how far its sums are apart.
    """

    state: State
    step: Step | None = None
    queue: str | None = None
    due_in: float = 0.0
    spends: bool = False
    pauses: bool = False
    settles: bool = False
    echo: bool = False
    document: bytes | None = None
    code: str | None = None
    reason: str | None = None
    hint: str | None = None
    candidates: bytes | None = None
    needs: str | None = None
    effects: tuple[str, ...] = ()
    credit: int = 0
    taken: str | None = None
    about: str | None = None
    difference: Decimal | None = None


@dataclass(frozen=True)
class Push:
    """A status push to be made: its target, queue and lane, and its encrypted document."""

    target: int
    queue: str
    lane: str
    entity: str
    document: bytes
    credit: int


def claim(
    tx: Transaction,
    ids: Sequence[int],
    steps: Sequence[Step],
    targets: Sequence[int],
    *,
    queue: str | None = None,
    most: int = 0,
) -> list[Delivery]:
    """Takes the leases of those deliveries that are due and at the head of their lane; the others must not run now.

    With a ``queue`` also of others that are due there and have no nudge, ``most`` in all; but not beside one that has
    to run alone, and none of a replay or back-fill, which the dispatcher gives a share.

    ``steps`` are those the caller can run: a nudge that comes late, for a step long done, claims nothing.  ``targets``
    are the installations that are configured: what was meant for another one is never sent to these.  The unique index
    on running lanes decides between two claims of the same instant: among several, all of this one are lost then.  Nor
    are those taken among several that have to run alone.
    """
    asked = {
        "ids": list(ids),
        "lease": LEASE,
        "steps": [step.value for step in steps],
        "targets": list(targets),
        "queue": queue,
        "more": max(most - len(ids), 0),
    }
    try:
        rows = tx.rows(CLAIM, asked)
    except psycopg2.errors.UniqueViolation:
        return []
    return [Delivery(**{**row, "step": Step(row["step"])}) for row in rows]


def look(tx: Transaction, id: int) -> Delivery | None:
    """A delivery as its worker would get it, without the lease; None when there is none, or none with a workflow."""
    row = tx.row(LOOK, id)
    return Delivery(**{**row, "step": Step(row["step"]), "lease": ""}) if row else None


def last_sent(tx: Transaction, delivery: Delivery) -> bytes | None:
    """The encrypted document with which this object last took effect at the delivery's target, while it is kept."""
    found: bytes | None = tx.value(
        """select d.document from messages m join deliveries d on d.message = m.id
           where m.object_id = %s and d.target = %s and d.entity = %s and d.state = 'done' and d.document is not null
           and (d.step = 'push_status') = %s
           order by d.finished_at desc, d.id desc limit 1""",
        delivery.object_id,
        delivery.target,
        delivery.entity,
        delivery.step is Step.PUSH_STATUS,
    )
    return found


def requeue_behind_lane(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Puts deliveries behind the others of their lanes, one of which runs or is older; that one's end will wake them.

    Returns those that are still due: there is none before them, which may have ended since they were refused.
    """
    rows = tx.rows(REQUEUE, {"ids": list(ids)})
    return {row["id"] for row in rows}


def renew(tx: Transaction, leases: dict[int, str]) -> set[int]:
    """Prolongs leases by another 20 s and returns the ids that are still ours."""
    rows = tx.rows(
        """update deliveries d set leased_until = now() + %(lease)s::interval
           from unnest(%(ids)s::bigint[], %(tokens)s::text[]) as held (id, token)
           where d.id = held.id and d.lease = held.token::uuid and d.state = 'running' returning d.id""",
        {"ids": list(leases), "tokens": list(leases.values()), "lease": LEASE},
    )
    return {row["id"] for row in rows}


def release(tx: Transaction, leases: dict[int, str]) -> None:
    """Gives leases back, uncounted, for somebody else to take: this worker is shutting down."""
    tx.run(
        """update deliveries d set state = 'ready', due_at = now(), lease = null, leases = greatest(leases - 1, 0)
           from unnest(%(ids)s::bigint[], %(tokens)s::text[]) as held (id, token)
           where d.id = held.id and d.lease = held.token::uuid and d.state = 'running'""",
        {"ids": list(leases), "tokens": list(leases.values())},
    )


def undecided(tx: Transaction, target: int, entity: str, object_id: str) -> bool:
    """Whether a delivery of the object to this target is open, or waits for a person."""
    return bool(
        tx.value(
            """select exists (
                   select from messages m join deliveries d on d.message = m.id
                   where m.object_id = %s and d.target = %s and d.entity = %s
                   and (d.open or d.state in ('held', 'dead')))""",
            object_id,
            target,
            entity,
        )
    )


# Not an exists: of that Postgres makes a join that reads all that is open, where it thinks that little is.
AHEAD = """(
    select other.id from deliveries other where other.lane = d.lane and other.open
    and (other.version, other.id) < (d.version, d.id) limit 1)"""

# The planner is asked for the object alone: few objects have a decision at all.
DECISIONS = """(
    select coalesce(json_agg(json_build_object('id', k.id, 'kind', k.kind, 'code', k.code, 'about', k.about,
        'difference', k.difference::text, 'change', encode(k.change, 'base64')) order by k.id), '[]')
    from decisions k where k.object_id = m.object_id and k.revoked_at is null and k.entity = c.entity
    and k.installation in (c.target, m.source) and k.version <= c.version
    and (k.until is null or c.version < k.until))"""

CLAIMED = f"""
    c.id, c.message, m.source, c.lease::text, c.leases, c.workflow, c.pin, c.target, c.queue, c.entity, c.lane,
    c.version, c.step, c.attempts, c.round, c.priority, c.document,
    m.body, extract(epoch from now() - c.created_at)::float as waited,
    m.external_id as event_id, m.object_id,
    x.their_id as theirs,
    case when coalesce(x.source, m.source) = m.source then x.version end as applied_version, x.digest as applied_digest,
    x.taken as applied_taken, c.taken, (
        select h.taken from deliveries h where h.lane = c.lane and h.state in ('held', 'dead')
        order by h.version desc, h.id desc limit 1) as waiting_taken,
    array(select a.effect from attempts a where a.delivery = c.id and a.round = c.round and a.outcome in ('ok', 'found')
          order by a.id) as effects, c.replay_of, c.edited, {DECISIONS} as decisions"""
AROUND = """join messages m on m.id = c.message
left join crossrefs x on x.installation = c.target and x.entity = c.entity and x.our_id = m.object_id"""

CLAIM = f"""
with more as (
    select d.id from deliveries d
    where d.queue = %(queue)s::text and d.state = 'ready' and d.due_at <= now() and d.priority < {SMALL}
    and d.leases < {SUSPECT - 1} and d.step = any (%(steps)s) and d.id <> all (%(ids)s::bigint[]) and not exists (
        select from deliveries alone where alone.id = any (%(ids)s::bigint[]) and alone.leases >= {SUSPECT - 1})
    order by d.priority, d.due_at limit %(more)s::bigint for update skip locked
), chosen as (
    select unnest(%(ids)s::bigint[]) as id union all select id from more
), claimed as (
    update deliveries d set state = 'running', lease = gen_random_uuid(), leases = leases + 1,
        leased_until = now() + %(lease)s::interval
    from chosen
    where d.id = chosen.id and (leases < {SUSPECT - 1} or cardinality(%(ids)s::bigint[]) = 1)
    and state in ('ready', 'queued', 'waiting') and step = any (%(steps)s) and due_at <= now()
    and target = any (%(targets)s::smallint[])
    and {AHEAD} is null
    and not exists (
        select from installations i
        where i.system = d.queue and i.paused_at is not null and i.id = any (%(targets)s::smallint[]))
    returning d.*
)
select {CLAIMED} from claimed c {AROUND} order by c.id
"""

REQUEUE = f"""
with refused as (
    select d.id, {AHEAD} is not null or exists (
        select from deliveries other
        where other.lane = d.lane and other.state = 'running' and other.id <> d.id) as behind
    from deliveries d
    where d.id = any (%(ids)s::bigint[]) and d.state in ('ready', 'queued', 'waiting') and d.due_at <= now()
), requeued as (
    update deliveries d set state = 'waiting', due_at = 'infinity' from refused
    where d.id = refused.id and refused.behind and d.state in ('ready', 'queued')
)
select id from refused where not behind
"""

LOOK = f"select {CLAIMED} from deliveries c {AROUND} where c.id = %s and c.pin is not null"
