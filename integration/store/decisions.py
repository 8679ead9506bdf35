"""Decisions: what a person approved or corrected for an object, in force until the source changes the very value.

Every function writes what was done into the audit, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from integration.store import audit
from integration.store.database import Row, Transaction
from integration.store.deliveries import Delivery

WITHDRAWN = "revoke"
"""How the audit names the end of a decision by a person."""


def approve(
    tx: Transaction, ids: Sequence[int], who: str, *, why: str | None = None, choice: str | None = None
) -> dict[int, int]:
    """Passes, for the objects of held deliveries at their targets, the check that holds each; the decisions' ids, by
    delivery, of those that are held.

    The decision is about the values that the check compared.  ``choice`` is the code of one of several ways to go on.
    """
    rows = tx.rows(APPROVE, {"ids": list(ids), "who": who, "why": why, "choice": choice})
    for row in rows:
        audit.note(tx, who, "choose" if choice else "approve", [row["delivery"]], code=row["code"])
    return {row["delivery"]: row["id"] for row in rows}


def correct(
    tx: Transaction, delivery: Delivery, changes: Mapping[str, bytes], who: str, *, why: str | None = None
) -> list[int]:
    """Corrects values of an object's events, by place each a sealed correction, for all targets; the decisions' ids.

    None where the delivery is neither held nor dead, or was changed since it was read.
    The object's held and dead deliveries are translated anew when they are sent again; what a person had corrected in
    their translated documents is dropped.
    """
    asked = {
        "delivery": delivery.id,
        "round": delivery.round,
        "changes": list(changes.values()),
        "who": who,
        "why": why,
    }
    rows = tx.rows(CORRECT, asked)
    if rows:
        tx.run(START_ANEW, {"delivery": delivery.id})
        audit.note(tx, who, "edit", [delivery.id], document="event", paths=list(changes))
    return [row["id"] for row in rows]


def lapse(tx: Transaction, ids: Collection[int], version: int) -> None:
    """Ends decisions with this version of their object: it shows another value than they are about."""
    tx.run(
        "update decisions set until = least(coalesce(until, %s), %s) where id = any (%s::bigint[])",
        version,
        version,
        sorted(ids),
    )


def revoke(tx: Transaction, ids: Sequence[int], who: str) -> list[int]:
    """Takes decisions back; the ids of those that were in force.  What was sent by them stays as it is."""
    rows = tx.rows(
        """update decisions set revoked_by = %s, revoked_at = now()
           where id = any (%s::bigint[]) and revoked_at is null and until is null returning id, delivery""",
        who,
        list(ids),
    )
    for row in rows:
        audit.note(tx, who, WITHDRAWN, [row["delivery"]], decision=row["id"])
    return sorted(row["id"] for row in rows)


def made_with(tx: Transaction, ids: Sequence[int]) -> list[int]:
    """The decisions that one act has made together with these, themselves among them."""
    rows = tx.rows(
        """select k.id from decisions one join decisions k
           on (k.delivery, k.kind, k.decided_at) = (one.delivery, one.kind, one.decided_at)
           where one.id = any (%s::bigint[]) order by k.id""",
        list(ids),
    )
    return [row["id"] for row in rows]


def show(tx: Transaction, id: int) -> Row | None:
    """One decision as `listed` has it."""
    return tx.row(f"{LISTED} where k.id = %s", id)


def listed(tx: Transaction, *, object_id: str | None, number: str | None, ended: bool, limit: int) -> list[Row]:
    """The newest decisions, by the object's id or number; with ``ended`` also those that are not in force any more."""
    return tx.rows(
        f"""{LISTED} where (%(object_id)s::text is null or k.object_id = %(object_id)s)
            and (%(number)s::text is null or k.object_id in (select object_id from messages where number = %(number)s))
            and (%(ended)s or (k.revoked_at is null and k.until is null))
            order by k.id desc limit %(limit)s""",
        {"object_id": object_id, "number": number, "ended": ended, "limit": limit},
    )


def of_delivery(tx: Transaction, delivery: int) -> list[Row]:
    """The decisions in force for a delivery, oldest first, as `listed` has them."""
    return tx.rows(
        f"""{LISTED} join deliveries d on d.id = %s join messages m on m.id = d.message
            where k.object_id = m.object_id and k.entity = d.entity and k.installation in (d.target, m.source)
            and k.revoked_at is null and k.version <= d.version and (k.until is null or d.version < k.until)
            order by k.id""",
        delivery,
    )


def of_message(tx: Transaction, message: int) -> list[Row]:
    """The decisions about a message's object, oldest first, whether they are in force or not, as `listed` has them."""
    return tx.rows(
        f"{LISTED} join messages m on m.id = %s where k.object_id = m.object_id order by k.id",
        message,
    )


def also_waiting(tx: Transaction, delivery: int) -> list[int]:
    """The held and dead deliveries of the delivery's object, itself among them: what a correction of its event is for.

    ``delivery`` may be of any target of the object.
    """
    return [row["id"] for row in tx.rows(f"select d.id {OF_OBJECT} order by d.id", {"delivery": delivery})]


LISTED = """
select k.id, k.kind, i.name as installation, k.entity, k.object_id, k.code, k.difference, k.change, k.delivery, k.why,
    k.decided_by, k.decided_at, k.revoked_by, k.revoked_at,
    case when k.revoked_at is not null then 'revoked' when k.until is not null then 'lapsed'
        else 'in force' end as state
from decisions k join installations i on i.id = k.installation"""

OF_OBJECT = """
from deliveries d join messages m on m.id = d.message
join (select d.entity, m.object_id, m.source from deliveries d join messages m on m.id = d.message
      where d.id = %(delivery)s) as this on this.object_id = m.object_id and this.source = m.source
where d.entity = this.entity and d.state in ('held', 'dead')"""

APPROVE = """
insert into decisions (kind, installation, entity, object_id, version, until, code, about, difference, delivery, why,
    decided_by)
select 'approve', d.target, d.entity, m.object_id, d.version, case when d.about is null then d.version + 1 end,
    coalesce(%(choice)s::text, d.code), d.about, d.difference, d.id, %(why)s, %(who)s
from deliveries d join messages m on m.id = d.message
where d.id = any (%(ids)s::bigint[]) and d.state = 'held' order by d.id returning id, delivery, code"""

CORRECT = """
insert into decisions (kind, installation, entity, object_id, version, change, delivery, why, decided_by)
select 'set', m.source, d.entity, m.object_id, d.version, change, d.id, %(why)s, %(who)s
from deliveries d join messages m on m.id = d.message
cross join unnest(%(changes)s::bytea[]) with ordinality as given (change, n)
where d.id = %(delivery)s and d.round = %(round)s and d.state in ('held', 'dead') order by n returning id"""

START_ANEW = f"""
update deliveries set document = null, edited = null, step = 'transform', round = round + 1
where id in (select d.id {OF_OBJECT}) and step <> 'push_status'"""
