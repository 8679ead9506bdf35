"""Jobs on the way: a nudge carries out what slices of the running jobs may be tried now.

It may come twice, late or never without harm: a job is locked during a slice, and the dispatcher sees in Postgres what
is due.
"""

from __future__ import annotations

import time

import structlog

from integration import publishing
from integration.errors import places_of
from integration.operations.acts import Means
from integration.operations.jobs import advance, put_off
from integration.store import installations, jobs
from integration.store.database import UNAVAILABLE
from tasks.celery import app
from tasks.runtime import Runtime, current

logger = structlog.get_logger(__name__)

LONGEST = 5.0
"""Seconds after which a nudge leaves the rest to the next one."""


@app.task(name="run_jobs")
def run_jobs() -> None:
    """Goes round the jobs that are due, a slice of each at a time, until none may go on now."""
    runtime = current()
    deadline = time.monotonic() + LONGEST
    try:
        with runtime.database.statement() as tx:
            due = jobs.due(tx)
        if due:
            means = means_of(runtime)
        while due and time.monotonic() < deadline:
            due = [id for id in due if _advanced(runtime, id, means)]
    except UNAVAILABLE as error:
        logger.error("jobs.failed", error=type(error).__name__)


def _advanced(runtime: Runtime, id: int, means: Means) -> bool:
    """Whether a slice of a job was carried out, and another may follow.  One that fails as a whole is put off."""
    try:
        return advance(runtime.database, id, means)
    except Exception as error:  # whatever it is, the other jobs go on
        logger.error("job.failed", job=id, error=type(error).__name__, places=places_of(error))
        with runtime.database.transaction() as tx:
            put_off(tx, id)
        return False


def means_of(runtime: Runtime) -> Means:
    """The definitions in force, and how many deliveries may be under way at each target: none at a paused one."""
    with runtime.database.transaction() as tx:
        tx.plan_anew()
        known = publishing.in_force(tx, runtime.settings.kinds)
        paused = {row["id"] for row in installations.all_installations(tx) if row["paused_at"]}
    room = {
        each.id: 0 if each.id in paused else runtime.throttles[name].credit()
        for name, each in runtime.installations.items()
    }
    return Means(known, room, runtime.vault)
