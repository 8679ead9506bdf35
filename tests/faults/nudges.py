"""What should never be in a queue: rubbish, tasks that nobody knows, arguments that fit no task."""

from __future__ import annotations

from typing import Any

from celery import Celery

from tests.faults.trial import Trial, fault

QUEUES = ("ingest", "odoo", "fusion", "clarity", "poll", "upkeep")
RAW = (b"rubbish", b"", b"{}", b"[1]", b"\xff\xfe", b'{"body": "?", "headers": {}, "properties": {}}')
TASKS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("unknown", (1,)),
    ("transform", ()),
    ("transform", (None,)),
    ("post", ("x" * 1000,)),
    ("post", (10**30,)),
    ("enrich", (-1,)),
    ("push_status", ({"id": [1]},)),
    ("poll", ("nobody",)),
    ("fetch", (1, 2, 3)),
)


@fault()
def rubbish_in_the_queues(trial: Trial) -> None:
    """Somebody writes into Redis what is no message, or a message for nobody."""
    with trial.traffic():
        for _ in range(10):
            trial.moment(0.5)
            trial.world.redis.lpush(trial.random.choice(QUEUES), trial.random.choice(RAW))


@fault()
def tasks_for_nobody(trial: Trial) -> None:
    """Messages in Celery's own form whose task or arguments make no sense."""
    with Celery("stranger", broker=trial.world.settings.redis_url) as stranger, trial.traffic():
        for name, arguments in TASKS:
            trial.moment(0.5)
            for queue in QUEUES:
                stranger.send_task(name, arguments, queue=queue)
