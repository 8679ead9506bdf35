"""What is long finished goes, in batches, and the books hold at every moment; everything else stays."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.message import State
from integration.store import attempts, crossrefs, ledger, retention
from integration.store.attempts import Intending, Outcome
from integration.store.crossrefs import Written
from integration.store.database import Database
from integration.store.deliveries import Next, Push
from integration.store.ends import insert_push, move
from tasks.upkeep import remove_finished
from tests.store.road import Road
from tests.store.test_ledger import age, broken, row_of

DAYS = 90.0


@pytest.fixture
def road(database: Database) -> Road:
    """Of 100 days ago: two done with an effect and a status push, one skipped, and one each held, dead and open."""
    road = Road(database)
    for order in ("1", "2"):
        _post(road, f"evt-{order}", order)
    road.accept("evt-3", order="3", skip=True)
    for order, state in (("4", State.HELD), ("5", State.DEAD)):
        road.close(road.delivery(f"evt-{order}", order=order), state)
    road.accept("evt-6", order="6")
    age(road, days=100)
    road.run("update deliveries set due_at = now() + interval '1 hour' where state = 'ready'")  # else behind in 2 s
    with database.transaction() as tx:
        ledger.seal(tx)
    assert (broken(road), broken(road, full=True)) == ([], [])
    return road


def _post(road: Road, id: str, order: str) -> None:
    claimed = road.claim(road.delivery(id, order=order))
    assert claimed
    with road.database.transaction() as tx:
        intent = attempts.intend(tx, [Intending(claimed, "order.load", b"request")])[0]
        assert intent
        attempts.close(tx, [(claimed, Outcome(intent.attempt, "ok", b"answer"))])
        move(tx, [(claimed, Next(State.DONE, effects=("order.load",)))])
        crossrefs.write(tx, [Written(road.odoo.id, "order", order, f"their-{order}", version=1)])
        push = Push(road.shop.id, "clarity", f"clarity-1/{order}", "order_status", b"document", credit=5)
        ((made, _),) = insert_push(tx, [(claimed, push)])
    road.run("update deliveries set state = 'done', finished_at = now() where id = %s", made)


def removed(road: Road) -> list[str]:
    remove_finished(road.database, DAYS)
    return remaining(road)


def remaining(road: Road) -> list[str]:
    with road.database.transaction() as tx:
        return [row["external_id"] for row in tx.rows("select external_id from messages order by id")]


def test_only_what_is_finished_goes(road: Road) -> None:
    assert removed(road) == ["evt-4", "evt-5", "evt-6"]
    assert road.value("select count(*) from attempts") == 0
    assert road.value("select array_agg(state order by id) from deliveries") == ["held", "dead", "ready"]
    assert road.value("select count(*) from crossrefs where their_id is not null") == 2
    left = {"accepted": 6, "present": 3, "done": 0, "skipped": 0, "held": 1, "open": 1, "removed": 3}
    assert row_of(road) == row_of(road, full=True) == left
    assert (broken(road), broken(road, full=True)) == ([], [])


def test_what_is_young_or_ended_lately_or_of_no_sealed_day_stays(road: Road) -> None:
    _post(road, "evt-7", "7")
    road.run("update deliveries set finished_at = now() where message = 1")
    assert removed(road) == ["evt-1", "evt-4", "evt-5", "evt-6", "evt-7"]
    road.run("delete from sealed_days")
    road.run("update deliveries set finished_at = now() - interval '99 days' where message = 1")
    assert "evt-1" in removed(road)


def test_a_late_copy_is_a_copy_and_another_body_a_conflict(road: Road) -> None:
    gone = road.value("select id from messages where external_id = 'evt-1'")
    removed(road)
    late = road.accept("evt-1", order="1")
    assert (late.verdict, late.message, late.due) == ("duplicate", gone, ())
    assert road.accept("evt-1", order="1", body={"total": "0.00"}).verdict == "conflict"
    assert "evt-1" not in remaining(road)
    assert road.value("select sum(value) from counters where name = 'copies'") == 1
    assert (broken(road), broken(road, full=True)) == ([], [])
    road.run("update seen set seen_at = now() - interval '401 days'")
    with road.database.transaction() as tx:
        assert retention.forget_seen(tx) == 3
    assert road.accept("evt-1", order="1").verdict == "accepted"


def test_the_books_hold_between_the_batches(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    for left in (5, 4, 3):
        with road.database.transaction() as tx:
            ids = retention.note(tx, DAYS)
        assert (broken(road), broken(road, full=True)) == ([], []), "noted, and still there"
        with road.database.transaction() as tx:
            assert retention.remove(tx, ids, DAYS) == 1
        assert (broken(road), broken(road, full=True)) == ([], [])
        assert row_of(road)["present"] == row_of(road, full=True)["present"] == left


def test_what_somebody_else_removes_is_noticed(road: Road) -> None:
    road.run("delete from attempts where delivery in (select id from deliveries where message = 1)")
    road.run("delete from deliveries where message = 1")
    road.run("delete from messages where id = 1")
    removed(road)
    assert "sealed days that changed" in broken(road, full=True)


def test_what_begins_again_meanwhile_stays(road: Road) -> None:
    with road.database.transaction() as tx:
        ids = retention.note(tx, DAYS)
    road.run("update deliveries set state = 'ready', finished_at = null where message = 1")
    with road.database.transaction() as tx:
        assert retention.remove(tx, ids, DAYS) == 2
    assert "evt-1" in remaining(road)
    assert road.accept("evt-1", order="1").verdict == "duplicate"
    assert broken(road) == []


def test_it_waits_for_nobody_and_is_in_nobodys_way(road: Road) -> None:
    with road.database.transaction() as other:
        other.run("select from messages where id = 2 for key share")
        assert removed(road) == ["evt-2", "evt-4", "evt-5", "evt-6"]
    assert removed(road) == ["evt-4", "evt-5", "evt-6"]


def test_it_waits_while_the_road_is_behind(road: Road) -> None:
    road.run("update deliveries set due_at = now() - interval '1 minute' where state = 'ready'")
    assert remove_finished(road.database, DAYS) == 0
    road.run("update deliveries set due_at = now() - interval '2 hours' where state = 'ready'")
    assert remove_finished(road.database, DAYS) == 3


def test_copies_that_come_while_their_message_is_removed_are_never_new(road: Road) -> None:
    verdicts: list[str] = []
    ended = threading.Event()

    def knock(order: str) -> None:
        while not ended.is_set():
            verdicts.append(road.accept(f"evt-{order}", order=order).verdict)

    with ThreadPoolExecutor(2) as pool:
        knocking = [pool.submit(knock, order) for order in ("1", "2")]
        while len(verdicts) < 10:
            time.sleep(0.01)
        removed(road)
        ended.set()
        for each in knocking:
            each.result()
    assert set(verdicts) == {"duplicate"}
    assert broken(road, full=True) == []


def test_no_reference_to_what_is_removed_is_without_an_index(road: Road) -> None:
    """Else every row that goes is looked for in the whole of the other table."""
    with road.database.transaction() as tx:
        rows = tx.rows(
            """select c.conrelid::regclass::text as referrer, a.attname as column from pg_constraint c
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
               where c.contype = 'f' and c.confrelid in ('messages'::regclass, 'deliveries'::regclass)
               and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])"""
        )
    assert rows == []
