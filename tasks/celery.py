"""The Celery application, found by ``celery -A tasks``.

A Celery message is only a nudge that says "delivery 4711 is due": Redis may lose or double it at any time.  So there
is no result backend, no countdown, no retry and no Celery rate limit here; delays, retries and limits live in Postgres
and in the throttle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Celery, signals
from celery.utils import uuid

from integration import logs, preflight
from integration.connectors import CONNECTORS
from integration.errors import Failure
from integration.settings import Settings
from integration.store.database import UNAVAILABLE, Database
from integration.vault import Vault

INGEST = "ingest"
POLL = "poll"
UPKEEP = "upkeep"

POLL_TICK = 2.0
"""Seconds: no dispatcher asks more often for the polls of a system."""
STAND_IN_TICK = 15.0
"""Seconds: beat asks no more often than this; it does so in case no dispatcher runs."""
POLLED = {"queue": POLL, "expires": 10}
JOBS_TICK = 1.0
"""Seconds: no dispatcher asks more often for the next slices of jobs."""
CARRIED_OUT = {"queue": UPKEEP, "expires": 10}
WATCH_TICK = 5.0
"""Seconds between two looks at what is wrong."""
UPKEEP_EVERY = {"watch": WATCH_TICK, "check_ledger": 60.0, "probe_paused": 60.0, "forget_demand": 60.0, "tidy": 3600.0}
"""Seconds between two rounds of each task that keeps the fleet in order."""

Following = tuple[int, str]
"""A delivery that goes on at once, and the queue on which it does."""
TOGETHER = 16
"""So many deliveries at most share a nudge, and so a claim and a transaction."""
BATCH = 100
"""So many nudges are published in one round trip."""


def _checked() -> Settings:
    """The settings; a program of Celery's that must not start with them ends here, with one line."""
    try:
        return preflight.load()
    except Failure as failure:
        raise SystemExit(failure.line) from None


def _defaults() -> dict[str, Any]:
    """What depends on the settings: the broker, and of what beat asks how often."""
    settings = _checked()
    polls = {
        f"poll-{name}": {
            "task": "poll",
            "args": (name,),
            "schedule": max(system.poll_seconds, STAND_IN_TICK),
            "options": POLLED,
        }
        for name, system in settings.systems.items()
        if CONNECTORS[system.kind].streams
    }
    upkeep = {
        task.replace("_", "-"): {"task": task, "schedule": every, "options": {"queue": UPKEEP, "expires": every}}
        for task, every in UPKEEP_EVERY.items()
    }
    return {"broker_url": settings.redis_url, "beat_schedule": polls | upkeep}


app = Celery(
    "fleet", include=["tasks.steps", "tasks.polls", "tasks.upkeep", "tasks.watch", "tasks.jobs"], strict_typing=False
)
# Read when first needed, so that the tasks can be imported where no fleet is configured.
app.add_defaults(_defaults)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "ack_emulation": False,  # what a dead worker had taken, the dispatcher nudges again from Postgres
        "priority_steps": [0],
        "max_connections": 200,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    },
    task_ignore_result=True,
    task_acks_late=True,
    task_default_queue=INGEST,
    task_create_missing_queues=True,
    worker_prefetch_multiplier=1,
    worker_disable_rate_limits=True,
    worker_send_task_events=True,
    worker_consumer="tasks.consumer:Consumer",
    worker_soft_shutdown_timeout=10.0,
    worker_enable_soft_shutdown_on_idle=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    task_publish_retry=False,
    timezone="UTC",
)


@contextmanager
def publishing() -> Iterator[Any]:
    """A producer that sends what is published in the block in few round trips."""
    with app.producer_pool.acquire(block=True) as producer, producer.batch(BATCH):
        yield producer


def spread(links: Sequence[Any] | None, following: Sequence[Following]) -> None:
    """Gives what goes on the rest of a chain: one for those of a queue; ``links`` is that rest, the next hop last."""
    if not links or not following:
        return
    by_queue: dict[str, list[int]] = {}
    for id, queue in following:
        by_queue.setdefault(queue, []).append(id)
    with publishing() as producer:
        for queue, ids in by_queue.items():
            for start in range(0, len(ids), TOGETHER):
                some: Any = ids[start : start + TOGETHER]
                some = some if len(some) > 1 else some[0]
                *later, next = [_own_link(link, some) for link in links]
                next.set(queue=queue, argsrepr=f"({some}, '{queue}')")
                next.apply_async((some,), chain=later, producer=producer)


def _own_link(link: Any, ids: int | list[int]) -> Any:
    """A link of several deliveries' chain as one of their own: with another id, and its own label for Flower."""
    return app.signature(link).clone().set(task_id=uuid(), argsrepr=f"({ids})")


@signals.celeryd_init.connect
def _check_stores(**_: Any) -> None:
    """A worker looks at its database before it takes work, unless Postgres is away: that it waits for."""
    settings = _checked()
    database = Database(settings.database_url, connections=1)
    try:
        preflight.check_database(database, Vault(settings.encryption_keys))
    except UNAVAILABLE:
        return
    except Failure as failure:
        raise SystemExit(failure.line) from None
    finally:
        database.close()


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    logs.configure("worker")
