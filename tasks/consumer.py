"""Celery's consumer, which reports to Flower no more often than people look."""

from __future__ import annotations

import time
from typing import Any

from celery.worker import consumer

REPORT_EVERY = 0.5
HEARTBEAT_EVERY = 10.0
"""Seconds; Celery's own 2 wake an idle worker for nothing.  Flower takes a worker for lost after twice as long."""


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Events of tasks leave together, twice a second: one at a time they took a third of a worker's time."""

    _asked_at = 0.0

    def __init__(self, *arguments: Any, worker_options: dict[str, Any], **named: Any) -> None:
        interval = worker_options.get("heartbeat_interval") or HEARTBEAT_EVERY
        super().__init__(*arguments, worker_options={**worker_options, "heartbeat_interval": interval}, **named)

    def on_send_event_buffered(self) -> None:
        hub: Any = self.hub
        if hub and time.monotonic() - self._asked_at >= REPORT_EVERY:
            self._asked_at = time.monotonic()
            hub.call_later(REPORT_EVERY, self._flush_events)
