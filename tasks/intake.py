"""The intake: every event, pushed or polled, becomes a message with its deliveries in the same way."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import structlog

from integration import preflight, publishing
from integration.errors import Misconfigured
from integration.in_force import InForce, Published
from integration.message import Event, State, lane
from integration.store import inbox, publications
from integration.store.database import Transaction
from integration.store.inbox import Arrival, Outdated, Route
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

    def accept(self, tx: Transaction, source: str, event: Event, body: bytes) -> Arrival | None:
        """Stores the event for good, in one statement; None when it came before."""
        key = match_key(event.email, self._runtime.match_secret) if event.email else None
        sealed, body_hash = self._runtime.vault.seal(body), hashlib.sha256(body).digest()
        installation = self._runtime.installations[source].id
        while True:
            known = self._known
            routes = self._routes(source, event, known.of(event.object_id))
            try:
                return inbox.accept(tx, installation, event, sealed, body_hash, routes, key, known.newest)
            except Outdated:
                self._renew(tx, known)

    def look(self, tx: Transaction) -> None:
        """Takes up what was published since, before anything else is asked."""
        known = self._known
        if publications.newest(tx) != known.newest:
            self._renew(tx, known)

    def entity_of(self, source: str, type: str) -> str | None:
        """The entity that events of this type are about, by the workflows that take them; None where none does."""
        known = self._known
        versions = [each.definitions for each in (known.whole, known.canary) if each]
        return next((workflow.entity for each in versions for workflow in each.matching(source, type)), None)

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

    def _routes(self, source: str, event: Event, published: Published) -> list[Route]:
        """One delivery for each workflow that wants the event and whose target takes part; else a skipped one."""
        installations = self._runtime.installations
        version = published.version
        routes = [
            Route(
                entity=workflow.entity,
                lane=lane(installations[workflow.target].name, workflow.entity, event.object_id),
                queue=INGEST,
                workflow=workflow.name,
                pin=workflow.pin,
                target=installations[workflow.target].id,
                mapping_version=version,
            )
            for workflow in published.definitions.matching(source, event.type)
            if workflow.target in installations
        ]
        reason = f"no workflow takes {event.type} from {source}"
        unwanted = Route("event", "none", state=State.SKIPPED.value, reason=reason, mapping_version=version)
        return routes or [unwanted]
