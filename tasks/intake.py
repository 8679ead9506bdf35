"""The intake: every event, pushed or polled, becomes a message with its deliveries in the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import structlog

import mappings
from integration import preflight
from integration.connectors import offers
from integration.errors import Misconfigured
from integration.message import Event, State, lane
from integration.store import definitions, inbox
from integration.store.database import Transaction
from integration.store.inbox import Arrival, Arriving, Route
from integration.vault import match_key
from integration.workflow import Definitions, compiled_definitions
from tasks.celery import INGEST
from tasks.runtime import Runtime

logger = structlog.get_logger(__name__)


class Intake:
    """Accepts events by the definitions in ``mappings/`` as they are when it is made.

    Where they cannot work, those that were in force before stay in force.  Raises `Misconfigured` where there are none,
    and for keys that do not open what was accepted before.
    """

    def __init__(self, runtime: Runtime) -> None:
        preflight.check_database(runtime.database, runtime.vault)
        self._runtime = runtime
        self._known = _in_force(runtime)

    def arriving(self, source: str, event: Event, body: bytes) -> Arriving:
        """The event as it is to be stored, with a delivery for each workflow that wants it."""
        key = match_key(event.email, self._runtime.match_secret) if event.email else None
        sealed, body_hash = self._runtime.vault.seal(body), hashlib.sha256(body).digest()
        installation = self._runtime.installations[source]
        return Arriving(installation.id, event, sealed, body_hash, self._routes(source, event), key)

    def accept(self, tx: Transaction, arriving: Sequence[Arriving]) -> list[Arrival | None]:
        """Stores the events for good, in one statement; None for one that came before."""
        return inbox.accept(tx, arriving)

    def entity_of(self, source: str, type: str) -> str | None:
        """The entity that events of this type are about, by the workflows that take them; None where none does."""
        return next((workflow.entity for workflow in self._known.matching(source, type)), None)

    def _routes(self, source: str, event: Event) -> list[Route]:
        """One delivery for each workflow that wants the event and whose target takes part; else a skipped one."""
        installations = self._runtime.installations
        routes = [
            Route(
                entity=workflow.entity,
                lane=lane(installations[workflow.target].name, workflow.entity, event.object_id),
                queue=INGEST,
                workflow=workflow.name,
                pin=workflow.pin,
                target=installations[workflow.target].id,
            )
            for workflow in self._known.matching(source, event.type)
            if workflow.target in installations
        ]
        reason = f"no workflow takes {event.type} from {source}"
        return routes or [Route(entity="event", lane="none", state=State.SKIPPED.value, reason=reason)]


def _in_force(runtime: Runtime) -> Definitions:
    try:
        shipped = compiled_definitions(mappings.FOLDER, offers(runtime.settings.kinds))
    except Misconfigured as failure:
        with runtime.database.transaction() as tx:
            before = definitions.in_force(tx)
        if not before:
            raise
        since = max(row["in_force_since"] for row in before)
        logger.error("mappings.refused", reason=failure.reason, fix=failure.hint, in_force_since=since.isoformat())
        return Definitions.from_rows(before)
    with runtime.database.transaction() as tx:
        definitions.put_in_force(tx, shipped.rows())  # stored, so that every worker can load what a delivery pins
    return shipped
