"""The example system: held against the contract, and one order all the way to its books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import mappings
from integration.message import Step
from integration.receiver import read_event
from integration.rules.mapping_check import check_definitions
from integration.sandbox.ledger import Ledger as FakeLedger
from integration.settings import Settings
from tasks import runner
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tests.connectors.contract_suite import Bench, Contract
from tests.connectors.contract_suite import pytest_generate_tests as pytest_generate_tests
from tests.ledger.bench import LedgerBench, ledger
from tests.mapping.shop import order
from tests.road.conftest import stores as stores

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, FakeLedger]]:
    with ledger() as started:
        yield started


class TestLedger(Contract):
    kind = "ledger"

    @pytest.fixture
    def bench(self, running: tuple[str, FakeLedger]) -> Bench:
        return LedgerBench(*running)


def test_the_mappings_and_their_samples_are_right() -> None:
    problems = {checked.name: checked.problems for checked in check_definitions(mappings.FOLDER)}
    assert problems["ledger.out.order"] == []
    assert {name: found for name, found in problems.items() if found} == {}


@pytest.fixture
def runtime(stores: dict[str, str], running: tuple[str, FakeLedger]) -> Iterator[Runtime]:
    systems = {"CLARITY_URL": NOWHERE, "LEDGER_URL": running[0], "LEDGER_API_KEY": "key"}
    runtime = Runtime(Settings.load(stores | systems))
    yield runtime
    runtime.database.close()


def state(runtime: Runtime, id: int) -> tuple[Any, ...]:
    with runtime.database.transaction() as tx:
        row = tx.row("select state, step, reason from deliveries where id = %s", id)
    assert row
    return row["state"], row["step"], row["reason"]


def test_an_order_reaches_the_ledger(runtime: Runtime, running: tuple[str, FakeLedger]) -> None:
    """transform, validate, enrich and post, with a real Postgres, Valkey and HTTP."""
    _, fake = running
    body = json.dumps({"id": "evt-1", "type": "order.status_changed", "data": order({"status": "completed"})}).encode()
    with runtime.database.transaction() as tx:
        intake = Intake(runtime)
        (arrival,) = intake.accept(tx, [intake.arriving("clarity", read_event("evt-1", body, "clarity"), body)])
        assert arrival
        [id] = [row["id"] for row in tx.rows("select id from deliveries where message = %s", arrival.message)]
    runner.run(runtime, [id], Step.TRANSFORM, BODIES)
    assert state(runtime, id)[1] == "enrich", state(runtime, id)
    runner.run(runtime, [id], Step.ENRICH, BODIES)
    assert state(runtime, id)[0] == "done", state(runtime, id)
    entry = fake.entries["1001"]
    assert (entry["number"], Decimal(str(entry["total"])), fake.writes["1001"]) == ("WEB-1001", 28, 1)
