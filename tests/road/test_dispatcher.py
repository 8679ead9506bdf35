"""When the dispatcher looks: often enough for all that moves, seldom when nothing does; and which polls it asks for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from integration.message import State
from integration.store import cursors, installations
from tasks import dispatcher
from tasks.celery import POLL, UPKEEP
from tasks.dispatcher import QUIET_TICK, TICK, Dispatcher
from tasks.runtime import Runtime
from tests.road.world import World
from tests.store.road import Road


@pytest.fixture
def quiet(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """A dispatcher for which nothing has moved for a while."""
    monkeypatch.setattr(dispatcher, "QUIET_AFTER", 0.3)
    quiet = Dispatcher(runtime)
    time.sleep(0.4)
    quiet.tick()
    assert quiet.pause == QUIET_TICK
    return quiet


def put(runtime: Runtime, state: str, due: str) -> None:
    road = Road(runtime.database)
    id = road.delivery("event")
    road.run(f"update deliveries set state = '{state}', due_at = {due} where id = %s", id)


@pytest.mark.parametrize(
    ("state", "due"),
    [("queued", "now()"), ("waiting", "now() + interval '0.2 seconds'"), ("ready", "now() + interval '0.2 seconds'")],
)
def test_what_moves_or_will_soon_makes_it_look_often(runtime: Runtime, quiet: Dispatcher, state: str, due: str) -> None:
    put(runtime, state, due)
    quiet.tick()
    assert quiet.pause == TICK


def test_what_a_worker_is_at_makes_it_look_often(runtime: Runtime, quiet: Dispatcher) -> None:
    road = Road(runtime.database)
    assert road.claim(road.delivery("event"))
    quiet.tick()
    assert quiet.pause == TICK


@pytest.mark.parametrize(
    ("state", "due"),
    [("waiting", "now() + interval '1 hour'"), ("waiting", "'infinity'"), ("held", "now()"), ("dead", "now()")],
)
def test_what_waits_long_or_for_a_person_does_not(runtime: Runtime, quiet: Dispatcher, state: str, due: str) -> None:
    put(runtime, state, due)
    quiet.tick()
    assert quiet.pause == QUIET_TICK


def test_what_waits_at_a_paused_target_does_not(runtime: Runtime, quiet: Dispatcher) -> None:
    put(runtime, "ready", "now()")
    odoo = runtime.installations["odoo"].id
    with runtime.database.transaction() as tx:
        tx.run("update deliveries set queue = 'odoo', step = 'enrich'")
        installations.pause(tx, odoo, "upgrade", None, who="jane")
    quiet.tick()
    assert quiet.pause == QUIET_TICK


def test_it_goes_quiet_again_after_the_last_that_moved(runtime: Runtime, quiet: Dispatcher) -> None:
    road = Road(runtime.database)
    claimed = road.claim(road.delivery("event"))
    quiet.tick()
    assert claimed
    assert road.move(claimed, State.DONE) is State.DONE
    quiet.tick()
    assert quiet.pause == TICK, "for as long as nothing has moved since, more may come"
    time.sleep(0.4)
    quiet.tick()
    assert quiet.pause == QUIET_TICK


@pytest.fixture
def asking(runtime: Runtime) -> Iterator[Dispatcher]:
    """A dispatcher on an empty Redis, and a database in which Odoo has streams, none of which is due."""
    runtime.redis.flushdb()
    with runtime.database.transaction() as tx:
        cursors.ensure(tx, runtime.installations["odoo"].id, ("pickings", "invoices"))
        tx.run("update cursors set due_at = now() + interval '1 hour'")
    yield Dispatcher(runtime)
    runtime.redis.flushdb()


def run(runtime: Runtime, sql: str) -> None:
    with runtime.database.transaction() as tx:
        tx.run(sql)


def asked(runtime: Runtime) -> list[str]:
    """The arguments of the polls that wait for a worker."""
    return [json.loads(each)["headers"]["argsrepr"] for each in runtime.redis.lrange(POLL, 0, -1)]  # type: ignore[union-attr]


def test_a_poll_is_asked_for_when_a_stream_is_due(runtime: Runtime, asking: Dispatcher) -> None:
    asking.tick()
    assert asked(runtime) == []
    run(runtime, "update cursors set due_at = now() where stream = 'invoices'")
    time.sleep(dispatcher.POLLS_EVERY + 0.1)
    asking.tick()
    assert asked(runtime) == ["('odoo',)"]
    time.sleep(dispatcher.POLLS_EVERY + 0.1)
    asking.tick()
    assert asked(runtime) == ["('odoo',)"], "it has just been asked for"
    time.sleep(dispatcher.POLL_TICK - dispatcher.POLLS_EVERY)
    asking.tick()
    assert asked(runtime) == ["('odoo',)"] * 2, "the first may be lost"


def test_a_system_that_was_never_read_is_due(runtime: Runtime, asking: Dispatcher) -> None:
    run(runtime, "delete from cursors")
    asking.tick()
    assert asked(runtime) == ["('odoo',)"]


@pytest.mark.parametrize("lapsed", [False, True])
def test_what_a_poll_reads_is_not_asked_for_until_its_lease_has_lapsed(
    runtime: Runtime, asking: Dispatcher, lapsed: bool
) -> None:
    until = "now() - interval '1 second'" if lapsed else "now() + interval '1 minute'"
    run(runtime, "update cursors set due_at = now()")
    run(
        runtime,
        f"update cursors set lease = gen_random_uuid(), leased_until = {until} where stream = 'pickings'",
    )
    asking.tick()
    assert asked(runtime) == (["('odoo',)"] if lapsed else [])


def test_a_paused_system_is_not_asked_for(runtime: Runtime, asking: Dispatcher) -> None:
    run(runtime, "update cursors set due_at = now()")
    with runtime.database.transaction() as tx:
        installations.pause(tx, runtime.installations["odoo"].id, "upgrade", None, who="jane")
    asking.tick()
    assert asked(runtime) == []


@pytest.mark.parametrize("frozen", ["beat", "dispatcher"])
def test_the_dispatcher_and_beat_stand_in_for_each_other(road: World, frozen: str) -> None:
    """What was asked for before has ended when the streams become due, and nobody else asks for a poll."""

    def at_rest() -> bool:
        with road.database.transaction() as tx:
            reading = tx.value("select exists (select from cursors where leased_until > now())")
        return not reading and not road.redis.llen(POLL)

    with road.frozen(frozen):
        road.until(at_rest, 30, lambda: "a poll goes on")
        road.poll_all(90, nudged=False)


@pytest.mark.parametrize(
    ("state", "due", "count"),
    [("running", "now()", 1), ("running", "now() + interval '1 minute'", 0), ("paused", "now()", 0)],
)
def test_the_slices_of_a_job_are_asked_for_while_it_runs_and_is_due(
    runtime: Runtime, quiet: Dispatcher, state: str, due: str, count: int
) -> None:
    run(
        runtime,
        f"insert into jobs (act, selection, who, state, due_at) values ('replay', '', 'jane', '{state}', {due})",
    )
    quiet.tick()
    assert runtime.redis.llen(UPKEEP) == count
    assert quiet.pause == QUIET_TICK, "a job by itself is no reason to look often"
