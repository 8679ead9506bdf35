"""A target at which objects die in a row of one cause is paused, and says so; a person resumes it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from integration.connectors.contract import Posted
from integration.errors import Failure, Hold, Reject
from integration.message import Step, lane
from integration.operations.selection import Selection
from integration.settings import Settings
from integration.store import repair
from integration.store.repair import Restart
from tasks import runner
from tasks.alert_rules import QUESTIONS
from tasks.runtime import Runtime
from tasks.tracking import Job
from tests.road.orders import ALL, Orders
from tests.road.world import World

MOST = 3
REFUSED = "the target refuses field 'x': {}"


class Dying(Orders):
    """Orders whose posts at Odoo end as the test says."""

    _ids = itertools.count(1)

    def ends(self, failure: Failure | None, order: str | None = None) -> int:
        """One more order, or event of one, that comes as far as Odoo; its delivery."""
        ids = self.accept(id=order or f"o{next(self._ids)}", customer__type="person")
        self.take_on(ids["odoo"])
        self.again(ids["odoo"], failure)
        return ids["odoo"]

    def again(self, id: int, failure: Failure | None) -> None:
        def post(job: Job) -> None:
            if failure:
                raise failure
            job.posted = Posted(job.delivery.object_id, "S1")

        runner.run(self.runtime, [id], Step.ENRICH, {Step.ENRICH: lambda _: None, Step.POST: post})

    def dies(self, reason: str = REFUSED) -> int:
        return self.ends(Reject(reason.format(next(self._ids)), code="refused"))

    def paused(self) -> str | None:
        with self.runtime.database.transaction() as tx:
            found: str | None = tx.value("select pause_reason from installations where kind = 'odoo'")
        return found


@pytest.fixture
def dying(stores: dict[str, str]) -> Iterator[Dying]:
    runtime = Runtime(replace(Settings.load(stores | ALL), pause_after_deaths=MOST))
    yield Dying(runtime)
    runtime.database.close()


@pytest.fixture
def fleet(stores: dict[str, str]) -> Callable[..., Result]:
    runner = CliRunner(env=stores | ALL | {"FLEET_USER": "jane", "COLUMNS": "9999"})
    return lambda *arguments: runner.invoke(main, arguments)


def test_it_stops_itself_and_a_person_lets_it_go_on(dying: Dying, fleet: Callable[..., Result]) -> None:
    first = [dying.dies() for _ in range(MOST - 1)]
    assert dying.paused() is None
    last = dying.dies()
    assert dying.paused() == f"{MOST} objects in a row died of one cause: {dying.row(last)['reason']}"
    waiting = dying.ends(None)
    assert dying.row(waiting)["state"] == "queued", "nothing is claimed for it"
    with dying.runtime.database.transaction() as tx:
        (condition,) = QUESTIONS["dying"](dying.runtime, tx)
        fingerprint = tx.value("select fingerprint from deliveries where id = %s", first[0])
    assert (condition.about, condition.count) == ("odoo-1", 1)
    assert "until a person resumes it" in condition.says
    assert f"fleet targets resume odoo-1`, then `fleet dead replay --fingerprint {fingerprint}`" in condition.fix
    shown = next(row for row in json.loads(fleet("targets", "ls", "--json").stdout)["rows"] if row["name"] == "odoo-1")
    assert (shown["state"], shown["paused_by"], shown["pause_hint"]) == ("paused", "deaths", condition.fix)
    assert f"paused by the fleet since {shown['paused_at'][:10]}" in fleet("targets", "ls").output
    assert fleet("targets", "resume", "odoo").exit_code == 0
    assert dying.paused() is None
    dying.again(waiting, None)
    assert dying.row(waiting)["state"] == "done"


def test_after_a_resumption_it_counts_anew(dying: Dying, fleet: Callable[..., Result]) -> None:
    for _ in range(MOST):
        dying.dies()
    assert fleet("targets", "resume", "odoo").exit_code == 0
    for _ in range(MOST - 1):
        dying.dies()
    assert dying.paused() is None
    dying.dies()
    assert dying.paused()


def test_a_success_begins_the_count_anew(dying: Dying) -> None:
    for _ in range(MOST - 1):
        dying.dies()
    dying.ends(None)
    for _ in range(MOST - 1):
        dying.dies()
    assert dying.paused() is None
    dying.dies()
    assert dying.paused()


def test_causes_that_differ_and_what_is_held_pause_nothing(dying: Dying) -> None:
    for reason in (REFUSED, "another", REFUSED, "a third", REFUSED, "a fourth"):
        dying.dies(reason)
    for _ in range(MOST):
        dying.ends(Hold("which of the two", hint="Choose.", code="ambiguous"))
    assert dying.paused() is None


def test_events_of_one_object_are_one_death(dying: Dying) -> None:
    for _ in range(2 * MOST):
        dying.ends(Reject(REFUSED, code="refused"), order="o-same")
    assert dying.paused() is None
    with dying.runtime.database.transaction() as tx:
        (row,) = repair.matching(tx, Selection(["dead"]), 9)  # type: ignore[list-item]
    for _ in range(MOST):
        with dying.runtime.database.transaction() as tx:
            repair.replay(tx, [row["id"]], Restart(), "jane")
        dying.take_on(row["id"])
        dying.again(row["id"], Reject(REFUSED, code="refused"))
    assert dying.paused() is None


def test_what_dies_before_it_reaches_a_target_is_not_the_targets(dying: Dying) -> None:
    for number in range(2 * MOST):
        dying.come(id=f"n{number}", customer=None)
    assert dying.paused() is None


def test_a_fleet_stops_posting_after_twenty(road: World) -> None:
    road.fault("fusion", "refused_quoting", path="salesOrders")
    ids = road.generate(120, "b2b_po")  # more than are under way at once when it is paused
    try:
        road.until(lambda: paused(road) is not None, 60, lambda: [road.states(id) for id in ids])
        road.until(lambda: not under_way(road), 30)
        road.clear_faults()
        assert "20 objects in a row died of one cause" in str(paused(road))
        with road.database.transaction() as tx:
            dead = tx.value("select count(*) from deliveries where state = 'dead' and lane = any (%s)", lanes(ids))
        assert dead >= 20
        assert dead < len(ids), "the rest of them wait"
    finally:
        runner = CliRunner(env={**road.fleet.environment, "FLEET_USER": "jane"})
        assert runner.invoke(main, ["targets", "resume", "fusion"]).exit_code == 0
    assert runner.invoke(main, ["dead", "replay", "--target", "fusion", "--yes"]).exit_code == 0
    road.finished(*ids, seconds=90)
    road.exactly_once(ids)
    road.balanced()


def lanes(ids: list[str]) -> list[str]:
    return [lane("fusion-1", "order", id) for id in ids]


def under_way(road: World) -> bool:
    with road.database.transaction() as tx:
        return bool(tx.value("select exists (select from deliveries where state = 'running' and queue = 'fusion')"))


def paused(road: World) -> object:
    with road.database.transaction() as tx:
        return tx.value("select pause_reason from installations where kind = 'fusion'")
