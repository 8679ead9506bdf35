"""Corrections by a person: of an event, for all targets of its object and its later versions, or of one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from integration.canonical import digest, freeze, parse_json, thaw
from integration.canonical.correction import corrections
from integration.canonical.entities import entity, noun
from integration.errors import Failure
from integration.message import Step
from integration.operations.decided import Decided
from integration.operations.editing import differing
from integration.store import decisions, repair
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from integration.vault import Vault

TRANSLATED = "translated"
"""Under this name is the digest of the target's document as it was translated, beside one that a person corrected."""


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
        """Stores the correction; False where the delivery has changed in the meantime.

        Raises `Failure` for one of what identifies an object, with nothing stored.
        """
        if self.whole is None:
            return bool(self.store_in_event(tx, vault, document, who, why))
        self.check(document)
        made = document
        if self.delivery.step is not Step.PUSH_STATUS:
            made = {TRANSLATED: digest(self.document), **self.whole, "target": document}
        return repair.edit(tx, self.delivery, vault.seal(freeze(made)), paths, who)

    def store_in_event(self, tx: Transaction, vault: Vault, document: Any, who: str, why: str | None) -> list[int]:
        """Stores what corrects the event; the decisions' ids, none where the delivery has changed in the meantime.

        Raises `Failure` for a correction of what identifies an object, with nothing stored.
        """
        self.check(document)
        made = {each.place: vault.seal(each.frozen()) for each in corrections(self.arrived, document)}
        return decisions.correct(tx, self.delivery, made, who, why=why)

    def check(self, document: Any) -> None:
        """Raises `Failure` for a correction that would make it a document about another object, or none at all.

        What is corrected in an event passes every check of an event; what is in the target's document only these.
        """
        if self.whole is not None:
            _check_values(self.document, document)
        of = entity(self.delivery.entity)
        fixed = of.identity if self.whole is None else ("version", *of.home_ids)
        for path in differing(self.document, document):
            name = next((each for each in fixed if _within(path, each)), None)
            if name is None and self.whole is not None and _is_key(path):
                name = path
            if name:
                raise Failure(
                    f"{name} says which {noun(self.delivery.entity)} this is about: it cannot be corrected",
                    hint="Where it is wrong, correct it in the system that the event comes from.",
                )


def _check_values(before: Any, after: Any, path: str = "") -> None:
    """Raises `Failure` where a list became null or a quantity fell below zero."""
    if isinstance(before, list) and after is None:
        raise Failure(f"{path} is a list: it cannot be null", hint="An empty list is [].")
    if path.rpartition(".")[2] == "quantity" and isinstance(after, Decimal | int) and after < 0 and before != after:
        raise Failure(f"{path} is below zero", hint="0 takes the line out.")
    rows = isinstance(before, list) and isinstance(after, list)
    if rows or (isinstance(before, dict) and isinstance(after, dict)):
        for key in range(min(len(before), len(after))) if rows else before.keys() & after.keys():
            _check_values(before[key], after[key], f"{path}.{key}".lstrip("."))


def _is_key(path: str) -> bool:
    """Whether it is our id in a target's document: of its object, or of the one customer, say, that it names."""
    *within, name = path.split(".")
    return name == "key" and len(within) <= 1


def _within(path: str, name: str) -> bool:
    """Whether a path is that of a field or below it, in whichever way the two write their words."""
    found, field = (each.replace("_", "").lower() for each in (path, name))
    return f"{found}.".startswith(f"{field}.")
