"""Upkeep: what beat asks for.  Every task here may run twice, late or never without harm."""

from __future__ import annotations

import os
import threading

import structlog
from celery import signals

from integration.errors import Failure
from integration.store import inbox, installations, ledger
from tasks.celery import app
from tasks.process import process

logger = structlog.get_logger(__name__)

GRACE = 15.0
"""Seconds; `fleet up` and the compose file wait twice as long before they kill."""


@app.task(name="check_ledger")
def check_ledger() -> None:
    """Adds everything up, seals finished days, and raises the alarm for an imbalance."""
    with process().database.transaction() as tx:
        balance = ledger.balance(tx)
    for imbalance in balance.imbalances:
        logger.error("ledger imbalance", rule=imbalance.rule, count=imbalance.count, sample=imbalance.sample)
    with process().database.transaction() as tx:
        ledger.seal(tx)


@app.task(name="probe_paused")
def probe_paused() -> None:
    """Asks who we are at every target that was paused for its credentials, and resumes those that answer."""
    own = process()
    with own.database.transaction() as tx:
        paused = {row["id"] for row in installations.all_installations(tx) if row["paused_by"] == "fleet"}
    for kind, installation in own.installations.items():
        if installation.id not in paused:
            continue
        try:
            with own.admitted(kind):
                own.connector(kind).whoami()
        except Failure as failure:
            logger.error("target still paused", target=installation.name, reason=failure.reason, hint=failure.hint)
            continue
        with own.database.transaction() as tx:
            installations.resume(tx, installation.id)
        logger.info("target resumed", target=installation.name)


@app.task(name="tidy")
def tidy() -> None:
    """Forgets rejected bodies after their seven days."""
    with process().database.transaction() as tx:
        inbox.forget_rejected(tx)


@signals.worker_shutting_down.connect
def give_back(**_: object) -> None:
    """A worker that is asked to stop has some seconds to finish; then it returns its leases uncounted and ends.

    Celery itself waits without end for a thread in mid-call.
    """
    timer = threading.Timer(GRACE, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    try:
        process().leases.release()
    finally:
        os._exit(0)
