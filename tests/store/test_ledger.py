"""The ledger notices what is missing: each of these takes something away."""

from __future__ import annotations

import pytest

from integration.message import State
from integration.store import attempts, ledger
from integration.store.database import Database
from integration.store.deliveries import Next, Push, insert_push, move
from tests.store.road import Road


@pytest.fixture
def road(database: Database) -> Road:
    """Three messages: one done with two effects, one held, one open."""
    road = Road(database)
    claimed = road.claim(road.delivery("evt-1", order="1"))
    assert claimed
    with database.transaction() as tx:
        for effect in ("order.load", "order.confirm"):
            intent = attempts.intend(tx, claimed, effect, b"request")
            assert intent
            attempts.close(tx, intent.attempt, "ok", answer=b"answer")
        move(tx, claimed, Next(State.DONE, effects=("order.load", "order.confirm")))
    road.close(road.delivery("evt-2", order="2"), State.HELD)
    road.accept("evt-3", order="3")
    assert broken(road) == []
    return road


def broken(road: Road) -> list[str]:
    with road.database.transaction() as tx:
        return [imbalance.rule for imbalance in ledger.balance(tx).imbalances]


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
        id, _ = insert_push(tx, claimed, push)
        move(tx, claimed, Next(State.DONE))
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


def test_a_sealed_day_never_changes(road: Road) -> None:
    road.run("update deliveries set state = 'skipped' where state <> 'done'")
    road.run("update messages set received_at = received_at - interval '1 day'")
    with road.database.transaction() as tx:
        assert ledger.seal(tx) == 1
    assert broken(road) == []
    road.run("delete from deliveries where message = 3")
    road.run("delete from messages where id = 3")
    road.run("delete from counters")
    road.run(
        "insert into counters select name, 1, current_date, 0, 2 from (values ('accepted'), ('deliveries')) as n (name)"
    )
    assert broken(road) == ["sealed days that changed"]
