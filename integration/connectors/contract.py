"""What a connector promises, and what it is given.

A connector knows one system's protocol and nothing of the database or the queue: whatever it needs of those reaches
it as a `Work`.  How a system or an entity is added: ``integration/README.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar

from integration.connectors.answers import reading
from integration.errors import Failure, Reject
from integration.settings import System
from integration.systems import variable

P = ParamSpec("P")
T = TypeVar("T")
Document = dict[str, Any]
Gate = Callable[..., AbstractContextManager[None]]
"""Admission of one call at a target: entered before the request is sent, left when its answer is in.

It is called with the size of the call: for how many objects it is made, 1 unless it is a bulk call.  ``share=0.2``
says what part of a call's work each further one is, 1 unless it was measured; ``alone=True`` is for a call that the
target does badly while another of its kind is under way.
"""


@dataclass(frozen=True)
class Request:
    """One call that takes effect, as it is frozen before it is sent; ``body`` is JSON, no secret is in it."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Posted:
    """What the target has after a post: its id there and the number people know it by.

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

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        """Lets a call take effect once in this round, and returns its JSON answer.

        The intent with the frozen request is committed before ``send`` is called, the answer with the next intent or at
        the end.  An effect that already succeeded in this round is not sent again: the recorded answer is returned.
        One whose outcome is unknown is sent again with the frozen request, byte for byte.  A connector for whose verb
        that is not safe gives ``again``, which is called where anything was ever tried for this object: it looks first,
        and calls `found` when the effect is there.
        """

    def found(self, effect: str, evidence: str) -> None:
        """Records that the target shows an effect already, so it need not be sent."""

    def idempotency_key(self, effect: str) -> str:
        """The request key of this effect: the same for every repeat within the round."""

    def approved(self, code: str, *compared: object) -> bool:
        """Whether a person lets the object pass the check of this code, which has compared these values (`Hold`)."""

    def accepts(self, difference: Decimal) -> bool:
        """Whether a person accepts that sums of the object differ by so much, be it here or at another check."""


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
AsPosted = Callable[[str, Sequence[str]], Mapping[str, Document]]
"""What the fleet keeps of objects of an entity as they were posted, by their ids: of an order ``{id, lines}``."""


def nothing_posted(entity: str, theirs: Sequence[str]) -> Mapping[str, Document]:  # noqa: ARG001
    """Of a system to which nothing was posted."""
    return {}


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


class Reachable(Protocol):
    """A configured system, ready to be called."""

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing; calls nothing."""

    def whoami(self) -> str:
        """Who we are there, after a read that every delivery needs; `Misconfigured` when that is refused."""


S = TypeVar("S", bound=Reachable)
"""What verbs and streams are given to call their system by: its client, and what they share."""


@dataclass(frozen=True)
class Ask:
    """What a poll asks of a stream: what changed at ``since`` or later, or the ``page`` of it.

    ``page`` is the ``next`` of the page before.  ``open_keys`` is for streams that cannot be asked by time: they read
    these objects one by one.  ``as_posted`` is for those that report by how much an object differs from that.
    """

    since: datetime
    page: Document | None
    open_keys: OpenKeys
    as_posted: AsPosted = nothing_posted


@dataclass(frozen=True)
class Verbs(Generic[S]):
    """What a connector does with one entity; a verb that its system does not offer is None.

    ``enrich`` fills in what only the target knows (ids of partner, products, taxes).  ``post`` makes the target show
    the document: a list of ensure steps, each of which looks before it acts.  ``shown`` returns what the target has of
    the document, under the document's own names, as far as it can be compared; None when it has none of it; it changes
    nothing.  ``fetch`` reads the object with this id as it is now, and raises `Hold` when there is none.
    """

    enrich: Callable[[S, Document, Work], Document] | None = None
    post: Callable[[S, Document, Work], Posted] | None = None
    shown: Callable[[S, Document, Work], Document | None] | None = None
    fetch: Callable[[S, str], Document] | None = None


@dataclass(frozen=True)
class Stream(Generic[S]):
    """One kind of change that a system is polled for.

    ``events`` are the types of the events that its changes become.  ``read`` returns a page of the changes that belong
    to orders of ours, oldest first.
    """

    events: frozenset[str]
    read: Callable[[S, Ask], Page]


@dataclass(frozen=True)
class Setting:
    """A setting of one kind of system: the variable ``<SYSTEM>_<NAME>``.

    A ``*`` in the name is for any capitals: a currency, a tax rate.
    """

    name: str
    help: str
    secret: bool = False
    required: bool = False

    def variable(self, system: str) -> str:
        """The variable that sets it: ``ODOO_API_KEY``."""
        return variable(system, self.name)


class Connector(Generic[S]):
    """One system, as one process calls it; threads may share it.

    A connector is its tables: ``verbs`` by entity, ``streams`` by name in the order in which they are polled, and
    ``settings``.  They belong to the class, so start-up, doctor and checks read them without a connection.
    """

    kind: str
    retry: Mapping[int, float | None]
    """From try N wait so many seconds (full jitter); None = dead letter."""
    settings: tuple[Setting, ...]
    verbs: Mapping[str, Verbs[S]]
    streams: Mapping[str, Stream[S]] = MappingProxyType({})
    opens: type[S]

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing; calls nothing."""
        self.site = self.opens(system, gate)

    def whoami(self) -> str:
        """Who we are there.  Raises `Misconfigured` when the credentials do not work."""
        return self.site.whoami()

    def examine(self) -> Iterator[Finding]:
        """Looks at whatever deliveries will need there, without changing anything: rights, fields, settings.

        A `Failure` on the way ends it: what comes after needs what failed.
        """
        raise NotImplementedError

    def enrich(self, entity: str, document: Document, work: Work) -> Document:
        """See `Verbs`; the document itself where nothing is missing."""
        verb = self._verbs(entity).enrich
        return verb(self.site, document, work) if verb else document

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """See `Verbs`; `Reject` where the system takes no such entity."""
        verb = self._verbs(entity).post
        if verb is None:
            raise self._lacks("post", entity)
        return verb(self.site, document, work)

    def shown(self, entity: str, document: Document, work: Work) -> Document | None:
        """See `Verbs`; None where the system cannot be asked."""
        verb = self._verbs(entity).shown
        return verb(self.site, document, work) if verb else None

    def fetch(self, entity: str, id: str) -> Document:
        """See `Verbs`; `Reject` where the system cannot be asked for such an entity."""
        verb = self._verbs(entity).fetch
        if verb is None:
            raise self._lacks("fetch", entity)
        return verb(self.site, id)

    def changes(
        self,
        stream: str,
        since: datetime,
        page: Document | None,
        open_keys: OpenKeys,
        as_posted: AsPosted = nothing_posted,
    ) -> Page:
        """One page of a stream, see `Ask` and `Stream`; what is not as the system promises is `Retry`."""
        with reading(f"the {stream} of {self.kind.title()}"):
            return self.streams[stream].read(self.site, Ask(since, page, open_keys, as_posted))

    def _verbs(self, entity: str) -> Verbs[S]:
        return self.verbs.get(entity) or Verbs()

    def _lacks(self, verb: str, entity: str) -> Reject:
        return Reject(
            f"the connector of {self.kind.title()} has no {verb} for {entity}",
            hint="Correct the workflow: `fleet workflows check` names what each connector offers.",
            code="no_verb",
        )


def with_rights(
    refused: type[Failure],
) -> Callable[[Callable[Concatenate[S, P], T]], Callable[Concatenate[S, P], T]]:
    """For a verb: a refusal holds this one document, unless the user may do nothing at all: then `whoami` raises."""

    def of(verb: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
        def guarded(site: S, /, *given: P.args, **named: P.kwargs) -> T:
            try:
                return verb(site, *given, **named)
            except refused:
                site.whoami()
                raise

        return guarded

    return of
