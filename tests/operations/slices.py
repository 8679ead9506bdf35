"""The slices of jobs, where no fleet runs that carries them out."""

from __future__ import annotations

from integration import publishing
from integration.operations.acts import Means
from integration.operations.jobs import advance
from integration.store import installations, jobs
from integration.store.database import Database

KINDS = {each: each for each in ("clarity", "odoo", "fusion")}
PLENTY = 10_000
"""More than any test sends."""


def means(database: Database) -> Means:
    """As those of a fleet whose targets take whatever comes."""
    with database.transaction() as tx:
        known = publishing.in_force(tx, KINDS)
        return Means(known, {row["id"]: PLENTY for row in installations.all_installations(tx)})


def carry_out(database: Database) -> None:
    """All slices that there are now of the running jobs."""
    with database.transaction() as tx:
        due = jobs.due(tx)
    for id in due:
        while advance(database, id, means(database)):
            pass


def leave(database: Database) -> None:
    """No fleet has run for a while."""
    with database.transaction() as tx:
        tx.run("update watch set asked_at = now() - interval '1 hour'")
