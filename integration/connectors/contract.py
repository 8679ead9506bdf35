"""What a connector promises, and what it is given.

A connector knows one system's protocol and nothing of the database or the queue: whatever it needs of those reaches
it as a `Work`.  Adding a system is a folder beside this file that offers a `Connector`, and one line in
``integration/connectors/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

Document = dict[str, Any]
Gate = Callable[[], AbstractContextManager[None]]
"""Admission of one call at a target: entered before the request is sent, left when its answer is in."""


@dataclass(frozen=True)
class Request:
    """One call that takes effect, as it is frozen before it is sent; ``body`` is JSON, no secret is in it."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Posted:
    """What stands at the target after a post: its id there and the number people know it by.

    ``theirs`` is None when nothing had to be sent (an order cancelled before it was ever posted).  ``rounding`` is what
    a line of its own carries of the total, because both systems round in different places.
    """

    theirs: str | None
    number: str | None
    rounding: Decimal = Decimal(0)


Verdict = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing at a system that was looked at, and what to do about it.

    A warning: some orders will be held.  An error: something will not work at all.  ``fix`` is one plain sentence for
    either; None when all is well.
    """

    about: str
    verdict: Verdict
    says: str
    fix: str | None = None


class Work(Protocol):
    """One delivery under way, as a connector sees it."""

    def known(self, entity: str, id: str) -> str | None:
        """Their id of our object at this installation, if a crossref exists."""

    def known_among(self, entity: str, ids: Collection[str]) -> Mapping[str, str]:
        """Their ids of those of our objects for which a crossref exists, by ours."""

    def reserve(self, entity: str, id: str) -> None:
        """Claims the right to create this object; raises `Throttled` when another delivery is at it."""

    def remember(self, entity: str, id: str, theirs: str) -> None:
        """Writes the crossref our id -> theirs: durably before the next call that takes effect."""

    def taken(self, entity: str, id: str, theirs: Collection[str]) -> Set[str]:
        """Those of their records that are known as customers or guests of ours, other than this one."""

    def adopt(self, entity: str, id: str, theirs: str) -> bool:
        """Writes the crossref of a customer or guest that the target had before us; False when another has it.

        Look and crossref are one step for the whole fleet, and durable: of two that come at once one gets it.
        """

    def relink(self, entity: str, id: str, was: str, theirs: str) -> None:
        """Writes the crossref anew, for an object that is another record of theirs now, and notes it in the audit."""

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        """Lets a call take effect once in this round, and returns its JSON answer.

        The intent with the frozen request is committed before ``send`` is called, the answer with the next intent or at
        the end.  An effect that already succeeded in this round is not sent again: the recorded answer is returned.
        One whose outcome is unknown is sent again with the frozen request, byte for byte; a connector for whose verb
        that is not safe looks first, and calls `found` when the effect is already there.
        """

    def found(self, effect: str, evidence: str) -> None:
        """Records that an effect stands at the target already, so it need not be sent."""

    def idempotency_key(self, effect: str) -> str:
        """The request key of this effect: the same for every repeat within the round."""

    def approved(self, code: str) -> bool:
        """Whether a person lets this document pass the check that holds it with this code."""


class Connector(Protocol):
    """One system."""

    kind: str
    retry: Mapping[int, float | None]
    """From try N wait so many seconds (full jitter); None = dead letter."""

    def whoami(self) -> str:
        """Who we are there.  Raises `Misconfigured` when the credentials do not work."""

    def examine(self) -> Iterator[Finding]:
        """Looks at whatever orders will need there, without changing anything: rights, fields, settings.

        A `Failure` on the way ends it: what comes after needs what failed.
        """

    def enrich(self, entity: str, document: Document, work: Work) -> Document:
        """The target document with what only the target knows (ids of partner, products, taxes ...) filled in."""

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Makes the target show the document: a list of ensure steps, each of which looks before it acts."""


@dataclass(frozen=True)
class Parent:
    """What an object belongs to: ``theirs`` is their id, ``ours`` ours, where the business key spells it out."""

    entity: str
    theirs: str
    ours: str | None


@dataclass(frozen=True)
class Change:
    """One object of a system as it was when a poll read it.

    ``type`` is that of the event it becomes, ``id`` and ``number`` are theirs, ``at`` is when it last changed by their
    clock (UTC).  ``parent`` is what it belongs to, if it does.  ``document`` is made of JSON values and decimals.
    """

    type: str
    id: str
    at: datetime
    number: str | None
    parent: Parent | None
    document: Document


OpenKeys = Callable[[str], Sequence[str]]
"""Their ids of the objects of an entity of which more is to be expected, the least recently polled first."""


@dataclass(frozen=True)
class Page:
    """One page of a poll: ``seen`` is the newest change on it, ours or not; ``next`` is None for the last page."""

    changes: tuple[Change, ...]
    seen: datetime | None
    next: Document | None


@dataclass(frozen=True)
class Batch:
    """Rows of one page as they were read, the newest of their times, and where the next page goes on, as in `Page`."""

    rows: list[dict[str, Any]]
    seen: datetime | None
    next: Document | None


@runtime_checkable
class Polled(Protocol):
    """A system that is polled for changes."""

    streams: tuple[str, ...]
    """What can be asked for, in the order in which it is."""

    def changes(self, stream: str, since: datetime, page: Document | None, open_keys: OpenKeys) -> Page:
        """What changed at ``since`` or later, oldest first, page by page; only what belongs to objects of ours.

        ``page`` is the ``next`` of the page before.  ``open_keys`` is for streams of which no time of change can be
        asked: they read these objects one by one.
        """


@runtime_checkable
class Shown(Protocol):
    """A system that can be asked how it shows a document."""

    def shown(self, entity: str, document: Document, work: Work) -> Document | None:
        """What of the document stands there, under the document's own names; None when there is none of it.

        Only what the system shows in a comparable form is there.  Changes nothing.
        """


@runtime_checkable
class Readable(Protocol):
    """A system whose events may be thin: the object they are about can be read from it."""

    def fetch(self, entity: str, id: str) -> Document:
        """The object as it is now; `Hold` when there is none of this id."""
