"""One delivery under way, as its connector sees it: crossrefs, and effects that happen once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from integration.canonical import freeze, thaw
from integration.connectors.contract import Request
from integration.errors import Failure, Retry, Throttled
from integration.message import clear
from integration.operations.decided import Decided
from integration.store import attempts, audit, crossrefs
from integration.store.attempts import Intending, Outcome
from integration.store.crossrefs import Object
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from tasks.leases import Lease, LeaseLost
from tasks.runtime import Runtime

FLEET = "fleet"
"""Whom the audit names for what no person did."""


class DeliveryWork:
    """`integration.connectors.contract.Work` on Postgres.  ``effects`` lists those that the target has by now.

    The answer of a call, and what was learned from it, are written with the next intent, or when the hop ends: a worker
    that dies in between leaves an unknown outcome, as one does that dies in mid-call.
    """

    def __init__(self, runtime: Runtime, delivery: Delivery, lease: Lease) -> None:
        self._runtime = runtime
        self.delivery = delivery
        self.lease = lease
        self.effects = list(delivery.effects)
        self._own = (delivery.target, delivery.entity, delivery.object_id)
        self._known = {self._own: delivery.theirs} if delivery.theirs else {}
        self._learned: dict[Object, str] = {}
        self._answered: tuple[str, Outcome] | None = None
        self.decided = Decided(delivery.decisions, runtime.vault.open)

    def known(self, entity: str, id: str) -> str | None:
        if self._object(entity, id) == self._own:
            return self._known.get(self._own)
        return self.known_among(entity, [id]).get(id)

    def known_among(self, entity: str, ids: Collection[str]) -> dict[str, str]:
        named = {id: self._object(entity, id) for id in ids}
        found = self._runtime.database.together(crossrefs.their_ids, tuple(named.values())) | self._known
        return {id: found[object] for id, object in named.items() if object in found}

    def reserve(self, entity: str, id: str) -> None:
        wanted = self.delivery, entity, clear(id)
        if not self._runtime.database.together(crossrefs.reserve, wanted, durable=False):
            raise Throttled(f"another delivery is creating this {entity}", after=1.0)

    def remember(self, entity: str, id: str, theirs: str) -> None:
        self._learned[self._object(entity, id)] = self._known[self._object(entity, id)] = theirs

    def taken(self, entity: str, id: str, theirs: Collection[str]) -> set[str]:
        with self._runtime.database.statement() as tx:
            return crossrefs.taken(tx, self.delivery.target, entity, clear(id), theirs)

    def adopt(self, entity: str, id: str, theirs: str) -> bool:
        with self._runtime.database.transaction() as tx:
            adopted = crossrefs.adopt(tx, self.delivery.target, entity, clear(id), theirs)
        if adopted:
            self._stored(entity, id, theirs)
        return adopted

    def relink(self, entity: str, id: str, was: str, theirs: str) -> None:
        with self._runtime.database.transaction() as tx:
            crossrefs.learn(tx, [{self._object(entity, id): theirs}])
            audit.note(tx, FLEET, "relink", [self.delivery.id], entity=entity, was=was, theirs=theirs)
        self._stored(entity, id, theirs)

    def _stored(self, entity: str, id: str, theirs: str) -> None:
        self._known[self._object(entity, id)] = theirs
        self._learned.pop(self._object(entity, id), None)

    def _object(self, entity: str, id: str) -> Object:
        return self.delivery.target, entity, clear(id)

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        self.lease.check()
        vault = self._runtime.vault
        frozen = freeze(request.__dict__)
        sealed = vault.seal(frozen)
        # The intent makes durable what was learned, and writes the outcome before it unless that is of its own effect.
        if self._answered and self._answered[0] == effect:
            self._write_answer()
        before = self._answered[1] if self._answered else None
        self._write_learned()
        tried = again is not None and self.was_tried()
        asked = Intending(self.delivery, effect, sealed, before)
        intent = self._runtime.database.together(attempts.intend, asked)
        self.written()
        if intent is None:
            raise LeaseLost
        if intent.succeeded:
            self._note_effect(effect)
            return thaw(vault.open(intent.answer)) if intent.answer else None
        # Thawed even at the first try, so that a repeat has the same bytes.
        frozen = frozen if intent.request == sealed else vault.open(intent.request)
        answer = self._send(effect, intent.attempt, Request(**thaw(frozen)), again if again and tried else send)
        self._note_effect(effect)
        return answer

    def was_tried(self) -> bool:
        """Whether the object may be there by an earlier try: of this round, of one before, or of another event."""
        delivery = self.delivery
        with self._runtime.database.statement() as tx:
            return attempts.made(tx, delivery.target, delivery.entity, delivery.object_id)

    def found(self, effect: str, evidence: str) -> None:
        self._write_answer()
        self._write_learned()
        if not self._runtime.database.together(attempts.found, (self.delivery, effect, evidence)):
            raise LeaseLost
        self._note_effect(effect)

    def _write_answer(self) -> None:
        if self._answered:
            answered = self.delivery, self._answered[1]
            self._runtime.database.together(attempts.close, answered, durable=False)
            self._answered = None

    def _write_learned(self) -> None:
        if self._learned:
            self._runtime.database.together(crossrefs.learn, self._learned, durable=False)
            self._learned = {}

    def write_down(self, tx: Transaction) -> None:
        """Writes what was answered and learned since the last intent, under the lease; then `written` is due."""
        if self._answered:
            tx.together(attempts.close, (self.delivery, self._answered[1]))
        if self._learned:
            tx.together(crossrefs.learn, self._learned)

    def written(self) -> None:
        self._answered, self._learned = None, {}

    def forget_own_id(self) -> None:
        """Forgets their id of the delivery's own object: it belongs to another of ours."""
        self._learned.pop(self._own, None)

    def idempotency_key(self, effect: str) -> str:
        parts = (self.delivery.event_id, self.delivery.id, self.delivery.round, effect)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def approved(self, code: str, *compared: object) -> bool:
        return self.decided.approved(code, *compared)

    def accepts(self, difference: Decimal) -> bool:
        return self.decided.accepts(difference)

    def _send(self, effect: str, attempt: int, request: Request, send: Callable[[Request], Any]) -> Any:
        seal = self._runtime.vault.seal
        try:
            answer = send(request)
        except Failure as failure:
            unknown = isinstance(failure, Retry) and failure.unknown_outcome
            excerpt = seal(freeze(failure.excerpt.decode(errors="replace"))) if failure.excerpt else None
            self._answered = effect, Outcome(attempt, "unknown" if unknown else "failed", excerpt, failure.code)
            raise
        self._answered = effect, Outcome(attempt, "ok", seal(freeze(answer)))
        return answer

    def _note_effect(self, effect: str) -> None:
        if effect not in self.effects:
            self.effects.append(effect)
