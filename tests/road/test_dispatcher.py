"""How often the dispatcher looks: often enough for all that moves, and seldom when nothing does."""

from __future__ import annotations

import time

import pytest

from integration.message import State
from integration.store import installations
from tasks import dispatcher
from tasks.dispatcher import QUIET_TICK, TICK, Dispatcher
from tasks.runtime import Runtime
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
