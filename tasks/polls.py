"""Polls: what is due is read, page by page, into the same inbox as a webhook.  The dispatcher asks for them, or beat.

Every poll holds its cursor's lease, and each page is accepted in the transaction that moves the cursor past it.  A poll
may run twice, late or never without harm: what it reads again is known by its external id, made of the object, the time
of its change and a hash of what was read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import Any

import redis
import structlog
from kombu.exceptions import OperationalError

from integration.canonical import digest, freeze
from integration.canonical.hints import plain
from integration.connectors.answers import Endless, endless
from integration.connectors.contract import Change, Connector, Document, Page
from integration.errors import Failure, Misconfigured, Throttled, place_of
from integration.message import Event, clear
from integration.rules.in_force import InForce
from integration.store import crossrefs, cursors, inbox, installations
from integration.store.cursors import Cursor
from integration.store.database import UNAVAILABLE, Transaction
from integration.store.inbox import Arrival, Outdated
from integration.throttle import Admission
from tasks import pipeline
from tasks.celery import app
from tasks.fulfilment import tracking
from tasks.identity import object_ids
from tasks.intake import Intake
from tasks.leases import RENEW_EVERY, LeaseLost
from tasks.runtime import INGEST_WINDOW, Runtime, current

logger = structlog.get_logger(__name__)

TURN = 20.0
"""Seconds after which a run lets the other streams of its system have theirs, and goes on later where it was."""
LONGEST_EVENT_ID = 220
DEFECT = "Report it with the log of this time; the other polls go on."


@dataclass(frozen=True)
class Run:
    """What one run of a stream brought; ``failure`` is why it stopped before its end."""

    stream: str
    read: int = 0
    accepted: int = 0
    failure: Failure | None = None


@app.task(name="poll")
def poll(system: str) -> None:
    """Reads every stream of a system that is due."""
    for run in runs(current(), _intake(), system):
        if run.accepted:
            logger.info("poll.accepted", target=system, stream=run.stream, read=run.read, accepted=run.accepted)


@cache
def _intake() -> Intake:
    return Intake(current())


def runs(runtime: Runtime, intake: Intake, system: str) -> Iterable[Run]:
    """Polls the streams of a system that are due, one after the other; nothing where it takes no part."""
    if system not in runtime.installations:
        return
    source = runtime.connector(system)
    if not source.streams:
        return
    installation = runtime.installations[system].id
    with runtime.database.transaction() as tx:
        cursors.ensure(tx, installation, tuple(source.streams))
    while True:
        with runtime.database.transaction() as tx:
            cursor = cursors.take(tx, installation)
        if cursor is None:
            return
        yield Poll(runtime, intake, system, source, cursor).run()


class Poll:
    """One run of one stream, under its cursor's lease."""

    def __init__(self, runtime: Runtime, intake: Intake, system: str, source: Connector[Any], cursor: Cursor) -> None:
        self._runtime = runtime
        self._intake = intake
        self._system = system
        self._source = source
        self._cursor = cursor
        self._asked: dict[str, list[str]] = {}
        self._lost = threading.Event()

    def run(self) -> Run:
        """Reads page by page until the run has ended, or until its turn is over while another stream is due.

        A failure is written down, and the run goes on later; so it does after a defect of ours.
        """
        read = accepted = 0
        over = time.monotonic() + TURN
        try:
            while True:
                page = self._ask()
                rests = time.monotonic() > over
                fresh = self._accept(page, rests)
                read, accepted = read + len(page.changes), accepted + fresh
                if page.next is None or rests:
                    return Run(self._cursor.stream, read, accepted)
        except LeaseLost:
            logger.warning("poll.lease_lost", target=self._system, stream=self._cursor.stream)
            return Run(self._cursor.stream, read, accepted)
        except Failure as failure:
            self._fail(failure)
            return Run(self._cursor.stream, read, accepted, failure)
        except UNAVAILABLE:
            raise
        except Exception as error:  # whatever it is, it is a defect of ours, and the other streams go on
            where = f"{type(error).__name__} at {place_of(error)}"
            defect = Failure(f"a defect here: {where}", hint=DEFECT, code="defect")
            self._fail(defect)
            return Run(self._cursor.stream, read, accepted, defect)

    def _ask(self) -> Page:
        cursor = self._cursor
        with self._runtime.admitted(self._system, check=self._check) as place, self._kept_alive(place):
            page = self._source.changes(cursor.stream, cursor.run_since, cursor.page, self._open_keys, self._as_posted)
        if page.next is not None and page.next == cursor.page:
            raise endless(f"the stream {cursor.stream}")
        return page

    def _check(self) -> None:
        if self._lost.is_set():
            raise LeaseLost

    @contextmanager
    def _kept_alive(self, place: Admission) -> Iterator[None]:
        """Renews the cursor's lease and the place at the target while a call may take its time."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(RENEW_EVERY):
                with suppress(*UNAVAILABLE, redis.RedisError), self._runtime.database.statement() as tx:
                    if not cursors.renew(tx, self._cursor):
                        self._lost.set()
                        return
                    place.renew()

        thread = threading.Thread(target=renew, name="poll", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _open_keys(self, entity: str) -> list[str]:
        with self._runtime.database.statement() as tx:
            self._asked[entity] = tracking(entity).open_keys(tx, self._cursor.installation)
        return self._asked[entity]

    def _as_posted(self, entity: str, theirs: Sequence[str]) -> dict[str, Document]:
        with self._runtime.database.statement() as tx:
            return tracking(entity).as_posted(tx, self._cursor.installation, theirs)

    def _note_asked(self, tx: Transaction) -> None:
        for entity, keys in self._asked.items():
            tracking(entity).polled(tx, self._cursor.installation, keys)

    def _accept(self, page: Page, rests: bool) -> int:
        """Takes in what is new on the page and moves the cursor past it, all or nothing; how much was new.

        A change is new if it differs from the object's latest accepted event; going back to an earlier state counts.
        """
        with self._runtime.database.transaction() as tx:
            self._note_asked(tx)
            arrivals = self._take_in(tx, page.changes) if page.changes else []
            self._move(tx, page, rests)
        due = [row for arrival in arrivals if arrival for row in arrival.due]
        with suppress(redis.RedisError, OperationalError):  # the dispatcher will
            pipeline.nudge(due[:INGEST_WINDOW])
        return len(arrivals)

    def _take_in(self, tx: Transaction, found: Sequence[Change]) -> list[Arrival | None]:
        """Stores what is new, named and routed by the same definitions: with the entity the id may change, too."""
        while True:
            known = self._intake.look(tx)
            changes = {(each.type, id): each for each, id in self._named(tx, found, known)}
            newest = inbox.newest(tx, self._cursor.installation, list(changes))
            fresh = [each for each in changes.items() if not is_known(each[1], newest.get(each[0]))]
            arriving = [self._intake.arriving(self._system, *self._event(tx, id, each)) for (_, id), each in fresh]
            try:
                return self._intake.accept_by(tx, known, arriving) if arriving else []
            except Outdated:
                continue  # published since the look

    def _move(self, tx: Transaction, page: Page, rests: bool) -> None:
        if page.next is None:
            every = self._runtime.settings.systems[self._system].poll_seconds
            if not cursors.end(tx, self._cursor, page.seen, every):
                raise LeaseLost
            return
        moved = cursors.advance(tx, self._cursor, page.seen, page.next)
        if moved is None:
            raise LeaseLost
        self._cursor = moved
        if rests:
            cursors.rest(tx, self._cursor)

    def _named(self, tx: Transaction, changes: Sequence[Change], known: InForce) -> Iterator[tuple[Change, str]]:
        """Each change with the id of its object; without those that are of no object of ours."""
        by_type: dict[str, list[str]] = {}
        for change in changes:
            by_type.setdefault(change.type, []).append(change.id)
        made_by = self._runtime.installations[self._system]
        ids = {
            type: object_ids(tx, known.entity_of(self._system, type), made_by, theirs)
            for type, theirs in by_type.items()
        }
        for type, theirs in ids.items():
            of = known.entity_of(self._system, type)
            ours = [each for each in changes if each.type == type and each.id in theirs]
            for change in tracking(of).wanted(tx, made_by.id, ours) if of else ours:
                yield change, theirs[change.id]

    def _event(self, tx: Transaction, object_id: str, change: Change) -> tuple[Event, bytes]:
        """The change as an event.  Its version is when it was asked for: what is read later is newer."""
        version = int(self._cursor.asked_at.timestamp() * 1_000_000)
        id = f"{event_id(change)}/{version}"
        parents = self._parent_ids(tx, change)
        places = {"object_id": object_id, **parents}
        body = {
            "id": id,
            "type": change.type,
            "timestamp": f"{change.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "data": {**change.document, **places, "source": self._runtime.installations[self._system].name},
        }
        number = clear(change.number) if change.number else None
        whole = parents.get(f"{change.parent.entity}_id") if change.parent else None
        part_of = clear(whole) if whole else None
        return Event(id, change.type, object_id, version, number, part_of=part_of), freeze(body)

    def _parent_ids(self, tx: Transaction, change: Change) -> dict[str, str | None]:
        """Both ids of what the change belongs to, e.g. ``order_id`` and ``their_order``."""
        if (parent := change.parent) is None:
            return {}
        ours = crossrefs.our_id(tx, self._cursor.installation, parent.entity, parent.theirs) or parent.ours
        return {f"{parent.entity}_id": ours, f"their_{parent.entity}": parent.theirs}

    def _fail(self, failure: Failure) -> None:
        """The next try: when the target says, or after a pause that doubles.  Wrong credentials pause the target."""
        log = logger.info if isinstance(failure, Throttled) else logger.error
        log("poll.failed", target=self._system, stream=self._cursor.stream, code=failure.code, reason=failure.reason)
        with self._runtime.database.transaction() as tx:
            self._note_asked(tx)
            if isinstance(failure, Throttled):
                cursors.rest(tx, self._cursor, failure.after)
                return
            anew = isinstance(failure, Endless)
            cursors.fail(tx, self._cursor, failure.code, failure.reason, self._hint(failure), anew=anew)
        if isinstance(failure, Misconfigured):
            self._pause_if_shut()

    def _hint(self, failure: Failure) -> str | None:
        return plain(failure.hint, self._runtime.settings.systems.get(self._system))

    def _pause_if_shut(self) -> None:
        """One stream may be closed to us and the rest open: the target is paused only if it does not know us at all."""
        try:
            with self._runtime.admitted(self._system):
                self._runtime.connector(self._system).whoami()
        except Misconfigured as failure:
            with self._runtime.database.transaction() as tx:
                installations.pause(tx, self._cursor.installation, failure.reason, self._hint(failure))
        except Failure:
            return  # no answer to that question now


def event_id(change: Change) -> str:
    """The id of a change: made of the object, the time of the change, and what was read."""
    stamp = f"{change.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    return clear(f"{change.type}/{change.id}/{stamp}/{digest(change.document)[:16]}")[:LONGEST_EVENT_ID]


def is_known(change: Change, newest: str | None) -> bool:
    """Whether the newest event of the object, by its id, is this change."""
    return newest is not None and newest.rpartition("/")[0] == event_id(change)
