"""A fleet is upgraded with work in hand: what an older release left goes on while new events arrive, and adds up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from integration.local.servers import Postgres
from integration.store import installations, ledger
from integration.store.database import Database
from integration.vault import new_key
from tests.conftest import Running, new_database
from tests.ports import free_ports
from tests.road.world import World
from tests.store.older import copy, lay_out

SLOW = 700
"""Milliseconds that each call of Odoo takes, so that work is in hand when the old fleet dies."""


class Left:
    """What the old fleet has left: its orders, and the state of every delivery of theirs."""

    def __init__(self, world: World) -> None:
        self.done = world.generate(2, "b2b_po+shared")
        self.held, self.dead = world.generate(2, "mismatch", "no_customer")
        world.finished(*self.done, self.held, self.dead)
        world.fault("odoo", "latency", ms=SLOW)
        self.open = world.generate(40, "plain", "b2b_po+shared")  # more than one hop takes
        world.until(lambda: any("odoo-1 enrich running" in world.states(id) for id in self.open), 30)
        world.fleet.force()  # without any warning


def open_states(database: Database, up_to: int = 10**9) -> Counter[str]:
    """How many deliveries are open, by state; ``up_to`` an id."""
    with database.transaction() as tx:
        rows = tx.rows("select state from deliveries where open and id <= %s", up_to)
    return Counter(row["state"] for row in rows)


@pytest.fixture
def keys() -> dict[str, str]:
    return {"FLEET_ENCRYPTION_KEYS": new_key()}


@pytest.mark.own_fleet
@pytest.mark.timeout(600)
def test_what_was_open_ends_while_new_events_arrive(
    postgres: Postgres | Running, template: str, keys: dict[str, str], tmp_path: Path
) -> None:
    ports, of_today = free_ports(), new_database(postgres.url, template)  # at another address it is another system
    with World.running(tmp_path, ports, DATABASE_URL=of_today, **keys) as world:
        left = Left(world)
    older = new_database(postgres.url)
    before, after = Database(of_today), Database(older)
    with after.transaction() as tx:
        lay_out(tx)
    copy(before, after)
    with after.transaction() as tx:  # so that what is open at Odoo still is when new events come
        odoo = tx.value("select id from installations where kind = 'odoo'")
        last = tx.value("select max(id) from deliveries")
        installations.pause(tx, odoo, "upgrade", None, who="jane")
    assert open_states(after) == open_states(before)
    assert {"running"} < open_states(after).keys()
    with World.running(tmp_path, ports, DATABASE_URL=older, **keys) as world:
        came = world.generate(6, "plain", "b2b_po+shared")
        changed = {id: f"PO-{number}" for number, id in enumerate([*left.open[:4], left.done[0]])}
        for id, number in changed.items():
            world.control("PATCH", f"orders/{id}", {"purchaseOrderNumber": number})
        world.until(lambda: all(world.deliveries(id) for id in came), 60)
        assert open_states(after, last), "new events meet what was left"
        with after.transaction() as tx:
            assert installations.resume(tx, odoo, who="jane")
        good = [*left.done, *left.open, *came]
        world.until(lambda: world.redeliver() == 0, 60)
        world.finished(*good, left.held, left.dead, seconds=120)
        world.age(left.done, odoo=6, fusion=20)
        for id in left.done:
            world.becomes(id, "completed", 60)
        world.until(lambda: not open_states(after), 60, lambda: [world.all(id) for id in good])
        ends = {row["state"] for id in good for row in world.deliveries(id)}
        assert ends <= {"done", "skipped"}, [world.all(id) for id in good]
        assert {row["state"] for row in world.at("odoo", left.held)} == {"held"}
        assert {row["state"] for row in world.at("odoo", left.dead)} == {"dead"}
        world.exactly_once(good)
        shown = {id: {each["client_order_ref"] for each in world.at_odoo(id)} for id in changed}
        assert shown == {id: {number} if "odoo" in world.erps(id) else set() for id, number in changed.items()}
        with after.transaction() as tx:
            assert ledger.balance(tx, full=True).imbalances == ()
    for database in (before, after):
        database.close()
