"""The ledger notices what is missing: each of these takes something away."""

from __future__ import annotations

import pytest

from integration.message import State
from integration.store import attempts, ledger
from integration.store.attempts import Intending, Outcome
from integration.store.database import Database
from integration.store.deliveries import Next, Push
from integration.store.ends import insert_push, move
from tests.store.road import Road


@pytest.fixture
def road(database: Database) -> Road:
    """Three messages: one done with two effects, one held, one open."""
    road = Road(database)
    claimed = road.claim(road.delivery("evt-1", order="1"))
    assert claimed
    with database.transaction() as tx:
        for effect in ("order.load", "order.confirm"):
            intent = attempts.intend(tx, [Intending(claimed, effect, b"request")])[0]
            assert intent
            attempts.close(tx, [(claimed, Outcome(intent.attempt, "ok", b"answer"))])
        move(tx, [(claimed, Next(State.DONE, effects=("order.load", "order.confirm")))])
    road.close(road.delivery("evt-2", order="2"), State.HELD)
    road.accept("evt-3", order="3")
    assert broken(road) == []
    return road


def broken(road: Road, *, full: bool = False) -> list[str]:
    with road.database.transaction() as tx:
        return [imbalance.rule for imbalance in ledger.balance(tx, full=full).imbalances]


def test_it_adds_up(road: Road) -> None:
    with road.database.transaction() as tx:
        (row,) = ledger.balance(tx).sources
    assert (row["accepted"], row["present"], row["done"], row["held"], row["open"]) == (3, 3, 1, 1, 1)


def test_a_deleted_message_is_noticed(road: Road) -> None:
    road.run("delete from deliveries where message = 3")
    road.run("delete from messages where id = 3")
    assert broken(road) == [
        "clarity-1: accepted 3, but 2 present and 0 removed",
        "clarity-1: 3 deliveries made, but 2 present",
    ]


def test_a_deleted_delivery_is_noticed(road: Road) -> None:
    road.run("delete from deliveries where message = 3")
    assert broken(road) == ["clarity-1: 3 deliveries made, but 2 present", "messages without any delivery"]


def test_a_deleted_status_push_is_noticed(road: Road) -> None:
    claimed = road.claim(road.delivery("evt-4", order="4"))
    assert claimed
    with road.database.transaction() as tx:
        push = Push(road.shop.id, "clarity", "clarity-1/order__4", "order_status", b"document", credit=5)
        ((id, _),) = insert_push(tx, [(claimed, push)])
        move(tx, [(claimed, Next(State.DONE))])
    assert broken(road) == []
    road.run("delete from deliveries where id = %s", id)
    assert broken(road) == ["clarity-1: 5 deliveries made, but 4 present"]


def test_a_deleted_attempt_is_noticed(road: Road) -> None:
    road.run("delete from attempts where effect = 'order.load'")
    assert broken(road) == ["done deliveries without exactly one success for each effect"]


def test_an_effect_that_is_not_listed_is_noticed(road: Road) -> None:
    road.run("update deliveries set effects = '{}'")
    assert broken(road) == ["effects of done deliveries that the delivery does not list"]


def test_a_second_success_cannot_even_be_written(road: Road) -> None:
    with pytest.raises(Exception, match="one_success_per_effect"):
        road.run("insert into attempts (delivery, round, effect, outcome) values (1, 1, 'order.load', 'ok')")


def test_a_second_success_is_noticed_where_the_index_is_gone(road: Road) -> None:
    road.run("drop index one_success_per_effect")
    road.run("insert into attempts (delivery, round, effect, outcome) values (1, 1, 'order.load', 'ok')")
    assert broken(road) == ["done deliveries without exactly one success for each effect"]


def test_overdue_work_is_noticed(road: Road) -> None:
    road.run("update deliveries set state = 'queued', moved_at = now() - interval '4 minutes' where message = 3")
    assert broken(road) == ["queued deliveries overdue"]
    road.run("update deliveries set state = 'running', leased_until = now() - interval '2 minutes' where message = 3")
    assert broken(road) == ["running deliveries overdue"]


@pytest.fixture
def sealed(road: Road) -> Road:
    """The same three messages, a day later: their day is sealed."""
    age(road, days=2)
    with road.database.transaction() as tx:
        assert ledger.seal(tx) == 1
        assert ledger.seal(tx) == 0, "it is sealed already"
    assert (broken(road), broken(road, full=True)) == ([], [])
    return road


def age(road: Road, days: int) -> None:
    """Makes everything so many days older."""
    for column in ("received_at from messages", "created_at from deliveries", "finished_at from deliveries"):
        name, _, table = column.partition(" from ")
        road.run(f"update {table} set {name} = {name} - make_interval(days => %s)", days)
    road.run("update counters set day = day - %s::integer", days)


def row_of(road: Road, *, full: bool = False) -> dict[str, int]:
    with road.database.transaction() as tx:
        (row,) = ledger.balance(tx, full=full).sources
    return {name: row[name] for name in ("accepted", "present", "done", "skipped", "held", "open", "removed")}


FIGURES = {"accepted": 3, "present": 3, "done": 1, "skipped": 0, "held": 1, "open": 1, "removed": 0}


def test_a_sealed_day_speaks_for_its_messages(sealed: Road) -> None:
    assert row_of(sealed) == row_of(sealed, full=True) == FIGURES
    sealed.accept("evt-4", order="4", skip=True)
    now = FIGURES | {"accepted": 4, "present": 4, "skipped": 1}
    assert row_of(sealed) == row_of(sealed, full=True) == now


def test_what_of_a_sealed_day_is_finished_later_is_counted_at_once(sealed: Road) -> None:
    sealed.close(3)
    assert row_of(sealed) == row_of(sealed, full=True) == FIGURES | {"done": 2, "open": 0}
    sealed.run("update deliveries set state = 'ready', finished_at = null where id = 1")
    assert row_of(sealed) == row_of(sealed, full=True) == FIGURES | {"open": 1}


def test_what_is_made_later_for_a_message_of_a_sealed_day_belongs_to_the_day_it_is_made(sealed: Road) -> None:
    claimed = sealed.claim(3)
    assert claimed
    with sealed.database.transaction() as tx:
        push = Push(sealed.shop.id, "clarity", "clarity-1/order__3", "order_status", b"document", credit=5)
        ((id, _),) = insert_push(tx, [(claimed, push)])
        move(tx, [(claimed, Next(State.DONE))])
    assert (broken(sealed), broken(sealed, full=True)) == ([], [])
    sealed.run("delete from deliveries where id = %s", id)
    assert broken(sealed) == ["clarity-1: 1 deliveries made, but 0 present"]


LOSSES = {
    "a message": ["delete from deliveries where message = 1", "delete from messages where id = 1"],
    "a message and its count": [
        "delete from deliveries where message = 1",
        "delete from messages where id = 1",
        "update counters set value = value - 1 where name in ('accepted', 'deliveries')",
    ],
    "a delivery": ["delete from deliveries where message = 1"],
    "a count": ["delete from counters"],
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_goes_from_a_sealed_day_is_found_when_all_is_added_up(sealed: Road, loss: str) -> None:
    sealed.run("delete from attempts")
    sealed.run("update deliveries set effects = '{}'")
    for sql in LOSSES[loss]:
        sealed.run(sql)
    assert "sealed days that changed" in broken(sealed, full=True)


def test_a_changed_day_is_known_from_then_on(sealed: Road) -> None:
    with sealed.database.transaction() as tx:
        assert not ledger.proof_is_due(tx)
    sealed.run("delete from deliveries where message = 2")
    sealed.run("delete from messages where id = 2")
    assert broken(sealed) == [], "each minute, sealed days are believed"
    sealed.run("update sealed_days set checked_at = now() - interval '25 hours'")
    with sealed.database.transaction() as tx:
        assert ledger.proof_is_due(tx)
    with sealed.database.transaction() as tx:
        balance = ledger.balance(tx, full=True)
    with sealed.database.transaction() as tx:
        ledger.note(tx, balance)
        assert not ledger.proof_is_due(tx)
    assert broken(sealed) == ["sealed days that changed"]


def test_a_day_that_does_not_add_up_is_never_sealed_nor_any_after_it(road: Road) -> None:
    road.run("delete from deliveries where message = 3")
    road.run("delete from messages where id = 3")
    age(road, days=1)
    road.accept("evt-4", order="4")
    age(road, days=2)
    with road.database.transaction() as tx:
        assert ledger.seal(tx) == 0
    assert len(broken(road)) == 2


def test_today_and_the_last_hour_of_yesterday_are_not_sealed(road: Road) -> None:
    with road.database.transaction() as tx:
        assert ledger.seal(tx) == 0
