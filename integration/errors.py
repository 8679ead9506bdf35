"""What can go wrong, named by what happens next.

Every failure that a step, a connector or a mapping raises is one of the classes below; anything else is a defect of
ours.  ``reason`` says what happened in words an operator understands, ``hint`` says what to do about it.  Neither may
hold personal data or secrets: both are stored in clear and shown in lists.
"""

from __future__ import annotations

import traceback
from decimal import Decimal
from pathlib import Path

LONGEST_REASON, LONGEST_CODE = 2000, 100
MOST_PLACES = 12


class Failure(Exception):
    """A failure with a known next step.

    ``reason`` is cut where it is longer than 2000 characters: a target or an order may contribute to it.  ``code``
    groups equal failures (it becomes part of the fingerprint).  ``excerpt`` is the beginning of the answer that caused
    it, if one did: it may hold personal data, so it is stored encrypted with the attempt.
    """

    excerpt: bytes | None = None

    def __init__(self, reason: str, *, hint: str | None = None, code: str | None = None) -> None:
        reason = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.code = (code or type(self).__name__.lower())[:LONGEST_CODE]

    @property
    def line(self) -> str:
        """What a process that cannot go on prints: one line, with the fix."""
        return f"error: {self.reason}" + (f" (fix: {self.hint})" if self.hint else "")


class Retry(Failure):
    """Again, by the connector's schedule; spends an attempt.  5xx, time-outs, resets, write conflicts.

    ``unknown_outcome`` is true when the request may have taken effect (it was sent, no answer came back).
    ``counts_for_breaker`` is true for transport failures and bare 5xx: the target itself is unwell.
    """

    def __init__(
        self,
        reason: str,
        *,
        unknown_outcome: bool = False,
        counts_for_breaker: bool = False,
        code: str | None = None,
    ) -> None:
        super().__init__(reason, code=code)
        self.unknown_outcome = unknown_outcome
        self.counts_for_breaker = counts_for_breaker


class Throttled(Failure):
    """Again after ``after`` seconds; spends no attempt.  429, no slot, breaker open, another delivery in the way.

    ``by_target`` is true when the target itself said so (429 or 503 with Retry-After).
    """

    def __init__(self, reason: str, *, after: float, by_target: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.by_target = by_target


class Needs(Failure):
    """Waits, without an attempt, until the object exists at the installation ``at`` (None: the delivery's target)."""

    def __init__(self, entity: str, id: str, at: int | None = None) -> None:
        super().__init__(f"waits for {entity} {id}")
        self.entity = entity
        self.id = id
        self.at = at


class Reject(Failure):
    """Dead letter: the document is wrong and stays wrong until somebody corrects it."""


class Hold(Failure):
    """Held for a person.  ``candidates`` are the choices, each ``{"id": ..., "label": ...}`` and what choosing it does.

    That is either ``entity`` and ``key`` of ours, whose crossref the id becomes, or the code that it ``approves``.
    ``compared`` are the values that the check has compared: an approval holds as long as they are the same.  Where sums
    differ, ``difference`` is by how much, in the object's currency: the approval accepts as much everywhere.
    """

    def __init__(
        self,
        reason: str,
        *,
        hint: str,
        code: str | None = None,
        candidates: tuple[dict[str, str], ...] = (),
        compared: tuple[object, ...] = (),
        difference: Decimal | None = None,
    ) -> None:
        super().__init__(reason, hint=hint, code=code)
        self.candidates = candidates
        self.compared = compared
        self.difference = difference


class Misconfigured(Failure):
    """The target is paused and an alert is sent: a wrong key, an expired key, a missing right."""


class Skip(Failure):
    """Nothing to do, and that is right: superseded, unchanged, an event that no workflow takes.

    ``settles`` is true when the object's newest state needs nothing: older states are obsolete from now on.  ``echo``
    is true when it says nothing else than the older event that waits for a person, who has to decide all the same.
    """

    def __init__(self, reason: str, *, settles: bool = False, echo: bool = False) -> None:
        super().__init__(reason)
        self.settles = settles
        self.echo = echo


def place_of(error: Exception) -> str:
    """The file and line that raised it."""
    return (places_of(error) or ["?"])[-1]


def places_of(error: Exception) -> list[str]:
    """The last files and lines through which a defect came, outermost first.

    With its type it is all that may be logged: the text of an unknown error may hold anything.
    """
    frames = traceback.extract_tb(error.__traceback__)[-MOST_PLACES:]
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
