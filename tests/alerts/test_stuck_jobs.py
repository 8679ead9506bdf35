"""Jobs that do not go on: one that fails as a whole keeps no other from going on, and is reported."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from integration.message import State
from integration.operations import jobs as operations
from integration.operations.selection import WAITING, Selection
from integration.store.database import Database
from tasks import jobs as nudges
from tests.alerts.conftest import Watched
from tests.operations.slices import Jobs
from tests.operations.test_jobs import RAISES, REFUSED


@pytest.fixture
def desk(database: Database, fleet: Watched) -> Jobs:
    return Jobs(database, fleet.road)


def carry_on(desk: Jobs) -> None:
    """The time of the next slice has come, and somebody nudges."""
    desk.road.run("update jobs set due_at = now()")
    nudges.run_jobs.apply(throw=True)


def stays(desk: Jobs) -> None:
    desk.road.run("update jobs set moved_at = moved_at - interval '6 minutes'")


def test_a_job_that_fails_as_a_whole_blocks_no_other(desk: Jobs) -> None:
    ids = desk.held(4)
    bad, good = (desk.start("resolve", Selection(WAITING, each), reason="a test") for each in (ids[:2], ids[2:]))
    desk.road.run(RAISES.format(REFUSED, "job_items", f"when (old.job = {bad})"))
    with capture_logs() as logs:
        nudges.run_jobs.apply(throw=True)
    assert (desk.job(good)["state"], desk.job(bad)["waiting"]) == ("done", 2)
    assert [desk.road.state(id) for id in ids] == [State.HELD] * 2 + [State.SKIPPED] * 2
    assert [(each["event"], each.get("job"), each.get("error")) for each in logs if "failed" in each["event"]] == [
        ("job.failed", bad, "CheckViolation")
    ]
    assert desk.road.value("select due_at > now() from jobs where id = %s", bad), "it is not tried all the time"
    desk.road.run("drop trigger refuse on job_items")
    carry_on(desk)
    assert (desk.job(bad)["state"], desk.job(bad)["applied"]) == ("done", 2)


def test_a_job_that_waits_for_a_paused_target_is_reported_once_and_its_end_once(desk: Jobs, fleet: Watched) -> None:
    ids = desk.held(3)
    id = desk.start()
    fleet.pause("an upgrade")
    carry_on(desk)
    assert fleet.conditions("job") == []
    stays(desk)
    (condition,) = fleet.conditions("job")
    assert (condition.about, condition.count) == (f"job {id}", 3)
    assert condition.says == "It is to replay, by jane.\n3 wait for odoo-1, which is paused: an upgrade"
    assert f"`fleet jobs pause {id}`" in condition.fix
    fleet.look()
    fleet.look()
    fleet.pause(None)
    carry_on(desk)
    assert fleet.conditions("job") == [], "it was resumed, and has sent what it had"
    fleet.later(120)
    fleet.later(120)
    of_jobs = [title for title in fleet.hook.titles if f"job {id}" in title]
    assert len(of_jobs) == 2
    assert "a job makes no progress" in of_jobs[0]
    assert "resolved" in of_jobs[1]
    stays(desk)
    desk.road.run("update deliveries set due_at = now() where id = any (%s)", ids)
    assert "3 that it has sent are under way at odoo-1" in fleet.conditions("job")[0].says
    desk.end(*ids)
    carry_on(desk)
    assert (desk.job(id)["state"], fleet.conditions("job")) == ("done", [])


def test_a_job_that_somebody_has_paused_is_not_reported(desk: Jobs, fleet: Watched) -> None:
    desk.held(2)
    id = desk.start()
    stays(desk)
    assert len(fleet.conditions("job")) == 1
    desk.do(operations.pause, id)
    stays(desk)
    assert fleet.conditions("job") == []


def test_a_job_that_no_fleet_has_carried_out_has_its_time_when_one_does(desk: Jobs, fleet: Watched) -> None:
    desk.held(2)
    fleet.pause("an upgrade")
    desk.start()
    stays(desk)
    desk.road.run("update jobs set due_at = now() - interval '6 minutes'")
    nudges.run_jobs.apply(throw=True)
    assert fleet.conditions("job") == []
