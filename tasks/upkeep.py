"""Upkeep: what beat asks for.  Every task here may run twice, late or never without harm."""

from __future__ import annotations

import os
import threading
import time

import structlog
from celery import signals

from integration.canonical.hints import plain
from integration.errors import Failure
from integration.store import alerts, demand, inbox, installations, jobs, ledger, retention
from integration.store.database import Database
from tasks.alert_rules import of_ledger
from tasks.celery import app
from tasks.runtime import current

logger = structlog.get_logger(__name__)

GRACE = 15.0
"""Seconds; `fleet up` and the compose file wait twice as long before they kill."""
REMOVES_FOR = 60.0
"""Seconds; after 120 the broker would think the task lost and give it to another."""


@app.task(name="check_ledger")
def check_ledger() -> None:
    """Adds up what is not sealed, once a day everything; seals finished days; raises the alarm for an imbalance."""
    with current().database.transaction() as tx:
        full = ledger.proof_is_due(tx)
    with current().database.transaction() as tx:
        balance = ledger.balance(tx, full=full)
    for imbalance in balance.imbalances:
        logger.error("ledger.imbalance", rule=imbalance.rule, count=imbalance.count, sample=imbalance.sample)
    with current().database.transaction() as tx:
        alerts.observe(tx, ["ledger"], of_ledger(balance))
    with current().database.transaction() as tx:
        ledger.note(tx, balance)
        ledger.seal(tx)


@app.task(name="probe_paused")
def probe_paused() -> None:
    """Asks who we are at every target that was paused for its credentials, and resumes those that answer.

    What an operator has paused stays paused.
    """
    runtime = current()
    with runtime.database.transaction() as tx:
        paused = {row["id"] for row in installations.all_installations(tx) if row["paused_by"] == "fleet"}
    for name, installation in runtime.installations.items():
        if installation.id not in paused:
            continue
        try:
            with runtime.admitted(name):
                runtime.connector(name).whoami()
        except Failure as failure:
            hint = plain(failure.hint, runtime.settings.systems.get(name))
            logger.error("target.still_paused", target=installation.name, reason=failure.reason, hint=hint)
            continue
        with runtime.database.transaction() as tx:
            resumed = installations.resume(tx, installation.id)
        if resumed:
            logger.info("target.resumed", target=installation.name)


@app.task(name="tidy")
def tidy() -> None:
    """Forgets rejected bodies after their seven days, alerts that are long over, jobs, and what is long finished."""
    runtime = current()
    with runtime.database.transaction() as tx:
        inbox.forget_rejected(tx)
        alerts.forget(tx)
        retention.forget_seen(tx)
        jobs.forget(tx, runtime.settings.retention_days)
    if removed := remove_finished(runtime.database, runtime.settings.retention_days):
        logger.info("retention.removed", messages=removed)


@app.task(name="forget_demand")
def forget_demand() -> None:
    """Forgets what orders wanted of an ERP and want no longer, and has the levels of that read anew."""
    with current().database.transaction() as tx:
        demand.forget(tx)


def remove_finished(database: Database, days: float, seconds: float = REMOVES_FOR) -> int:
    """Removes messages that ended ``days`` ago, for so many seconds at most and while the road has time; how many.

    After each batch it rests four times as long as the batch took.
    """
    removed, last, deadline = 0, 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        with database.transaction() as tx:
            ids = [] if retention.busy(tx) else retention.note(tx, days, after=last)
        if not ids:
            break
        with database.transaction() as tx:
            removed += retention.remove(tx, ids, days)
        last = ids[-1]
        time.sleep(4 * (time.monotonic() - began))
    return removed


@signals.worker_shutting_down.connect
def return_leases(**_: object) -> None:
    """A worker that is asked to stop has some seconds to finish; then it returns its leases uncounted and ends.

    Celery itself waits without end for a thread in mid-call.
    """
    timer = threading.Timer(GRACE, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    try:
        current().leases.release()
    finally:
        os._exit(0)
