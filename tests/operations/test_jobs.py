"""Jobs, slice by slice: what was frozen is done once, the rest is left, and what can be is taken back."""

from __future__ import annotations

import threading
from collections import Counter

import psycopg2
import pytest

from integration.errors import Failure
from integration.message import State
from integration.operations import jobs
from integration.operations.jobs import SLICE
from integration.operations.selection import WAITING, Selection
from integration.store import jobs as stored
from integration.store.database import Database
from tests.operations.slices import PLENTY, Jobs

RAISES = """
create function refuse() returns trigger language plpgsql as $$ begin raise 'refused' using errcode = '{}'; end $$;
create trigger refuse before update on {} for each row {} execute function refuse()"""
KILLED, REFUSED = "57P01", "23514"
"""What Postgres says where it shuts down, and where a row may not be so."""


@pytest.fixture
def desk(database: Database) -> Jobs:
    return Jobs(database)


def test_what_matches_later_is_not_in_the_job(desk: Jobs) -> None:
    ids = desk.held(4)
    found = desk.preview()
    assert (found.count, [(row["count"], row["target"], row["code"]) for row in found.rows]) == (
        4,
        [(4, "odoo-1", "total_differs")],
    )
    assert found.rows[0]["examples"] == ["WEB-0", "WEB-1", "WEB-2"]
    later = desk.held(3, first=4)
    desk.do(jobs.start, found.id)
    assert desk.run(found.id)["applied"] == 4
    assert list(desk.results(found.id)) == ids
    assert {desk.road.state(id) for id in ids} == {State.READY}
    assert {desk.road.state(id) for id in later} == {State.HELD}


def test_nothing_is_done_before_it_is_started(desk: Jobs) -> None:
    desk.held(2)
    found = desk.preview()
    assert desk.slice(found.id) is False
    assert desk.job(found.id)["waiting"] == 2
    with desk.database.transaction() as tx:
        jobs.discard(tx, found.id)
    with pytest.raises(Failure, match=f"there is no job {found.id}"):
        desk.job(found.id)


def test_a_slice_that_dies_is_done_again_and_once(desk: Jobs) -> None:
    """Of what is done a replay makes new deliveries: it would show whatever is done twice."""
    ids = desk.held(2 * SLICE)
    desk.road.run("update deliveries set state = 'done' where id = any (%s)", ids)
    id = desk.start(chosen=Selection([State.DONE]))
    assert desk.slice(id)
    assert desk.job(id)["applied"] == SLICE
    desk.road.run(RAISES.format(KILLED, "job_items", ""))
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        desk.slice(id)
    desk.road.run("drop trigger refuse on job_items")
    assert desk.run(id)["applied"] == 2 * SLICE
    again = [row["again"] for row in desk.items(id)]
    with desk.database.transaction() as tx:
        made = [row["id"] for row in tx.rows("select id from deliveries where replay_of = any (%s) order by id", ids)]
    assert sorted(again) == made
    assert len(made) == 2 * SLICE


def test_a_thousand_are_each_done_once_by_many_at_once(desk: Jobs) -> None:
    ids = desk.held(1000)
    desk.road.run("update deliveries set state = 'done' where id = any (%s)", ids)
    id = desk.start(chosen=Selection([State.DONE]))

    def work() -> None:
        while desk.job(id)["waiting"]:
            desk.slice(id)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert Counter(row["result"] for row in desk.items(id)) == {"applied": 1000}
    assert desk.road.value("select count(*) from deliveries where replay_of is not null") == 1000


def test_a_second_worker_leaves_a_slice_to_the_first(desk: Jobs) -> None:
    desk.held(2)
    id = desk.start()
    with desk.database.transaction() as tx:
        assert stored.lock(tx, id)
        assert desk.slice(id) is False
    assert desk.job(id)["waiting"] == 2


def test_no_more_is_under_way_than_the_target_takes(desk: Jobs) -> None:
    ids = desk.held(7)
    id = desk.start()
    desk.room[desk.road.odoo.id] = 3
    assert desk.run(id)["applied"] == 3
    assert [desk.road.state(each) for each in ids[:4]] == [State.READY] * 3 + [State.HELD]
    assert stored_due(desk, id) > 0, "it is tried again when some may have ended"
    desk.end(*ids[:2])
    assert desk.run(id)["applied"] == 5
    desk.room[desk.road.odoo.id] = 0
    assert desk.run(id)["applied"] == 5
    desk.room[desk.road.odoo.id] = PLENTY
    assert (desk.run(id)["applied"], desk.job(id)["state"]) == (7, "running")
    desk.end(*ids[2:])
    assert desk.run(id)["state"] == "done"


def test_two_jobs_share_what_a_target_takes(desk: Jobs) -> None:
    ids = desk.held(6)
    desk.room[desk.road.odoo.id] = 4
    first, second = desk.start(chosen=Selection(WAITING, ids[:3])), desk.start(chosen=Selection(WAITING, ids[3:]))
    assert (desk.run(first)["applied"], desk.run(second)["applied"]) == (3, 1)


def test_what_is_only_closed_waits_for_no_target(desk: Jobs) -> None:
    desk.held(3)
    desk.room[desk.road.odoo.id] = 0
    job = desk.run(desk.start("resolve", reason="a test"))
    assert (job["applied"], job["state"]) == (3, "done")


def stored_due(desk: Jobs, id: int) -> float:
    return float(str(desk.road.value("select extract(epoch from due_at - now()) from jobs where id = %s", id)))


def test_a_pause_holds_from_the_next_slice_on(desk: Jobs) -> None:
    desk.held(SLICE + 1)
    id = desk.start()
    assert desk.slice(id)
    desk.do(jobs.pause, id)
    assert desk.slice(id) is False
    assert (desk.job(id)["state"], desk.job(id)["waiting"]) == ("paused", 1)
    with pytest.raises(Failure, match=f"job {id} is paused"):
        desk.do(jobs.pause, id)
    desk.do(jobs.resume, id)
    assert desk.run(id)["waiting"] == 0
    assert [each for each in desk.audited() if each[1]] == [("start", id), ("pause", id), ("resume", id)]


def test_what_was_cancelled_is_left_as_it_is(desk: Jobs) -> None:
    ids = desk.held(SLICE + 2)
    id = desk.start()
    desk.slice(id)
    desk.do(jobs.cancel, id)
    assert desk.run(id)["state"] == "cancelled"
    assert [desk.results(id)[each] for each in ids[-2:]] == [("cancelled", None)] * 2
    assert [desk.road.state(each) for each in ids[-3:]] == [State.READY, State.HELD, State.HELD]
    with pytest.raises(Failure, match="is cancelled"):
        desk.do(jobs.resume, id)
    assert ("cancel", id) in desk.audited()


def test_what_has_changed_since_is_skipped_with_the_reason(desk: Jobs) -> None:
    settled, newer, edited, gone, good = desk.held(5)
    id = desk.start()
    with desk.database.transaction() as tx:
        tx.run("update deliveries set state = 'skipped', finished_at = now() where id = %s", settled)
        tx.run("update deliveries set version = version + 1, reason = 'otherwise' where id = %s", newer)
        tx.run("update deliveries set round = round + 1 where id = %s", edited)
        tx.run("delete from deliveries where id = %s", gone)
    job = desk.run(id)
    assert (job["skipped"], job["applied"]) == (4, 1)
    assert desk.results(id) == {
        settled: ("skipped", "it is skipped now"),
        newer: ("skipped", "a newer event of the object has taken its place"),
        edited: ("skipped", "it was corrected or sent again meanwhile"),
        gone: ("skipped", "it is not kept any more"),
        good: ("applied", None),
    }
    assert desk.road.state(edited) is State.HELD


def test_one_that_fails_does_so_alone(desk: Jobs) -> None:
    ids = desk.held(5)
    id = desk.start()
    desk.road.run(RAISES.format(REFUSED, "deliveries", f"when (old.id = {ids[2]})"))
    job = desk.run(id)
    assert (job["applied"], job["failed"]) == (4, 1)
    assert desk.results(id)[ids[2]] == ("failed", "CheckViolation")
    assert [desk.road.state(each) for each in ids].count(State.READY) == 4


def test_what_cannot_be_sent_has_its_reason(desk: Jobs) -> None:
    (id,) = desk.held(1)
    unwanted = desk.road.accept("evt-x", order="x", skip=True).message
    none = int(str(desk.road.value("select id from deliveries where message = %s", unwanted)))
    job = desk.start(chosen=Selection([State.HELD, State.SKIPPED]), step="post")
    assert desk.run(job)["failed"] == 2
    assert desk.results(job) == {
        id: ("failed", "it was never translated: it can start only with transform"),
        none: ("failed", "no workflow took it"),
    }
    del desk.room[desk.road.odoo.id]
    other = desk.start()
    desk.run(other)
    assert desk.results(other) == {id: ("failed", "its target is not configured")}
    desk.road.run("update deliveries set workflow = 'order-to-nowhere' where id = %s", id)
    desk.room[desk.road.odoo.id] = PLENTY
    third = desk.start()
    with desk.database.transaction() as tx, pytest.raises(Failure, match="order-to-nowhere"):
        jobs.check_in_force(tx, third, desk.known)
    desk.run(third)
    assert desk.results(third)[id] == ("failed", "order-to-nowhere is not among the workflows in force")


def test_the_result_is_the_state_that_the_delivery_has_now(desk: Jobs) -> None:
    first, second, third = desk.held(3)
    id = desk.start()
    desk.run(id)
    desk.end(first)
    claimed = desk.road.claim(second)
    assert claimed
    desk.road.move(claimed, State.HELD, code="unknown_sku", reason="unknown SKU", hint="Add it.")
    assert [(row["state"], row["code"]) for row in desk.items(id)] == [
        ("done", None), ("held", "unknown_sku"), ("ready", None),
    ]  # fmt: skip
    desk.road.run("update deliveries set state = 'waiting', due_at = now() + interval '1 hour' where id = %s", third)
    assert desk.run(id)["state"] == "done", "what waits for a retry does not keep a job open"
    with desk.database.transaction() as tx:
        assert [(row["state"], row["count"]) for row in jobs.show(tx, id).now] == [
            ("done", 1), ("held", 1), ("waiting", 1),
        ]  # fmt: skip


def test_only_what_differs_in_its_sums_is_approved(desk: Jobs) -> None:
    (sums,), (sku,) = desk.held(1), desk.held(1, code="unknown_sku", first=1)
    id = desk.start("approve", Selection([State.HELD]))
    desk.run(id)
    assert desk.results(id) == {
        sums: ("applied", None),
        sku: ("failed", "what is held as unknown_sku cannot go as it is"),
    }
    assert desk.road.state(sku) is State.HELD


def test_the_record_holds_no_address(desk: Jobs) -> None:
    ids = desk.held(3)
    with desk.database.transaction() as tx:
        found = jobs.preview(tx, "replay", Selection(WAITING, ids, email_key="0f" * 16), PLENTY, "jane")
        assert jobs.the_job(tx, found.id)["selection"] == "state held, state dead, email_key given, 3 ids"


def test_jobs_that_ended_long_ago_are_forgotten(desk: Jobs) -> None:
    desk.held(2)
    ended, never, runs = desk.start("resolve", reason="a"), desk.preview().id, desk.start()
    desk.run(ended)
    desk.road.run("update jobs set created_at = now() - interval '9 days', ended_at = ended_at - interval '9 days'")
    with desk.database.transaction() as tx:
        assert stored.forget(tx, 10.0) == 1
        assert stored.forget(tx, 8.0) == 1
        assert [row["id"] for row in jobs.listed(tx, (), 10).rows] == [runs]
    assert never != runs
