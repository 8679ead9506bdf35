"""The connector's other side, in memory: one delivery under way, with the promises of `contract.Work`."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integration.canonical import freeze, thaw
from integration.canonical.entities import recorded_alike
from integration.connectors.contract import Request
from integration.errors import Failure, Retry, Throttled


@dataclass
class Try:
    """One try of an effect.  ``outcome`` is None while it is under way, then ok, found, failed or unknown."""

    effect: str
    frozen: bytes
    outcome: str | None = None
    answer: bytes | None = None


class Crossrefs:
    """What all deliveries of one installation know; reserved ones have no id of theirs yet."""

    def __init__(self) -> None:
        self.theirs: dict[tuple[str, str], str] = {}
        self.reserved: dict[tuple[str, str], object] = {}


class MemoryWork:
    """Keeps every request and answer as frozen bytes, as the road does; ``tries`` is the log of one round."""

    def __init__(self, crossrefs: Crossrefs | None = None) -> None:
        self.crossrefs = crossrefs or Crossrefs()
        self.tries: list[Try] = []
        self.accepted: set[str] = set()
        self.relinked: list[tuple[str, str, str, str]] = []
        self._delivery = uuid.uuid4().hex
        self._round = 1

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        return [(one.effect, one.outcome) for one in self.tries]

    def new_round(self) -> None:
        """What follows an edit: nothing of the earlier tries counts, the crossrefs stay."""
        self._round += 1
        self.tries.clear()

    def forget(self) -> None:
        """Loses the tries, within the round: as if Postgres had never heard of them."""
        self.tries.clear()

    def known(self, entity: str, id: str) -> str | None:
        return self.crossrefs.theirs.get((entity, id))

    def known_among(self, entity: str, ids: Collection[str]) -> dict[str, str]:
        return {id: theirs for id in ids if (theirs := self.known(entity, id))}

    def reserve(self, entity: str, id: str) -> None:
        owner = self.crossrefs.reserved.setdefault((entity, id), self)
        if owner is not self or (entity, id) in self.crossrefs.theirs:
            raise Throttled(f"another delivery is creating this {entity}", after=1.0)

    def remember(self, entity: str, id: str, theirs: str) -> None:
        assert isinstance(theirs, str), theirs
        self.crossrefs.theirs[entity, id] = theirs

    def taken(self, entity: str, id: str, theirs: Collection[str]) -> set[str]:
        return {
            known
            for (of, other), known in self.crossrefs.theirs.items()
            if known in theirs and of in recorded_alike(entity) and (of, other) != (entity, id)
        }

    def adopt(self, entity: str, id: str, theirs: str) -> bool:
        if self.taken(entity, id, [theirs]):
            return False
        self.remember(entity, id, theirs)
        return True

    def relink(self, entity: str, id: str, was: str, theirs: str) -> None:
        self.relinked.append((entity, id, was, theirs))
        self.remember(entity, id, theirs)

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        last = self._last(effect)
        if last and last.outcome in ("ok", "found"):
            return thaw(last.answer) if last.answer else None
        repeat = last is not None and last.outcome in (None, "unknown")
        frozen = last.frozen if last and repeat else freeze(request.__dict__)
        this = Try(effect, frozen)
        self.tries.append(this)
        try:
            answer = (again or send)(Request(**thaw(frozen))) if repeat else send(request)
        except Failure as failure:
            this.outcome = "unknown" if isinstance(failure, Retry) and failure.unknown_outcome else "failed"
            raise
        this.outcome, this.answer = "ok", freeze(answer)
        return answer

    def found(self, effect: str, evidence: str) -> None:
        assert evidence
        last = self._last(effect)
        if last and last.outcome in ("ok", "found"):
            return
        if last and last.outcome in (None, "unknown"):
            last.outcome = "found"
        else:
            self.tries.append(Try(effect, b"", "found"))

    def idempotency_key(self, effect: str) -> str:
        return hashlib.sha256(f"{self._delivery}/{self._round}/{effect}".encode()).hexdigest()

    def approved(self, code: str, *compared: object) -> bool:
        assert compared, "an approval is about what was compared"
        return code in self.accepted

    def accepts(self, difference: Decimal) -> bool:
        return "total_differs" in self.accepted and difference is not None

    def _last(self, effect: str) -> Try | None:
        return next((one for one in reversed(self.tries) if one.effect == effect), None)


class LossyWork(MemoryWork):
    """Loses the answer of an effect once, after it has taken effect."""

    def __init__(self, effect: str, crossrefs: Crossrefs) -> None:
        super().__init__(crossrefs)
        self._effect: str | None = effect

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        def lose(frozen: Request) -> Any:
            send(frozen)
            self._effect = None
            raise Retry("the connection broke", unknown_outcome=True, counts_for_breaker=True)

        return super().perform(effect, request, lose if effect == self._effect else send, again)
