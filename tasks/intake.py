"""The intake: every event, pushed or polled, becomes a message with its deliveries in the same way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace

import structlog

from integration import preflight, publishing
from integration.canonical.entities import entity
from integration.errors import Misconfigured
from integration.message import Event, State, lane
from integration.rules.in_force import InForce
from integration.store import inbox, publications
from integration.store.database import Transaction
from integration.store.deliveries import YIELDING
from integration.store.inbox import Arrival, Arriving, Outdated, Route
from integration.vault import match_key
from tasks.celery import INGEST
from tasks.runtime import Runtime

logger = structlog.get_logger(__name__)


class Intake:
    """Accepts events by the definitions in force: the statement that stores an event refuses any others.

    So every event that comes after a publication is routed by it, in every process, at once.  Raises `Misconfigured`
    when it is made where no definitions were published and those that ship cannot work, where this release cannot
    use those in force, and for keys that do not open what was accepted before.
    """

    def __init__(self, runtime: Runtime) -> None:
        preflight.check_database(runtime.database, runtime.vault)
        self._runtime = runtime
        self._renewing = threading.Lock()
        with runtime.database.transaction() as tx:
            self._known = publishing.in_force(tx, runtime.settings.kinds).compiled()

    def arriving(self, source: str, event: Event, body: bytes) -> Arriving:
        """The event as it is to be stored."""
        key = match_key(event.email, self._runtime.match_secret) if event.email else None
        sealed, body_hash = self._runtime.vault.seal(body), hashlib.sha256(body).digest()
        return Arriving(self._runtime.installations[source].id, event, sealed, body_hash, email_key=key)

    def accept(self, tx: Transaction, arriving: Sequence[Arriving]) -> list[Arrival | None]:
        """Stores the events for good, in one statement, each with a delivery for every workflow that wants it.

        None for one that came before.
        """
        while True:
            known = self._known
            try:
                return self.accept_by(tx, known, arriving)
            except Outdated:
                self._renew(tx, known)

    def accept_by(self, tx: Transaction, known: InForce, arriving: Sequence[Arriving]) -> list[Arrival | None]:
        """The same by these definitions; raises `Outdated`, with nothing stored, where newer ones are published."""
        routed = [replace(each, routes=self._routes(each, known)) for each in arriving]
        return inbox.accept(tx, routed, known.newest)

    def look(self, tx: Transaction) -> InForce:
        """Takes up what was published since, before anything else is asked; the definitions in force."""
        known = self._known
        if publications.newest(tx) != known.newest:
            self._renew(tx, known)
        return self._known

    def _renew(self, tx: Transaction, outdated: InForce) -> None:
        """Takes the definitions in force.  Where this release cannot use them, those it has stay."""
        with self._renewing:
            if self._known is not outdated:  # another thread has done it
                return
            rows = publications.in_force(tx)
            try:
                self._known = InForce.from_rows(rows).compiled()
            except Misconfigured as failure:
                newest = max(row["version"] for row in rows)
                logger.error("mappings.refused", version=newest, reason=failure.reason, fix=failure.hint)
                self._known = replace(outdated, newest=newest)
                return
            logger.info("mappings.in_force", version=self._known.newest)

    def _routes(self, arriving: Arriving, known: InForce) -> list[Route]:
        """One delivery for each workflow that wants the event and whose target takes part; else a skipped one."""
        installations, event = self._runtime.installations, arriving.event
        source = next(name for name, each in installations.items() if each.id == arriving.source)
        version, definitions = known.of(event.object_id)
        routes = [
            Route(
                entity=workflow.entity,
                lane=lane(installations[workflow.target].name, workflow.entity, event.object_id),
                queue=INGEST,
                workflow=workflow.name,
                pin=workflow.pin,
                target=installations[workflow.target].id,
                mapping_version=version,
                priority=YIELDING if entity(workflow.entity).yields else 0,
            )
            for workflow in definitions.matching(source, event.type)
            if workflow.target in installations
        ]
        reason = f"no workflow takes {event.type} from {source}"
        unwanted = Route("event", "none", state=State.SKIPPED.value, reason=reason, mapping_version=version)
        return routes or [unwanted]
