"""Attempts: every try of every effect, written down before it is made and closed when its answer is in."""

from __future__ import annotations

from dataclasses import dataclass

from integration.store.database import Row, Transaction
from integration.store.deliveries import Delivery


@dataclass(frozen=True)
class Recorded:
    """The last attempt of an effect in this round.  ``request`` and ``answer`` are encrypted."""

    id: int
    outcome: str | None
    request: bytes | None
    answer: bytes | None


def last(tx: Transaction, delivery: Delivery, effect: str) -> Recorded | None:
    """The attempt that says most about an effect: its success if there is one, else the newest try."""
    row = tx.row(
        """select id, outcome, request, answer from attempts where delivery = %s and round = %s and effect = %s
           order by coalesce(outcome in ('ok', 'found'), false) desc, id desc limit 1""",
        delivery.id,
        delivery.round,
        effect,
    )
    return Recorded(**row) if row else None


def intend(tx: Transaction, delivery: Delivery, effect: str, request: bytes) -> int | None:
    """Writes the intent with its frozen request; None when the lease is not ours any more."""
    row = tx.row(
        """insert into attempts (delivery, round, effect, request)
           select id, %s, %s, %s from deliveries where id = %s and lease = %s::uuid and state = 'running' for update
           returning id""",
        delivery.round,
        effect,
        request,
        delivery.id,
        delivery.lease,
    )
    return int(row["id"]) if row else None


def close(tx: Transaction, attempt: int, outcome: str, *, answer: bytes | None = None, code: str | None = None) -> None:
    """Closes an attempt: "ok", "failed", or "unknown" when the call may have taken effect."""
    tx.run(
        """update attempts set outcome = %s, answer = %s, code = %s, finished_at = clock_timestamp()
           where id = %s and outcome is null""",
        outcome,
        answer,
        code,
        attempt,
    )


def found(tx: Transaction, delivery: Delivery, effect: str, evidence: str) -> None:
    """Records that the effect stands at the target.

    Settles the try whose outcome was unknown, or notes it as found; a success already recorded stays the only one.
    """
    this = {"delivery": delivery.id, "round": delivery.round, "effect": effect, "evidence": evidence}
    if tx.value(SUCCEEDED, this):
        return
    if not tx.run(SETTLE, this):
        tx.run(
            """insert into attempts (delivery, round, effect, outcome, code, finished_at)
               values (%(delivery)s, %(round)s, %(effect)s, 'found', %(evidence)s, clock_timestamp())""",
            this,
        )


def of_delivery(tx: Transaction, delivery: int) -> list[Row]:
    return tx.rows(
        """select id, round, effect, outcome, code, started_at, finished_at, request, answer
           from attempts where delivery = %s order by id""",
        delivery,
    )


SUCCEEDED = """
select true from attempts where delivery = %(delivery)s and round = %(round)s and effect = %(effect)s
and outcome in ('ok', 'found')"""

SETTLE = """
update attempts set outcome = 'found', code = %(evidence)s, finished_at = clock_timestamp() where id = (
    select id from attempts where delivery = %(delivery)s and round = %(round)s and effect = %(effect)s
    and (outcome is null or outcome = 'unknown') order by id desc limit 1)"""
