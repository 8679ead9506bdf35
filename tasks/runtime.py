"""What one process of the fleet holds: connections, keys, connectors, and the definitions it has loaded."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import redis

from integration import connectors, preflight
from integration.connectors.contract import Connector
from integration.errors import Misconfigured
from integration.operations.matching import match_secret
from integration.rules.workflow import Definitions, Workflow
from integration.settings import Settings
from integration.store import definitions, installations
from integration.store.database import Database
from integration.store.installations import Installation
from integration.systems import variable
from integration.throttle import Admission, Throttle
from integration.vault import Vault
from tasks.leases import Lease, Leases
from tasks.shared_lock import SharedLock

INGEST_WINDOW = 400
"""So many nudges may wait for ingest in Redis; the backlog waits in Postgres."""
ENOUGH = 2
SLOT_PATIENCE = 2.0
"""So many seconds a hop waits for others of its target to leave; its deliveries could do nothing else."""
CREDIT_SECONDS = 0.1
"""So long the credit of a queue is remembered: what it is about moves in seconds."""
_hop: ContextVar[tuple[Admission, Callable[[], None]]] = ContextVar("hop")


@dataclass
class Runtime:
    """Made once per process, after the fork.  Everything in it is thread-safe."""

    settings: Settings
    _workflows: dict[str, Workflow] = field(default_factory=dict)
    _connectors: dict[str, Connector[Any]] = field(default_factory=dict)
    _credits: dict[str, tuple[float, int]] = field(default_factory=dict)
    _making: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url, one_plan=True)

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.settings.encryption_keys)

    @cached_property
    def match_secret(self) -> bytes:
        """What e-mail addresses are matched under, without being stored."""
        with self.database.transaction() as tx:
            return match_secret(tx, self.vault)

    @cached_property
    def redis(self) -> redis.Redis:
        # No retries: without Redis the road waits in Postgres, and leases must be renewed in time.
        return redis.Redis.from_url(self.settings.redis_url, socket_timeout=5, socket_connect_timeout=2, retry=None)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.database)

    @cached_property
    def beside(self) -> SharedLock:
        return SharedLock()

    @cached_property
    def installations(self) -> dict[str, Installation]:
        """The configured systems by name."""
        with self.database.transaction() as tx:
            return installations.register(tx, self.settings.systems.values())

    @property
    def targets(self) -> list[int]:
        """The ids of the configured installations: nothing is sent to any other."""
        return [installation.id for installation in self.installations.values()]

    @cached_property
    def throttles(self) -> dict[str, Throttle]:
        """The throttle of each configured system by name."""
        return {
            name: Throttle(self.redis, self.installations[name].name, system.rate, system.concurrency)
            for name, system in self.settings.systems.items()
        }

    def connector(self, name: str) -> Connector[Any]:
        """The connector of a configured system; `Misconfigured` when it lacks a setting, or is not set up any more."""
        with self._making:
            if name not in self._connectors:
                self._connectors[name] = self._connect(name)
            return self._connectors[name]

    def _connect(self, name: str) -> Connector[Any]:
        system = self.settings.systems.get(name)
        if system is None:
            raise Misconfigured(
                f"{name} is not configured",
                hint=f"Set {variable(name, 'url')} and its credentials, and run `fleet restart`.",
            )
        # Guests are known at the target by a hash of their address under our own secret, unless another is set.
        own = {"guest_key": self.match_secret.hex()}
        return connectors.connect(replace(system, options=own | dict(system.options)), _gate)

    def installation(self, id: int) -> Installation | None:
        """A configured installation; None for one that takes no part any more."""
        return next((each for each in self.installations.values() if each.id == id), None)

    def kind_of(self, installation: int) -> str | None:
        """The kind of a configured installation; None for one that takes no part any more."""
        found = self.installation(installation)
        return found.kind if found else None

    def credit(self, queue: str) -> int:
        """How many nudges a queue may hold now; a target's holds none, or a single probe, while its breaker is open."""
        if queue not in self.throttles:
            return INGEST_WINDOW
        if self._has_enough(queue):
            return 0
        until, credit = self._credits.get(queue, (0.0, 0))
        if time.monotonic() >= until:
            credit = self.throttles[queue].credit()
            self._credits[queue] = time.monotonic() + CREDIT_SECONDS, credit
        return credit

    def _has_enough(self, queue: str) -> bool:
        """Whether nudges wait there already: whoever takes them takes what else is due, too."""
        try:
            return int(self.redis.llen(queue)) >= ENOUGH
        except redis.RedisError:
            return True

    def gather(self, queue: str) -> None:
        """Before a claim: waits while the target of the queue takes no call, for then the claim takes more along."""
        if throttle := self.throttles.get(queue):
            throttle.gather()

    def workflow(self, pin: str) -> Workflow:
        """The workflow as it was pinned when the delivery was routed."""
        with self._making:
            if pin not in self._workflows:
                with self.database.transaction() as tx:
                    self._workflows[pin] = Definitions.from_rows(definitions.of_pin(tx, pin)).workflow(pin)
            return self._workflows[pin]

    @contextmanager
    def admitted(self, name: str, hops: int = 1, check: Callable[[], None] = lambda: None) -> Iterator[Admission]:
        """A place at a target for so many deliveries; raises `Throttled` when there is none now, nor soon for a hop.

        Calls inside wait for their turn; ``check`` is asked after the wait, before anything is sent.
        """
        self.connector(name)
        with self.throttles[name].admit(hops, SLOT_PATIENCE) as admission, _calling(admission, check):
            yield admission

    def calling(self, lease: Lease) -> AbstractContextManager[None]:
        """The calls inside go by the lease's own place, and are not made when the lease is lost."""
        return _calling(lease.place, lease.check) if lease.place else nullcontext()


@contextmanager
def _calling(admission: Admission, check: Callable[[], None]) -> Iterator[None]:
    token = _hop.set((admission, check))
    try:
        yield
    finally:
        _hop.reset(token)


@contextmanager
def _gate(size: int = 1, *, share: float = 1.0, alone: bool = False) -> Iterator[None]:
    """One call for so many objects: it takes a place in the rate, and more where its work is that of several calls."""
    admission, check = _hop.get()
    with admission.call(1 + (size - 1) * share, alone=alone):
        check()
        yield


_runtime: Runtime | None = None
_owner = 0
_making = threading.Lock()


def current() -> Runtime:
    """The runtime of this process; a forked child makes its own."""
    global _runtime, _owner
    with _making:
        if _runtime is None or _owner != os.getpid():
            _runtime, _owner = Runtime(preflight.load()), os.getpid()
        return _runtime
