"""One running delivery per lane, in the order of its events, under a lease that can be lost."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.message import State, Step
from integration.store import attempts, crossrefs, deliveries, dispatch, ends, installations
from integration.store.attempts import Intending
from integration.store.crossrefs import Written
from integration.store.database import Database
from tests.store.road import INGEST_STEPS, Road, system, with_lease


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def test_one_of_many_claims_wins(road: Road) -> None:
    id = road.delivery("evt-1")
    with ThreadPoolExecutor(8) as pool:
        claims = [each for each in pool.map(lambda _: road.claim(id), range(24)) if each]
    assert len(claims) == 1
    assert claims[0].body.startswith(b"sealed ")


def test_the_index_lets_one_delivery_of_a_lane_run(road: Road) -> None:
    first, second = road.delivery("evt-1", version=2), road.delivery("evt-2", version=1)
    road.run("update deliveries set state = 'running', lease = gen_random_uuid() where id = %s", first)
    road.run("update deliveries set due_at = now(), state = 'ready' where id = %s", second)
    assert road.claim(second) is None, "the head of its lane, but another one runs"


def test_a_nudge_for_a_step_long_done_claims_nothing(road: Road) -> None:
    id = road.delivery("evt-1")
    assert road.claim(id, (Step.ENRICH, Step.POST)) is None
    assert road.claim(id) is not None


def test_lanes_run_in_the_order_of_their_events_whatever_the_arrival(road: Road) -> None:
    third, second = road.delivery("evt-3", version=3), road.delivery("evt-2", version=2)
    assert road.claim(third) is None, "version 2 came later but is older"
    road.run("update deliveries set state = 'queued' where id = %s", third)
    with road.database.transaction() as tx:
        deliveries.requeue_behind_lane(tx, [third])
        assert dispatch.wake_missed(tx) == 1
    assert (road.state(second), road.state(third)) == (State.READY, State.WAITING)
    road.close(second)
    assert road.state(third) is State.READY
    road.close(third)


@pytest.mark.parametrize("end", [State.HELD, State.DEAD, State.SKIPPED])
def test_what_waits_for_a_person_does_not_keep_the_lane(road: Road, end: State) -> None:
    first, second = road.delivery("evt-1", version=1), road.delivery("evt-2", version=2)
    road.close(first, end)
    assert road.state(second) is State.READY


def test_a_newer_one_that_took_effect_supersedes_what_was_held(road: Road) -> None:
    held, newer = road.delivery("evt-1", version=1), road.delivery("evt-2", version=2)
    road.close(held, State.HELD)
    claimed = road.claim(newer)
    assert claimed
    with road.database.transaction() as tx:
        ends.move(tx, [(claimed, deliveries.Next(State.DONE))])
        ends.leave_lane(tx, [(claimed, True)])
    assert road.state(held) is State.SKIPPED
    assert road.value("select reason from deliveries where id = %s", held) == f"superseded by {newer}"


def test_a_worker_whose_lease_was_taken_over_can_write_nothing(road: Road) -> None:
    id = road.delivery("evt-1")
    ours = road.claim(id)
    assert ours
    theirs = with_lease(ours, str(uuid.uuid4()))
    road.run("update deliveries set lease = %s where id = %s", theirs.lease, id)
    assert road.move(ours, State.DONE) is None
    with road.database.transaction() as tx:
        assert attempts.intend(tx, [Intending(ours, "order.load", b"request")])[0] is None
        assert deliveries.renew(tx, {id: ours.lease}) == set()
        assert attempts.intend(tx, [Intending(theirs, "order.load", b"request")])[0] is not None
        assert deliveries.renew(tx, {id: theirs.lease}) == {id}
    assert road.state(id) is State.RUNNING


def test_an_expired_lease_and_a_lost_nudge_are_brought_back(road: Road) -> None:
    expired, lost, fresh = (road.delivery(f"evt-{n}", order=str(n)) for n in range(3))
    assert road.claim(expired)
    road.run("update deliveries set leased_until = now() - interval '1 second' where id = %s", expired)
    road.run("update deliveries set state = 'queued', moved_at = now() - interval '21 seconds' where id = %s", lost)
    road.run("update deliveries set state = 'queued', moved_at = now() where id = %s", fresh)
    with road.database.transaction() as tx:
        assert dispatch.redrive(tx) == 2
    assert [road.state(id) for id in (expired, lost, fresh)] == [State.READY, State.READY, State.QUEUED]
    again = road.claim(expired)
    assert again
    assert again.leases == 2, "a lease without outcome is remembered"


def test_nudges_from_before_postgres_started_are_lost_once_everybody_has_found_out(road: Road) -> None:
    id = road.delivery("evt-1")
    road.run("update deliveries set state = 'queued', moved_at = pg_postmaster_start_time() - interval '1 s'")

    def brought_back() -> bool:
        with road.database.transaction() as tx:
            return dispatch.redrive(tx) == 1

    deadline = time.monotonic() + 20
    while not brought_back():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert road.state(id) is State.READY


def test_leases_given_back_are_not_counted(road: Road) -> None:
    id = road.delivery("evt-1")
    claimed = road.claim(id)
    assert claimed
    with road.database.transaction() as tx:
        deliveries.release(tx, {id: claimed.lease})
    again = road.claim(id)
    assert again
    assert again.leases == 1


def test_an_empty_redis_makes_everything_queued_ready(road: Road) -> None:
    ids = [road.delivery(f"evt-{n}", order=str(n)) for n in range(3)]
    road.run("update deliveries set state = 'queued', moved_at = now()")
    with road.database.transaction() as tx:
        assert dispatch.requeue_all(tx) == 3
    assert {road.state(id) for id in ids} == {State.READY}


def test_the_dispatcher_gives_a_queue_no_more_than_its_window(road: Road) -> None:
    for n in range(5):
        road.accept(f"evt-{n}", order=str(n))
    road.run("update deliveries set created_at = now() - interval '2 seconds'")
    with road.database.transaction() as tx:
        assert len(dispatch.take_due(tx, "ingest", 3, [road.odoo.id])) == 3
    with road.database.transaction() as tx:
        assert dispatch.take_due(tx, "ingest", 3, [road.odoo.id]) == [], "three are queued already"
        (row, _) = dispatch.take_due(tx, "ingest", 9, [road.odoo.id])
    assert (row["step"], row["queue"], row["target"]) == ("transform", "ingest", "odoo")


def test_a_paused_target_is_left_alone(road: Road) -> None:
    id = road.delivery("evt-1")
    road.run("update deliveries set queue = 'odoo', step = 'enrich', created_at = now() - interval '2 seconds'")
    road.run("update installations set paused_at = now() where kind = 'odoo'")
    with road.database.transaction() as tx:
        assert dispatch.take_due(tx, "odoo", 9, [road.odoo.id]) == []
    assert road.claim(id, (Step.ENRICH, Step.POST)) is None
    road.run("update installations set paused_at = null")
    with road.database.transaction() as tx:
        assert [row["id"] for row in dispatch.take_due(tx, "odoo", 9, [road.odoo.id])] == [id]


def test_a_queue_without_credit_cuts_the_road(road: Road) -> None:
    one, two = road.delivery("evt-1", order="1"), road.delivery("evt-2", order="2")
    for id, expected in ((one, State.QUEUED), (two, State.READY)):
        claimed = road.claim(id)
        assert claimed
        assert road.move(claimed, State.QUEUED, step=Step.ENRICH, queue="odoo", credit=1) is expected


def test_what_needs_a_crossref_is_woken_by_the_transaction_that_writes_it(road: Road) -> None:
    id = road.delivery("evt-1")
    claimed = road.claim(id)
    assert claimed
    needs = crossrefs.needed(road.odoo.id, "customer", "c-77")
    road.move(claimed, State.WAITING, due_in=3600.0, needs=needs)
    assert road.claim(id) is None
    with road.database.transaction() as tx:
        crossrefs.write(tx, [Written(road.odoo.id, "customer", "c-77", "42")])
    assert road.claim(id) is not None


def test_two_creators_of_one_object_take_turns(road: Road) -> None:
    one, two = (road.claim(road.delivery(f"evt-{n}", order=str(n))) for n in range(2))
    assert one
    assert two
    with road.database.transaction() as tx:
        assert crossrefs.reserve(tx, [(one, "customer", "c-77")])[0]
        assert crossrefs.reserve(tx, [(one, "customer", "c-77")])[0], "the owner may ask again"
        assert not crossrefs.reserve(tx, [(two, "customer", "c-77")])[0]
        tx.run("update crossrefs set reserved_until = now() - interval '1 second'")
        assert crossrefs.reserve(tx, [(two, "customer", "c-77")])[0], "its owner died"
        crossrefs.write(tx, [Written(road.odoo.id, "customer", "c-77", "42")])
        assert not crossrefs.reserve(tx, [(one, "customer", "c-77")])[0], "it exists"
        known = [(road.odoo.id, "customer", id) for id in ("c-77", "c-78")]
        assert crossrefs.their_ids(tx, [known]) == [{known[0]: "42"}]


def test_what_was_meant_for_another_installation_is_never_sent_to_this_one(road: Road) -> None:
    id = road.delivery("evt-1")
    road.run("update deliveries set created_at = now() - interval '2 seconds'")
    with road.database.transaction() as tx:
        assert dispatch.take_due(tx, "ingest", 9, [road.shop.id]) == []
        assert deliveries.claim(tx, [id], INGEST_STEPS, [road.shop.id]) == []
        assert [row["id"] for row in dispatch.take_due(tx, "ingest", 9, [road.odoo.id])] == [id]


def test_a_version_that_needed_nothing_makes_older_ones_old(road: Road) -> None:
    newer = road.claim(road.delivery("evt-3", version=3))
    assert newer
    with road.database.transaction() as tx:
        crossrefs.settle(tx, newer)
        ends.move(tx, [(newer, deliveries.Next(State.SKIPPED))])
    late = road.claim(road.delivery("evt-2", version=2))
    assert late
    assert late.applied_version == 3


def test_an_intent_forgets_what_was_last_applied(road: Road) -> None:
    with road.database.transaction() as tx:
        crossrefs.write(tx, [Written(road.odoo.id, "order", "1001", "17", version=1, digest="abc")])
    claimed = road.claim(road.delivery("evt-2", version=2))
    assert claimed
    assert claimed.applied_digest == "abc"
    with road.database.transaction() as tx:
        attempts.intend(tx, [Intending(claimed, "order.update", b"request")])[0]
    assert road.value("select digest from crossrefs") is None


def test_an_older_event_beside_a_running_newer_one_is_woken_at_its_end(road: Road) -> None:
    newer = road.claim(road.delivery("evt-2", version=2))
    older = road.delivery("evt-1", version=1)
    road.run("update deliveries set state = 'queued', due_at = now() where id = %s", older)
    assert road.claim(older) is None
    with road.database.transaction() as tx:
        deliveries.requeue_behind_lane(tx, [older])
        assert dispatch.wake_missed(tx) == 0, "one of its lane runs"
    assert newer
    road.move(newer, State.DONE)
    assert road.state(older) is State.READY


def test_attempts_are_given_back_to_those_who_failed_and_to_no_others(road: Road) -> None:
    ids = [road.delivery(f"evt-{n}", order=str(n)) for n in range(3)]
    failed, throttled, opener = (road.claim(id) for id in ids)
    assert failed
    assert throttled
    assert opener
    road.run("update deliveries set attempts = 1")
    road.move(failed, State.WAITING, code="timeout", spends=True)
    road.move(throttled, State.WAITING, code="throttled")
    road.move(opener, State.WAITING, code="timeout")
    with road.database.transaction() as tx:
        assert ends.refund_attempts(tx, opener.queue, [opener.id], 5.0) == 1
    assert road.value("select array_agg(attempts order by id) from deliveries") == [1, 1, 1]


def test_a_changed_url_is_a_new_installation_and_is_reported(road: Road) -> None:
    road.accept("evt-1")
    moved = [system("clarity"), system("odoo", "http://127.0.0.1:2")]
    with road.database.transaction() as tx:
        assert installations.changes(tx, [system("clarity"), system("odoo")]) == []
        assert installations.changes(tx, moved) == [
            "odoo at http://127.0.0.1:2 is a new installation: it starts without the crossrefs of the one before",
            "1 deliveries wait for odoo-1, which is not configured any more (http://127.0.0.1:1)",
        ]
        assert installations.register(tx, moved)["odoo"].name == "odoo-2"


def test_who_is_turned_away_at_the_target_had_no_outcome(road: Road) -> None:
    """Else what kills its worker, whose place at the target is still taken, would never be counted to its end."""
    id = road.delivery("evt-1")
    for leases in (1, 2, 3):
        claimed = road.claim(id)
        assert claimed
        assert claimed.leases == leases
        road.run("update deliveries set state = 'ready', due_at = now() where id = %s", id)
    claimed = road.claim(id)
    assert claimed
    road.move(claimed, State.WAITING, code="throttled")
    again = road.claim(id)
    assert again
    assert again.leases == 4


def test_of_two_who_adopt_one_record_at_once_one_gets_it(road: Road) -> None:
    with road.database.transaction() as first:
        assert crossrefs.adopt(first, road.odoo.id, "customer", "c-1", "36")
        with ThreadPoolExecutor(1) as thread:
            second = thread.submit(adopt, road, "guest", "g-1")
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)  # it waits for how the first one ends
            first.run("commit")
            assert second.result(timeout=10) is False
    assert adopt(road, "customer", "c-1"), "its own"
    assert not adopt(road, "customer", "c-2")
    with road.database.transaction() as tx:
        assert crossrefs.taken(tx, road.odoo.id, "customer", "c-2", ["36", "37"]) == {"36"}
        assert crossrefs.taken(tx, road.odoo.id, "customer", "c-1", ["36"]) == set()
        assert crossrefs.taken(tx, road.shop.id, "customer", "c-2", ["36"]) == set(), "another installation"


def adopt(road: Road, entity: str, our_id: str) -> bool:
    with road.database.transaction() as tx:
        return crossrefs.adopt(tx, road.odoo.id, entity, our_id, "36")
