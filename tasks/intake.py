"""The intake: every event, pushed or polled, becomes a message with its deliveries in the same way."""

from __future__ import annotations

import hashlib

import mappings
from integration.message import Event, State, lane
from integration.store import definitions, inbox
from integration.store.database import Transaction
from integration.store.inbox import Arrival, Route
from integration.vault import match_key
from integration.workflow import Definitions, load_definitions
from tasks.celery import INGEST
from tasks.process import Process


class Intake:
    """Accepts events by the definitions in ``mappings/`` as they are when it is made."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._known: Definitions = load_definitions(mappings.FOLDER)
        with process.database.transaction() as tx:
            definitions.store(tx, self._known.rows())  # so that every worker can load what a delivery pins

    def accept(self, tx: Transaction, source: str, event: Event, body: bytes) -> Arrival | None:
        """Stores the event for good, in one statement; None when it came before."""
        key = match_key(event.email, self._process.match_secret) if event.email else None
        sealed, body_hash = self._process.vault.seal(body), hashlib.sha256(body).digest()
        shop = self._process.installations[source]
        return inbox.accept(tx, shop.id, event, sealed, body_hash, self._routes(source, event), key)

    def _routes(self, source: str, event: Event) -> list[Route]:
        """One delivery for each workflow that wants the event and whose target takes part; else a skipped one."""
        installations = self._process.installations
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
