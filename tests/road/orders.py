"""One order of Clarity on its way through a single process, step by step, without anybody on the other side."""

from __future__ import annotations

import itertools
import json
from typing import Any

from integration.connectors.contract import Posted, Request
from integration.message import Step
from integration.receiver import read_event
from integration.store import decisions, fulfilment, repair
from integration.store.database import Row
from integration.store.repair import Restart
from tasks import runner
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tasks.tracking import Job
from tests.mapping.shop import order

NOWHERE = "http://127.0.0.1:1"
FUSION = {f"FUSION_{name}": NOWHERE for name in ("URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "BUSINESS_UNIT")}
ALL = {"CLARITY_URL": NOWHERE, "ODOO_URL": NOWHERE, **FUSION}


class Orders:
    """Order 1001 of Clarity, as its events show it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._intake = Intake(runtime)
        self._versions = itertools.count(1)

    def accept(self, *, version: int = 0, **changes: Any) -> dict[str, int]:
        """An event of the order; its deliveries by target."""
        made = {
            **order({name.replace("__", "."): value for name, value in changes.items()}),
            "version": version or next(self._versions),
        }
        name = f"evt-{made['version']}"
        body = json.dumps({"id": name, "type": "order.updated", "data": made}).encode()
        with self.runtime.database.transaction() as tx:
            arriving = self._intake.arriving("clarity", read_event(name, body, "clarity"), body)
            (arrival,) = self._intake.accept(tx, [arriving])
            assert arrival
            sql = "select i.kind, d.id from deliveries d join installations i on i.id = d.target where d.message = %s"
            return {row["kind"]: row["id"] for row in tx.rows(sql, arrival.message)}

    def come(self, **changes: Any) -> dict[str, int]:
        """An event that is taken on, and posted where it goes on."""
        ids = self.accept(**changes)
        self.take_on(*ids.values())
        for id in ids.values():
            if self.row(id)["step"] == "enrich":
                self.post(id)
        return ids

    def take_on(self, *ids: int) -> None:
        for id in ids:
            self.run("update deliveries set due_at = now() where id = %s and due_at < 'infinity'", id)
            runner.run(self.runtime, [id], Step.TRANSFORM, BODIES)

    def post(self, id: int) -> None:
        def send(job: Job) -> None:
            job.work.perform("order.create", Request("POST", "/", None, {}), lambda _: True)
            job.posted = Posted(f"{job.delivery.target}001", "S1001")

        runner.run(self.runtime, [id], Step.ENRICH, {Step.ENRICH: lambda _: None, Step.POST: send})

    def approve(self, id: int, code: str = "line_moves") -> None:
        with self.runtime.database.transaction() as tx:
            assert tx.value("select code from deliveries where id = %s", id) == code
            assert decisions.approve(tx, [id], "jane").keys() == {id}
            repair.replay(tx, [id], Restart(goes_on=True), "jane")

    def row(self, id: int) -> Row:
        with self.runtime.database.transaction() as tx:
            row = tx.row("select state, step, code, reason, hint from deliveries where id = %s", id)
        assert row
        return row

    def state(self, ids: dict[str, int]) -> dict[str, str]:
        return {kind: str(self.row(id)["code"] or self.row(id)["state"]) for kind, id in ids.items()}

    def run(self, sql: str, *values: object) -> None:
        with self.runtime.database.transaction() as tx:
            tx.run(sql, *values)

    def fulfilled_by(self) -> dict[str, str | None]:
        """The system that fulfils each line."""
        kinds = {each.id: kind for kind, each in self.runtime.installations.items()}
        with self.runtime.database.transaction() as tx:
            claims = fulfilment.claims(tx, self.runtime.installations["clarity"].id, "1001")
        return {line: kinds[by] if by else None for line, by in claims.items()}
