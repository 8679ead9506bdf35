"""A job is taken back where nothing has come of it; what has gone on is left, with the reason."""

from __future__ import annotations

import pytest

from integration.errors import Failure
from integration.message import State, Step
from integration.operations import jobs
from integration.operations.selection import Selection
from integration.store import decisions
from integration.store.decisions import revoke
from tests.operations.slices import PLENTY, Jobs
from tests.operations.test_jobs import desk

__all__ = ["desk"]


def approved(desk: Jobs, ids: list[int]) -> int:
    id = desk.start("approve", Selection([State.HELD], ids), why="agreed")
    desk.run(id)
    desk.do(jobs.cancel, id)
    return id


def in_force(desk: Jobs) -> set[int]:
    with desk.database.transaction() as tx:
        rows = decisions.listed(tx, object_id=None, number=None, ended=False, limit=PLENTY)
    return {row["delivery"] for row in rows}


def test_an_approval_is_revoked_where_nothing_has_come_of_it(desk: Jobs) -> None:
    done, tried, beyond, revoked, held_again, still = ids = desk.held(6)
    id = approved(desk, ids)
    assert in_force(desk) == set(ids)
    desk.end(done)
    with desk.database.transaction() as tx:
        tx.run(
            """insert into attempts (delivery, round, effect, outcome, request, started_at)
               values (%s, 1, 'order.load', 'unknown', 'sealed', now() + interval '1 second')""",
            tried,
        )
        tx.run("update deliveries set step = %s where id = %s", Step.ENRICH.value, beyond)
        made = tx.value("select decision from job_items where job = %s and delivery = %s", id, revoked)
        assert revoke(tx, [made], "jane") == [made]
    desk.road.close(held_again, State.HELD)
    back = desk.undo(id)
    assert desk.run(back)["state"] == "done"
    results = desk.results(back)
    assert {each: results[each][0] for each in ids} == {
        done: "skipped", tried: "skipped", beyond: "skipped", revoked: "skipped", held_again: "applied",
        still: "applied",
    }  # fmt: skip
    assert str(results[done][1]).startswith("it has gone on: transform done")
    assert results[revoked][1] == f"decision {made} is not in force"
    assert in_force(desk) == {done, tried, beyond}
    with pytest.raises(Failure, match=f"job {back} cannot be undone"):
        desk.undo(back)


def test_what_was_resolved_is_as_it_was_before(desk: Jobs) -> None:
    ids = [*desk.held(2), *desk.held(1, state=State.DEAD, code="http_400", first=2)]
    columns = "state, code, reason, hint, fingerprint, finished_at, version, round"
    with desk.database.transaction() as tx:
        before = tx.rows(f"select {columns} from deliveries order by id")
    id = desk.start("resolve", reason="entered by hand")
    assert desk.run(id)["state"] == "done"
    assert {desk.road.state(each) for each in ids} == {State.SKIPPED}
    back = desk.undo(id)
    assert desk.run(back)["applied"] == 3
    with desk.database.transaction() as tx:
        assert tx.rows(f"select {columns} from deliveries order by id") == before
    assert [action for action, job in desk.audited() if not job] == ["resolve"] * 3 + ["reopen"] * 3
    with pytest.raises(Failure, match="nothing that job"):
        desk.undo(id)


def test_what_came_after_a_resolution_keeps_it(desk: Jobs) -> None:
    newer, again, settled = ids = desk.held(3)
    id = desk.start("resolve", reason="a test")
    desk.run(id)
    later = desk.road.delivery("evt-later", order="0", version=2)
    sent = desk.start(chosen=Selection([State.SKIPPED], [again]))
    desk.run(sent)
    (made,) = (row["again"] for row in desk.items(sent))
    desk.road.run("update deliveries set finished_at = now() where id = %s", settled)
    back = desk.undo(id)
    desk.run(back)
    assert desk.results(back) == {
        newer: ("skipped", f"{later} is newer"),
        again: ("skipped", f"it was sent again as {made}"),
        settled: ("skipped", "it has changed since it was resolved"),
    }
    assert {desk.road.state(each) for each in ids} == {State.SKIPPED}


def test_a_replay_cannot_be_undone_and_what_runs_not_yet(desk: Jobs) -> None:
    desk.held(1)
    with pytest.raises(Failure, match="cannot be undone: it is a replay"):
        desk.undo(desk.start())
    desk.held(1, first=1)
    with pytest.raises(Failure, match="is running"):
        desk.undo(desk.start("resolve", reason="a test"))
