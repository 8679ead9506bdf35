"""Jobs on a running fleet: whatever dies while one runs, each of its items is done once, at the pace of the target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.road.test_repair import Run, run
from tests.road.world import World

__all__ = ["run"]

SLOWLY = ("2/s", "--concurrency", "1")
MOST = 5
"""So many may be under way then: two seconds of the rate, and the slot."""


@pytest.fixture
def slow(road: World, run: Run) -> Iterator[World]:
    """Odoo takes little at a time."""
    run("targets", "limit", "odoo", *SLOWLY)
    yield road
    run("targets", "limit", "odoo", "--reset")


def held(road: World, count: int) -> list[str]:
    ids = road.generate(count, "mismatch")
    road.until(lambda: all(states(road, id) == ["held"] for id in ids), 60, lambda: [road.states(id) for id in ids])
    return ids


def states(road: World, id: str) -> list[str]:
    return [row["state"] for row in road.at("odoo", id)]


def deliveries(road: World, ids: list[str]) -> list[int]:
    return [road.at("odoo", id)[0]["id"] for id in ids]


def job(run: Run, id: int) -> dict[str, Any]:
    return dict(json.loads(run("jobs", "show", id, "--json", "--limit", 1000)))


def ended(road: World, run: Run, id: int, seconds: float = 120.0) -> dict[str, Any]:
    road.until(lambda: job(run, id)["job"]["state"] == "done", seconds, lambda: job(run, id))
    return job(run, id)


def audited(road: World, of: list[int]) -> Counter[tuple[int, str]]:
    with road.database.transaction() as tx:
        return Counter(
            (row["delivery"], row["action"])
            for row in tx.rows("select delivery, action from audit where delivery = any (%s)", of)
        )


def test_a_worker_that_is_killed_and_a_redis_that_is_emptied_in_mid_job_do_nothing_twice(slow: World, run: Run) -> None:
    ids = held(slow, 12)
    chosen = deliveries(slow, ids)
    id = json.loads(run("held", "approve", *chosen, "--detach", "--json"))["job"]["id"]

    def under_way() -> bool:
        found = job(run, id)["job"]
        return bool(found["applied"] and found["waiting"])

    slow.until(under_way, 60, lambda: job(run, id))
    slow.restart("worker-upkeep")
    assert under_way(), "it was killed in mid-job"
    slow.redis.flushall()
    run("targets", "limit", "odoo", "--reset")
    found = ended(slow, run, id)
    assert found["now"] == [{"state": "done", "code": None, "count": 12}]
    assert {row["result"] for row in found["rows"]} == {"applied"}
    assert audited(slow, chosen) == Counter({(each, act): 1 for each in chosen for act in ("approve", "replay")})
    slow.finished(*ids)
    slow.exactly_once(ids)
    slow.balanced()


def test_a_job_keeps_the_pace_of_its_target_and_stops_where_it_is_paused(slow: World, run: Run) -> None:
    ids = held(slow, 10)
    id = json.loads(run("held", "approve", *deliveries(slow, ids), "--detach", "--json"))["job"]["id"]
    busiest = 0

    def applied(count: int) -> bool:
        nonlocal busiest
        found = job(run, id)
        moving = {"ready", "queued", "running"}
        busiest = max(busiest, sum(row["count"] for row in found["now"] if row["state"] in moving))
        return bool(found["job"]["applied"] >= count)

    slow.until(lambda: applied(MOST + 1), 60, lambda: job(run, id))
    run("jobs", "pause", id)
    before = job(run, id)["job"]
    assert (before["state"], before["waiting"] > 0) == ("paused", True)
    slow.until(lambda: all(row["state"] not in {"ready", "queued", "running"} for row in job(run, id)["now"]), 60)
    assert job(run, id)["job"]["waiting"] == before["waiting"], "what is under way has ended, and nothing has begun"
    run("jobs", "resume", id)
    slow.until(lambda: applied(10), 60, lambda: job(run, id))
    assert 0 < busiest <= MOST
    ended(slow, run, id)
    slow.finished(*ids)
    slow.exactly_once(ids)


def test_a_job_waits_for_a_paused_target_and_says_so(road: World, run: Run) -> None:
    ids = held(road, 2)
    run("targets", "pause", "odoo", "--reason", "an upgrade")
    try:
        id = json.loads(run("held", "approve", *deliveries(road, ids), "--detach", "--json"))["job"]["id"]
        assert "2 wait for odoo-1, which is paused: an upgrade" in run("jobs", "show", id)
        assert run("jobs", "cancel", id).startswith("Cancelled.")
        again = json.loads(run("held", "approve", *deliveries(road, ids), "--detach", "--json"))["job"]["id"]
    finally:
        run("targets", "resume", "odoo")
    assert ended(road, run, again)["now"] == [{"state": "done", "code": None, "count": 2}]
    assert {row["result"] for row in job(run, id)["rows"]} == {"cancelled"}


def test_what_was_resolved_is_held_again_and_can_be_approved(road: World, run: Run) -> None:
    ids = held(road, 3)
    chosen = deliveries(road, ids)
    said = run("held", "resolve", *chosen, "--reason", "a test")
    assert "3 of 3 applied; now 3 skipped." in said
    (newest, *_) = json.loads(run("jobs", "ls", "--json"))["rows"]
    assert "3 of 3 applied; now 3 held as totals_mismatch." in run("jobs", "undo", newest["id"], "--yes")
    assert [states(road, id) for id in ids] == [["held"]] * 3
    assert "3 of 3 applied; now 3 done." in run("held", "approve", *chosen)
    road.finished(*ids)
    road.exactly_once(ids)
    road.balanced()
