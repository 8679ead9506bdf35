"""One delivery under way, as its connector sees it: crossrefs, and effects that happen once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from integration.canonical import freeze, thaw
from integration.connectors.contract import Request
from integration.errors import Failure, Retry, Throttled
from integration.message import clear
from integration.store import attempts, crossrefs
from integration.store.deliveries import Delivery
from tasks.leases import Lease, LeaseLost
from tasks.process import Process


class DeliveryWork:
    """`integration.connectors.contract.Work` on Postgres.  ``effects`` lists what stands at the target by now."""

    def __init__(self, process: Process, delivery: Delivery, lease: Lease) -> None:
        self._process = process
        self._delivery = delivery
        self._lease = lease
        self.effects = list(delivery.effects)

    def known(self, entity: str, id: str) -> str | None:
        with self._process.database.statement() as tx:
            return crossrefs.their_id(tx, self._delivery.target, entity, clear(id))

    def reserve(self, entity: str, id: str) -> None:
        with self._process.database.statement() as tx:
            if not crossrefs.reserve(tx, self._delivery, entity, clear(id)):
                raise Throttled(f"another delivery is creating this {entity}", after=1.0)

    def remember(self, entity: str, id: str, theirs: str) -> None:
        with self._process.database.transaction() as tx:
            crossrefs.write(tx, self._delivery.target, entity, clear(id), theirs)

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        self._lease.check()
        vault = self._process.vault
        with self._process.database.statement() as tx:
            intent = attempts.intend(tx, self._delivery, effect, vault.seal(freeze(request.__dict__)))
        if intent is None:
            raise LeaseLost
        if intent.succeeded:
            self._stands(effect)
            return thaw(vault.open(intent.answer)) if intent.answer else None
        # Thawed even at the first try, so that a repeat has the same bytes.
        answer = self._send(intent.attempt, Request(**thaw(vault.open(intent.request))), send)
        self._stands(effect)
        return answer

    def found(self, effect: str, evidence: str) -> None:
        with self._process.database.transaction() as tx:
            if not attempts.found(tx, self._delivery, effect, evidence):
                raise LeaseLost
        self._stands(effect)

    def idempotency_key(self, effect: str) -> str:
        parts = (self._delivery.event_id, self._delivery.id, self._delivery.round, effect)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def approved(self, code: str) -> bool:
        return code in self._delivery.approved

    def _send(self, attempt: int, request: Request, send: Callable[[Request], Any]) -> Any:
        seal = self._process.vault.seal
        try:
            answer = send(request)
        except Failure as failure:
            unknown = isinstance(failure, Retry) and failure.unknown_outcome
            excerpt = seal(freeze(failure.excerpt.decode(errors="replace"))) if failure.excerpt else None
            self._close(attempt, "unknown" if unknown else "failed", answer=excerpt, code=failure.code)
            raise
        self._close(attempt, "ok", answer=seal(freeze(answer)))
        return answer

    def _close(self, attempt: int, outcome: str, *, answer: bytes | None = None, code: str | None = None) -> None:
        with self._process.database.statement() as tx:
            attempts.close(tx, attempt, outcome, answer=answer, code=code)

    def _stands(self, effect: str) -> None:
        if effect not in self.effects:
            self.effects.append(effect)
