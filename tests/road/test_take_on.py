"""Which target takes on which lines of an order: step by step, without anybody on the other side."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from integration.connectors.contract import Posted, Request
from integration.embedded import Valkey
from integration.message import Step
from integration.receiver import read_event
from integration.settings import Settings
from integration.store import progress, repair
from integration.store.database import Row
from integration.store.repair import Restart
from tasks import step
from tasks.intake import Intake
from tasks.job import Job
from tasks.process import Process
from tasks.steps import BODIES
from tests.mapping.shop import order

NOWHERE = "http://127.0.0.1:1"
FUSION = {f"FUSION_{name}": NOWHERE for name in ("URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "BUSINESS_UNIT")}
ALL = {"CLARITY_URL": NOWHERE, "ODOO_URL": NOWHERE, **FUSION}


class Orders:
    """Order 1001 of Clarity, as events tell of it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._intake = Intake(process)
        self._versions = itertools.count(1)

    def accept(self, *, version: int = 0, **changes: Any) -> dict[str, int]:
        """An event of the order; its deliveries by target."""
        made = {
            **order({name.replace("__", "."): value for name, value in changes.items()}),
            "version": version or next(self._versions),
        }
        name = f"evt-{made['version']}"
        body = json.dumps({"id": name, "type": "order.updated", "data": made}).encode()
        with self.process.database.transaction() as tx:
            arrival = self._intake.accept(tx, "clarity", read_event(name, body), body)
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
            step.run(self.process, [id], Step.TRANSFORM, BODIES)

    def post(self, id: int) -> None:
        def send(job: Job) -> None:
            job.work.perform("order.create", Request("POST", "/", None, {}), lambda _: True)
            job.posted = Posted(f"{job.delivery.target}001", "S1001")

        step.run(self.process, [id], Step.ENRICH, {Step.ENRICH: lambda _: None, Step.POST: send})

    def approve(self, id: int) -> None:
        with self.process.database.transaction() as tx:
            assert repair.accept(tx, id, "line_moves", "jane")
            repair.replay(tx, [id], Restart(goes_on=True), "jane")

    def row(self, id: int) -> Row:
        with self.process.database.transaction() as tx:
            row = tx.row("select state, step, code, reason, hint from deliveries where id = %s", id)
        assert row
        return row

    def state(self, ids: dict[str, int]) -> dict[str, str]:
        return {kind: str(self.row(id)["code"] or self.row(id)["state"]) for kind, id in ids.items()}

    def run(self, sql: str, *values: object) -> None:
        with self.process.database.transaction() as tx:
            tx.run(sql, *values)

    def fulfilled_by(self) -> dict[str, str | None]:
        """The system that fulfils each line."""
        kinds = {each.id: kind for kind, each in self.process.installations.items()}
        with self.process.database.transaction() as tx:
            claims = progress.claim(tx, self.process.installations["clarity"].id, "1001", 0, (), ())
        return {line: kinds[by] if by else None for line, by in claims.items()}


@pytest.fixture
def environment(database_url: str, valkey: Valkey) -> dict[str, str]:
    return {
        "FLEET_HOME": "/nonexistent",
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/4",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }


@pytest.fixture
def orders(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Orders]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # Celery reads it for itself
    process = Process(Settings.load(environment | ALL))
    yield Orders(process)
    process.database.close()


PERSON, COMPANY = {"customer__type": "person"}, {"customer__type": "company"}


@pytest.mark.parametrize(("customer", "has", "not_"), [(PERSON, "odoo", "fusion"), (COMPANY, "fusion", "odoo")])
def test_one_has_it_and_the_other_is_skipped(orders: Orders, customer: dict[str, str], has: str, not_: str) -> None:
    ids = orders.come(**customer)
    assert orders.state(ids) == {has: "done", not_: "skip"}
    assert orders.row(ids[not_])["reason"] == f"no line of the order is for {not_}"
    assert orders.fulfilled_by() == {"1": has}


def test_what_is_wrong_with_it_is_held_where_it_is_to_go(orders: Orders) -> None:
    ids = orders.come(**PERSON, totals__grandTotal="1.00", paymentTerms="NO-SUCH-TERM")
    assert orders.state(ids) == {"odoo": "unmapped", "fusion": "skip"}, orders.row(ids["odoo"])


def test_it_is_not_moved_unless_a_person_approves(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY)
    assert orders.state(ids) == {"odoo": "line_moves", "fusion": "throttled"}
    assert orders.fulfilled_by() == {"1": "odoo"}
    orders.take_on(ids["fusion"])
    assert orders.row(ids["fusion"])["reason"] == "line '1' of the order is fulfilled by odoo-1, until that lets it go"
    orders.approve(ids["odoo"])
    orders.take_on(ids["odoo"])
    assert orders.row(ids["odoo"])["step"] == "enrich"
    orders.take_on(ids["fusion"])
    assert orders.state(ids)["fusion"] == "throttled", "it still stands at Odoo"
    orders.post(ids["odoo"])
    assert orders.fulfilled_by() == {"1": None}
    orders.take_on(ids["fusion"])
    orders.post(ids["fusion"])
    assert orders.state(ids) == {"odoo": "done", "fusion": "done"}
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_a_person_who_leaves_it_where_it_is_leaves_the_other_held(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY)
    with orders.process.database.transaction() as tx:
        repair.resolve(tx, [ids["odoo"]], "it stays", "jane")
    orders.take_on(ids["fusion"])
    row = orders.row(ids["fusion"])
    assert (row["state"], row["code"]) == ("held", "fulfilled_elsewhere")
    assert "See what odoo-1 has of it" in row["hint"]


def test_one_that_is_on_its_way_to_a_target_is_waited_for(orders: Orders) -> None:
    first = orders.accept(**PERSON)
    orders.take_on(first["odoo"])
    ids = orders.accept(**COMPANY)
    orders.take_on(first["fusion"], *ids.values())
    assert orders.state(ids) == {"odoo": "waiting", "fusion": "throttled"}
    orders.post(first["odoo"])
    orders.take_on(*ids.values())
    assert orders.state(ids) == {"odoo": "line_moves", "fusion": "throttled"}


def test_an_older_event_that_comes_late_takes_nothing_away(orders: Orders) -> None:
    orders.come(version=7, **COMPANY)
    late = orders.come(version=6, **PERSON)
    assert orders.state(late) == {"odoo": "skip", "fusion": "skip"}
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_what_never_stood_there_moves_freely(orders: Orders) -> None:
    """It was held at Odoo before anything was sent."""
    held = orders.come(**PERSON, totals__grandTotal="1.00")
    assert orders.state(held) == {"odoo": "totals_mismatch", "fusion": "skip"}
    assert orders.fulfilled_by() == {"1": "odoo"}
    ids = orders.come(**COMPANY)
    orders.take_on(ids["fusion"])
    orders.post(ids["fusion"])
    assert orders.state(ids) == {"odoo": "skip", "fusion": "done"}
    assert orders.row(held["odoo"])["reason"].startswith("superseded")
    assert orders.fulfilled_by() == {"1": "fusion"}


def test_a_try_whose_outcome_nobody_knows_counts_as_standing_there(orders: Orders) -> None:
    ids = orders.accept(**PERSON)
    orders.take_on(*ids.values())
    orders.run("insert into attempts (delivery, round, effect, outcome) values (%s, 1, 'x', 'unknown')", ids["odoo"])
    orders.run("update deliveries set state = 'dead', finished_at = now() where id = %s", ids["odoo"])
    assert orders.state(orders.come(**COMPANY)) == {"odoo": "line_moves", "fusion": "throttled"}


def test_a_cancelled_order_is_cancelled_wherever_it_may_be(orders: Orders) -> None:
    orders.come(**PERSON)
    ids = orders.come(**COMPANY, status="cancelled")
    assert orders.state(ids) == {"odoo": "done", "fusion": "done"}
    assert orders.fulfilled_by() == {}


def test_an_erp_that_is_configured_no_more_keeps_what_it_has(orders: Orders, environment: dict[str, str]) -> None:
    """Odoo takes all from now on, but not what Fusion fulfils."""
    orders.come(**COMPANY)
    process = Process(Settings.load(environment | {name: url for name, url in ALL.items() if name not in FUSION}))
    alone = Orders(process)
    ids = alone.come(version=2, **COMPANY)
    row = alone.row(ids["odoo"])
    assert (set(ids), row["code"]) == ({"odoo"}, "fulfilled_elsewhere")
    assert row["reason"] == "line '1' of the order is fulfilled by fusion-1, and would be fulfilled twice"
    process.database.close()
