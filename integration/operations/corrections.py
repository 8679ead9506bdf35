"""Corrections by a person: of an event, for all targets of its object and its later versions, or of one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from integration.canonical import freeze, parse_json, thaw
from integration.canonical.correction import corrections
from integration.canonical.entities import entity
from integration.errors import Failure
from integration.message import Step
from integration.operations.decided import Decided
from integration.store import decisions, repair
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from integration.vault import Vault


@dataclass(frozen=True)
class Correctable:
    """The ``document`` of a delivery that a person may correct.

    ``whole`` is what is stored of the target's; None for the object of an event, which is ``arrived`` before a release
    that kept such corrections with the delivery has changed it.
    """

    delivery: Delivery
    document: Any
    arrived: Any = None
    whole: Any = None

    @classmethod
    def of(cls, delivery: Delivery, vault: Vault, *, event: bool) -> Self:
        """The target's document, or the object of the event: where that is asked for, or there is nothing else yet.

        Raises `Failure` where the delivery is not made of an event, or its event does not hold the object.
        """
        whole = thaw(vault.open(delivery.document)) if delivery.document else {}
        if delivery.step is Step.PUSH_STATUS:
            if event:
                raise Failure("a status push is not made of the event", hint="Correct it without --event.")
            return cls(delivery, whole, whole=whole)
        if not event and "target" in whole:
            return cls(delivery, whole["target"], whole=whole)
        arrived = parse_json(vault.open(delivery.body))
        given = arrived.get("data") if isinstance(arrived, dict) else None
        is_whole = entity(delivery.entity).whole
        if not isinstance(given, dict) or (is_whole and not is_whole(given)):
            raise Failure(
                "the event does not hold the order: it is read from Clarity when it is translated",
                hint="Correct the order in Clarity, then replay.",
            )
        given = Decided(delivery.decisions, vault.open).corrected(given)
        before = whole["event"]["data"] if delivery.edited == "event" and "event" in whole else given
        return cls(delivery, before, arrived=given)

    def store(
        self, tx: Transaction, vault: Vault, document: Any, paths: Sequence[str], who: str, why: str | None
    ) -> bool:
        """Stores the correction; False where the delivery has changed in the meantime."""
        if self.whole is None:
            return bool(self.store_in_event(tx, vault, document, who, why))
        is_push = self.delivery.step is Step.PUSH_STATUS
        sealed = vault.seal(freeze(document if is_push else {**self.whole, "target": document}))
        return repair.edit(tx, self.delivery, sealed, paths, who)

    def store_in_event(self, tx: Transaction, vault: Vault, document: Any, who: str, why: str | None) -> list[int]:
        """Stores what corrects the event; the decisions' ids, none where the delivery has changed in the meantime."""
        made = {each.place: vault.seal(each.frozen()) for each in corrections(self.arrived, document)}
        return decisions.correct(tx, self.delivery, made, who, why=why)
