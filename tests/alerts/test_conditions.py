"""What counts as wrong, and what does not: each condition, made of real rows and a real breaker."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from redis import Redis

from integration.alerts import KINDS
from integration.cli import main
from integration.errors import Retry
from integration.message import State
from integration.store import cursors, dispatch, inbox, installations
from integration.store.deliveries import Next
from integration.store.ends import move
from tasks import upkeep
from tasks.alert_rules import QUESTIONS
from tests.alerts.conftest import Watched

ROOT = Path(__file__).parents[2]
HEARD = """
insert into messages (source, external_id, type, object_id, version, body, body_hash, received_at)
select %(source)s, 'heard-' || gen_random_uuid(), 'order.created', '1', 1, '', '', at
from generate_series(now() - %(back)s::interval, now() - %(until)s::interval, %(every)s::interval) at
where %(opens)s < 0 or extract(hour from at - (now() - interval '12 hours')::time) between 0 and %(opens)s - 1
"""


def heard(fleet: Watched, back: str, until: str, every: str = "5 minutes", opens: int = -1, source: str = "") -> None:
    """Clarity sent something regularly; with ``opens`` only in the hours of a day that began twelve hours ago."""
    shop = fleet.road.odoo if source == "odoo" else fleet.road.shop
    values = {"source": shop.id, "back": back, "until": until, "every": every, "opens": opens}
    fleet.road.run(HEARD, values)


def about(fleet: Watched, kind: str) -> list[str]:
    return [condition.about for condition in fleet.conditions(kind)]


def test_a_quiet_fleet_has_no_condition(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.look()
    assert {kind: about(fleet, kind) for kind in QUESTIONS} == {kind: [] for kind in QUESTIONS}
    upkeep.check_ledger.apply(throw=True)
    assert fleet.road.value("select count(*) from alerts") == 0


def test_every_kind_is_asked_for() -> None:
    assert {*QUESTIONS, "ledger"} == set(KINDS)


def test_what_an_operator_paused_is_reported_as_that(fleet: Watched) -> None:
    fleet.pause()
    assert (about(fleet, "credentials"), about(fleet, "paused")) == (["odoo-1"], [])
    fleet.road.accept("evt-1")
    with fleet.runtime.database.transaction() as tx:
        installations.pause(tx, fleet.road.odoo.id, "upgrade", "Resume it.", who="jane")
    assert about(fleet, "credentials") == []
    (condition,) = fleet.conditions("paused")
    assert (condition.about, condition.count, condition.fix) == ("odoo-1", 1, "Resume it.")
    assert condition.says == "By jane: upgrade\nNothing is called there; deliveries that wait: 1."


def test_what_is_not_configured_any_more_is_left_alone(fleet: Watched) -> None:
    fleet.road.run("update installations set url = 'https://old.example' where name = 'odoo-1'")
    fleet.pause()
    fleet.road.accept("evt-1")
    fleet.road.run("update deliveries set due_at = now() - interval '1 day'")
    assert (about(fleet, "credentials"), about(fleet, "queue")) == ([], [])


def test_an_open_breaker(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    for _ in range(5):
        assert about(fleet, "breaker") == []
        with pytest.raises(Retry), fleet.runtime.throttles["odoo"].admit() as hop, hop.call():
            raise Retry("no answer", counts_for_breaker=True)
    (condition,) = fleet.conditions("breaker")
    assert (condition.about, condition.count) == ("odoo-1", 1)


def test_without_redis_nothing_is_said_of_breakers(fleet: Watched) -> None:
    fleet.fails(1)
    fleet.look()
    raised = "select count(*) from alerts where ended_at is null and kind = %s"
    fleet.road.run("update alerts set kind = 'breaker' where kind = 'dead'")
    fleet.runtime.__dict__["redis"] = Redis(port=1)
    del fleet.runtime.throttles
    fleet.later(120)
    assert fleet.road.value(raised, "breaker") == 1, "nobody knows that it is over"
    assert fleet.road.value(raised, "dead") == 1, "the others are looked at"


@pytest.mark.parametrize("state", [State.DEAD, State.HELD])
def test_dead_and_held_by_the_kind_of_their_failure(fleet: Watched, state: State) -> None:
    fleet.fails(2, "no product has the SKU 'A-1'", state)
    fleet.fails(1, "no product has the SKU 'B-22'", state)
    fleet.fails(1, "totals differ", state)
    (condition,) = fleet.conditions(state.value)
    lines = condition.says.splitlines()
    assert (condition.about, condition.count, lines[0]) == ("odoo-1", 4, "Deliveries: 4")
    assert re.fullmatch(r"3 × [0-9a-f]{12}: no product has the SKU 'A-1'", lines[1])
    assert re.fullmatch(r"1 × [0-9a-f]{12}: totals differ", lines[2])
    assert lines[3] == "first ids: 1, 2, 3, 4"
    assert condition.fix.startswith(f"Remove the cause.  `fleet {state.value} show 1`")


def test_many_kinds_of_failures_stay_one_short_text(fleet: Watched) -> None:
    for letter in "abcdefgh":
        fleet.fails(1, f"failed in way {letter}")
    (condition,) = fleet.conditions("dead")
    assert len(condition.says.splitlines()) == 8
    assert "and 3 more kinds" in condition.says


def test_a_delivery_that_waits_for_another_object_for_an_hour(fleet: Watched) -> None:
    claimed = fleet.road.claim(fleet.road.delivery("evt-1"))
    assert claimed
    with fleet.runtime.database.transaction() as tx:
        move(tx, [(claimed, Next(State.WAITING, due_in=3600, needs="2/order/1000", reason="waits for order 1000"))])
    assert about(fleet, "needs") == []
    fleet.road.run("update deliveries set created_at = now() - interval '61 minutes'")
    (condition,) = fleet.conditions("needs")
    assert (condition.about, condition.count) == ("odoo-1", 1)
    assert "waits for order 1000\nfirst ids: 1" in condition.says


def test_the_age_of_a_queue(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.road.accept("evt-2", order="2")
    fleet.road.run("update deliveries set due_at = now() - interval '9 minutes' where id = 1")
    assert about(fleet, "queue") == []
    fleet.set(queue_age=500.0)
    (condition,) = fleet.conditions("queue")
    assert (condition.about, condition.count) == ("ingest", 2)


def test_what_nobody_takes_grows_old_however_often_it_is_nudged(fleet: Watched) -> None:
    """As when all workers of a queue are dead."""
    fleet.road.accept("evt-1")
    fleet.road.run("update deliveries set due_at = now() - interval '1 hour', created_at = now() - interval '1 hour'")
    for _ in range(2):
        with fleet.runtime.database.transaction() as tx:
            assert len(dispatch.take_due(tx, "ingest", 9, fleet.runtime.targets)) == 1
        assert about(fleet, "queue") == ["ingest"]
        fleet.road.run("update deliveries set moved_at = now() - interval '61 seconds'")
        with fleet.runtime.database.transaction() as tx:
            assert dispatch.redrive(tx) == 1
        assert about(fleet, "queue") == ["ingest"]


def test_what_is_due_at_a_paused_target_waits_for_that(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.road.run("update deliveries set queue = 'odoo', due_at = now() - interval '1 hour'")
    assert about(fleet, "queue") == ["odoo"]
    fleet.pause()
    assert about(fleet, "queue") == []


def test_polls_that_keep_failing(fleet: Watched) -> None:
    with fleet.runtime.database.transaction() as tx:
        cursors.ensure(tx, fleet.road.odoo.id, ("pickings", "invoices"))
    fail = """update cursors set failures = %s, code = %s, reason = 'no answer', polled_at = now() - %s::interval
              where stream = 'pickings'"""
    fleet.road.run(fail, 3, "retry", "9 minutes")
    assert about(fleet, "polls") == [], "it was read a moment ago"
    fleet.road.run(fail, 2, "retry", "1 hour")
    assert about(fleet, "polls") == [], "the fleet was away"
    fleet.road.run(fail, 3, "retry", "11 minutes")
    (condition,) = fleet.conditions("polls")
    assert (condition.about, condition.says) == ("odoo-1", "pickings, failed 3 times: no answer")
    assert condition.fix == "`fleet poll odoo` tries it now."
    fleet.road.run(fail, 1, "misconfigured", "1 minute")
    assert about(fleet, "polls") == ["odoo-1"], "a missing right is reported at once"
    fleet.pause()
    assert about(fleet, "polls") == [], "one alert is enough"


def test_a_shop_that_falls_silent(fleet: Watched) -> None:
    heard(fleet, "9 hours", "55 minutes")
    assert about(fleet, "silence") == [], "less than an hour means nothing"
    fleet.road.run("update messages set received_at = received_at - interval '10 minutes'")
    (condition,) = fleet.conditions("silence")
    assert condition.about == "clarity-1"
    assert "within 0:05:00 (hours:minutes:seconds)" in condition.says


COMES_AGAIN = """
insert into messages (source, external_id, type, object_id, version, body, body_hash)
select %s, 'again-' || gen_random_uuid(), 'shipment.changed', 'odoo-1/' || mod(n, %s), n, '', ''
from generate_series(1, %s) n
"""


def test_a_source_that_brings_the_same_objects_again_and_again(fleet: Watched) -> None:
    fleet.road.run(COMES_AGAIN, fleet.road.odoo.id, 11, 100)
    assert about(fleet, "flood") == [], "nine or ten times each"
    fleet.road.run(COMES_AGAIN, fleet.road.odoo.id, 11, 10)
    (condition,) = fleet.conditions("flood")
    assert (condition.about, condition.count) == ("odoo-1", 110)
    assert condition.says == "The same 11 objects came 110 times within ten minutes."


def test_a_source_that_brings_more_in_an_hour_than_on_any_day_before(fleet: Watched) -> None:
    counted = "insert into counters (name, source, day, shard, value) values ('accepted', %s, current_date - 1, %s, %s)"
    fleet.road.run(COMES_AGAIN, fleet.road.odoo.id, 2000, 1100)
    assert about(fleet, "flood") == [], "there is no day before: it may be an import"
    fleet.road.run(counted, fleet.road.odoo.id, 0, 600)
    fleet.road.run(counted, fleet.road.odoo.id, 1, 500)
    assert about(fleet, "flood") == [], "so many came on another day"
    fleet.road.run(COMES_AGAIN, fleet.road.odoo.id, 2000, 1)
    (condition,) = fleet.conditions("flood")
    assert condition.says == "Messages of the last hour: 1101; the busiest day before brought 1100."


def test_a_shop_that_sends_seldom_may_be_silent_for_long(fleet: Watched) -> None:
    heard(fleet, "6 days", "8 hours", "3 hours")
    assert about(fleet, "silence") == []
    fleet.road.run("update messages set received_at = received_at - interval '4 hours'")
    assert about(fleet, "silence") == ["clarity-1"]


def test_several_events_in_a_row_do_not_make_a_busy_shop(fleet: Watched) -> None:
    heard(fleet, "6 days", "5 hours", "3 hours")
    fleet.road.run(
        """insert into messages (source, external_id, type, object_id, version, body, body_hash, received_at)
           select source, external_id || n, type, object_id, n, '', '', received_at + make_interval(secs => n)
           from messages cross join generate_series(1, 3) n"""
    )
    assert about(fleet, "silence") == []


def test_a_shop_that_sleeps_is_left_alone(fleet: Watched) -> None:
    """It is open for ten hours from twelve hours ago on: it fell silent two hours ago, as on every day."""
    heard(fleet, "9 days", "2 hours", opens=10)
    assert fleet.road.value("select now() - max(received_at) > interval '1 hour 59 minutes' from messages") is True
    assert about(fleet, "silence") == []
    fleet.road.run("delete from messages where received_at > now() - interval '6 hours'")
    assert about(fleet, "silence") == [], "it may be over for today"
    fleet.road.run("update messages set received_at = received_at + interval '3 hours'")
    assert about(fleet, "silence") == ["clarity-1"], "at this hour it has never been silent"


def test_too_little_is_known_of_a_new_shop(fleet: Watched) -> None:
    heard(fleet, "9 hours", "5 hours", "15 minutes")
    fleet.road.run("delete from messages where id not in (select id from messages order by id desc limit 15)")
    assert about(fleet, "silence") == []


def test_what_is_polled_is_never_silent(fleet: Watched) -> None:
    heard(fleet, "9 hours", "5 hours", source="odoo")
    assert about(fleet, "silence") == ["odoo-1"]
    with fleet.runtime.database.transaction() as tx:
        cursors.ensure(tx, fleet.road.odoo.id, ("pickings",))
    assert about(fleet, "silence") == []


def test_webhooks_that_cannot_be_read_and_those_that_came_otherwise(fleet: Watched) -> None:
    with fleet.runtime.database.transaction() as tx:
        inbox.reject(tx, fleet.road.shop.id, "evt-1", "the body is not an event", b"sealed")
    fleet.road.accept("evt-2")
    fleet.road.accept("evt-2", body={"another": "body"})
    (unread,), (other,) = fleet.conditions("rejected"), fleet.conditions("conflict")
    assert (unread.about, unread.count) == ("clarity-1", 1)
    assert "the body is not an event" in unread.says
    assert other.fix.endswith("`fleet messages show 1`.")
    fleet.road.run("update rejected set received_at = now() - interval '61 minutes'")
    fleet.road.run("update conflicts set last_at = now() - interval '61 minutes'")
    assert (about(fleet, "rejected"), about(fleet, "conflict")) == ([], [])


@pytest.mark.parametrize(
    ("failed", "ended", "level"),
    [(4, 20, 0), (5, 20, 50), (7, 20, 70), (9, 20, 90), (10, 20, 100), (9, 2000, 0), (10, 2000, 50), (20, 2000, 100)],
)
def test_the_failure_budget(fleet: Watched, failed: int, ended: int, level: int) -> None:
    fleet.road.accept("evt-1")
    fleet.road.run(
        """insert into deliveries (message, target, entity, lane, version, state, step, finished_at)
           select 1, %s, 'order', n::text, 1, case when n <= %s then 'dead' else 'done' end, 'post', now()
           from generate_series(1, %s) n""",
        fleet.road.odoo.id,
        failed,
        ended,
    )
    assert [condition.level for condition in fleet.conditions("budget")] == [level] * bool(level)
    fleet.road.run("update deliveries set finished_at = now() - interval '25 hours'")
    assert fleet.conditions("budget") == []


def test_an_imbalance_of_the_ledger(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.road.run("delete from deliveries")
    upkeep.check_ledger.apply(throw=True)
    fleet.look()
    (notice,) = fleet.hook.notices
    assert notice["title"] == "clarity-fleet: ledger imbalance: fleet"
    assert "messages without any delivery: 1 first ids: 1" in notice["message"]
    fleet.later(120)
    assert len(fleet.hook.notices) == 1, "only the ledger's own task knows that it is over"
    fleet.road.run("delete from messages")
    fleet.road.run("delete from counters")
    upkeep.check_ledger.apply(throw=True)
    fleet.look()
    assert fleet.hook.titles[1:] == ["clarity-fleet: resolved: ledger imbalance: fleet"]


def test_every_command_that_is_named_exists() -> None:
    texts = [(ROOT / name).read_text() for name in ("tasks/alert_rules.py", "integration/cli/alerts.py")]
    named = {found for text in texts for found in re.findall(r"`fleet ([a-z]+(?: [a-z]+)?)", text)}
    assert "poll" in named and "alerts test" in named
    context = click.Context(main)
    for name in named:
        group, _, command = name.partition(" ")
        found = main.get_command(context, group)
        assert found, name
        assert not command or not isinstance(found, click.Group) or found.get_command(context, command), name
