"""The leases a process holds: renewed together every 5 s, and known to be lost when they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg2
import structlog

from integration.store import deliveries
from integration.store.database import Database
from integration.store.deliveries import Delivery
from integration.throttle import Admission

logger = structlog.get_logger(__name__)

RENEW_EVERY = 5.0
VALID_FOR = 18.0  # two seconds less than Postgres grants: it ends here before another worker can claim it


class LeaseLost(Exception):
    """Another worker has, or may have, taken the delivery over: nothing more may be called or written."""


class Lease:
    """One delivery's lease, and with it its place at the target, if it has one.

    A process that was frozen finds the lease lapsed by its own clock, before it asks Postgres.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.token = delivery.lease
        self.valid_until = time.monotonic() + VALID_FOR
        self.place: Admission | None = None

    def check(self) -> None:
        """Raises `LeaseLost` unless the lease is certainly ours."""
        if time.monotonic() >= self.valid_until:
            raise LeaseLost


class Leases:
    """All leases of this process, and the thread that renews them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[int, Lease] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._renew_for_ever, name="leases", daemon=True).start()

    @contextmanager
    def hold(self, claimed: Sequence[Delivery]) -> Iterator[list[Lease]]:
        """Keeps the leases of claimed deliveries alive for the length of the block."""
        leases = {delivery.id: Lease(delivery) for delivery in claimed}
        with self._lock:
            self._held |= leases
        try:
            yield list(leases.values())
        finally:
            with self._lock:
                for id, lease in leases.items():
                    if self._held.get(id) is lease:
                        del self._held[id]

    def release(self) -> None:
        """Gives every lease back, uncounted: this process ends now."""
        with self._lock:
            held, self._held = self._held, {}
        if held:
            with self._database.transaction() as tx:
                deliveries.release(tx, {id: lease.token for id, lease in held.items()})
            for lease in held.values():
                lease.valid_until = 0.0

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(RENEW_EVERY)
            try:
                self._renew()
            except psycopg2.Error as error:
                logger.warning("leases.not_renewed", error=type(error).__name__)

    def _renew(self) -> None:
        with self._lock:
            held = dict(self._held)
        if not held:
            return
        asked_at = time.monotonic()
        with self._database.statement() as tx:
            ours = deliveries.renew(tx, {id: lease.token for id, lease in held.items()})
        for id, lease in held.items():
            lease.valid_until = asked_at + VALID_FOR if id in ours else 0.0
        for place in {lease.place for id, lease in held.items() if lease.place and id in ours}:
            place.renew()
