"""One delivery under way, as its connector sees it: crossrefs, and effects that happen once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any

from integration.canonical import freeze, thaw
from integration.connectors.contract import Request
from integration.errors import Failure, Retry, Throttled
from integration.message import clear
from integration.store import attempts, audit, crossrefs
from integration.store.attempts import Outcome
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
        self._delivery = delivery
        self._lease = lease
        self.effects = list(delivery.effects)
        self._own = (delivery.entity, delivery.object_id)
        self._known = {self._own: delivery.theirs} if delivery.theirs else {}
        self._learned: dict[tuple[str, str], str] = {}
        self._answered: tuple[str, Outcome] | None = None

    def known(self, entity: str, id: str) -> str | None:
        if (entity, clear(id)) == self._own:
            return self._known.get(self._own)
        return self.known_among(entity, [id]).get(id)

    def known_among(self, entity: str, ids: Collection[str]) -> dict[str, str]:
        names = {id: clear(id) for id in ids}
        with self._runtime.database.statement() as tx:
            stored = crossrefs.their_ids(tx, self._delivery.target, entity, list(names.values()))
        found = stored | {id: theirs for (of, id), theirs in self._known.items() if of == entity}
        return {id: found[name] for id, name in names.items() if name in found}

    def reserve(self, entity: str, id: str) -> None:
        with self._runtime.database.statement(durable=False) as tx:
            if not crossrefs.reserve(tx, self._delivery, entity, clear(id)):
                raise Throttled(f"another delivery is creating this {entity}", after=1.0)

    def remember(self, entity: str, id: str, theirs: str) -> None:
        self._learned[entity, clear(id)] = self._known[entity, clear(id)] = theirs

    def taken(self, entity: str, id: str, theirs: Collection[str]) -> set[str]:
        with self._runtime.database.statement() as tx:
            return crossrefs.taken(tx, self._delivery.target, entity, clear(id), theirs)

    def adopt(self, entity: str, id: str, theirs: str) -> bool:
        with self._runtime.database.transaction() as tx:
            adopted = crossrefs.adopt(tx, self._delivery.target, entity, clear(id), theirs)
        if adopted:
            self._stored(entity, id, theirs)
        return adopted

    def relink(self, entity: str, id: str, was: str, theirs: str) -> None:
        with self._runtime.database.transaction() as tx:
            crossrefs.learn(tx, self._delivery.target, {(entity, clear(id)): theirs})
            audit.note(tx, FLEET, "relink", [self._delivery.id], entity=entity, was=was, theirs=theirs)
        self._stored(entity, id, theirs)

    def _stored(self, entity: str, id: str, theirs: str) -> None:
        self._known[entity, clear(id)] = theirs
        self._learned.pop((entity, clear(id)), None)

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        self._lease.check()
        vault = self._runtime.vault
        frozen = freeze(request.__dict__)
        sealed = vault.seal(frozen)
        # The intent makes durable what was learned, and writes the outcome before it unless that is of its own effect.
        if self._answered and self._answered[0] == effect:
            with self._runtime.database.transaction(durable=False) as tx:
                self.write_down(tx)
            self.written()
        elif self._learned:
            with self._runtime.database.statement(durable=False) as tx:
                crossrefs.learn(tx, self._delivery.target, self._learned)
            self._learned = {}
        before = self._answered[1] if self._answered else None
        with self._runtime.database.statement() as tx:
            intent = attempts.intend(tx, self._delivery, effect, sealed, before)
        self.written()
        if intent is None:
            raise LeaseLost
        if intent.succeeded:
            self._note_effect(effect)
            return thaw(vault.open(intent.answer)) if intent.answer else None
        # Thawed even at the first try, so that a repeat has the same bytes.
        repeats = intent.request != sealed
        frozen = vault.open(intent.request) if repeats else frozen
        answer = self._send(effect, intent.attempt, Request(**thaw(frozen)), again if again and repeats else send)
        self._note_effect(effect)
        return answer

    def found(self, effect: str, evidence: str) -> None:
        with self._runtime.database.transaction() as tx:
            self.write_down(tx)
            if not attempts.found(tx, self._delivery, effect, evidence):
                raise LeaseLost
        self.written()
        self._note_effect(effect)

    def write_down(self, tx: Transaction) -> None:
        """Writes what was answered and learned since the last intent, under the lease; then `written` is due."""
        if self._answered:
            attempts.close(tx, self._delivery, self._answered[1])
        if self._learned:
            crossrefs.learn(tx, self._delivery.target, self._learned)

    def written(self) -> None:
        self._answered, self._learned = None, {}

    def forget_own_id(self) -> None:
        """Forgets their id of the delivery's own object: it belongs to another of ours."""
        self._learned.pop(self._own, None)

    def idempotency_key(self, effect: str) -> str:
        parts = (self._delivery.event_id, self._delivery.id, self._delivery.round, effect)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def approved(self, code: str) -> bool:
        return code in self._delivery.approved

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
