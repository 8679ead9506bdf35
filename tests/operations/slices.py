"""The slices of jobs, where no fleet runs that carries them out."""

from __future__ import annotations

from typing import Any

from integration import publishing
from integration.message import State
from integration.operations import jobs
from integration.operations.acts import Means
from integration.operations.jobs import Preview, advance
from integration.operations.selection import WAITING, Selection
from integration.store import installations
from integration.store import jobs as stored
from integration.store.database import Database, Row
from integration.vault import Vault, new_key
from tests.store.road import Road

KINDS = {each: each for each in ("clarity", "odoo", "fusion")}
PLENTY = 10_000
"""More than any test sends."""


def means(database: Database, vault: Vault | None = None) -> Means:
    """As those of a fleet whose targets take whatever comes; without its vault it opens nothing."""
    with database.transaction() as tx:
        known = publishing.in_force(tx, KINDS)
        room = {row["id"]: PLENTY for row in installations.all_installations(tx)}
    return Means(known, room, vault or Vault([new_key()]))


def carry_out(database: Database, vault: Vault | None = None) -> None:
    """All slices that there are now of the running jobs."""
    with database.transaction() as tx:
        due = stored.due(tx)
    for id in due:
        while advance(database, id, means(database, vault)):
            pass


def leave(database: Database) -> None:
    """No fleet has run for a while."""
    with database.transaction() as tx:
        tx.run("update watch set asked_at = now() - interval '1 hour'")


class Jobs:
    """Held deliveries, and what jane does about many of them; ``room`` is what the targets have."""

    def __init__(self, database: Database, road: Road | None = None) -> None:
        self.database = database
        self.road = road or Road(database)
        found = means(database)
        self.known, self.room, self.vault = found.known, dict(found.room), found.vault

    def held(self, count: int, *, code: str = "total_differs", state: State = State.HELD, first: int = 0) -> list[int]:
        made = []
        for number in range(first, first + count):
            id = self.road.delivery(f"evt-{number}", order=str(number))
            claimed = self.road.claim(id)
            assert claimed
            self.road.move(claimed, state, code=code, reason=f"{code}: no", hint="Look.", about="digest")
            made.append(id)
        return made

    def preview(self, act: str = "replay", chosen: Selection | None = None, **options: Any) -> Preview:
        with self.database.transaction() as tx:
            return jobs.preview(tx, act, chosen or Selection(WAITING), PLENTY, "jane", **options)

    def start(self, act: str = "replay", chosen: Selection | None = None, **options: Any) -> int:
        id = self.preview(act, chosen, **options).id
        self.do(jobs.start, id)
        return id

    def undo(self, id: int) -> int:
        with self.database.transaction() as tx:
            found = jobs.preview_undo(tx, id, "jane")
        self.do(jobs.start, found.id)
        return found.id

    def do(self, what: Any, id: int) -> None:
        with self.database.transaction() as tx:
            what(tx, id, "jane")

    def slice(self, id: int) -> bool:
        return advance(self.database, id, Means(self.known, self.room, self.vault))

    def run(self, id: int) -> Row:
        """All slices there are now; the job after these."""
        while self.slice(id):
            pass
        return self.job(id)

    def job(self, id: int) -> Row:
        with self.database.transaction() as tx:
            return jobs.show(tx, id).job

    def items(self, id: int) -> list[Row]:
        with self.database.transaction() as tx:
            return jobs.items(tx, id, result=None, limit=PLENTY).rows

    def results(self, id: int) -> dict[int, tuple[str, str | None]]:
        return {row["delivery"]: (row["result"], row["remark"]) for row in self.items(id)}

    def end(self, *ids: int, state: State = State.DONE) -> None:
        """What was sent again has come to its end."""
        for id in ids:
            self.road.close(id, state)

    def audited(self) -> list[tuple[str, Any]]:
        with self.database.transaction() as tx:
            rows = tx.rows("select action, detail ->> 'job' as job from audit order by id")
        return [(row["action"], row["job"] and int(row["job"])) for row in rows]
