"""Crossrefs: who waits for one, whose versions it counts, and which of ours one of theirs is."""

from __future__ import annotations

import pytest

from integration.canonical.entities import ENTITIES, Entity
from integration.message import State
from integration.store import crossrefs, dispatch
from integration.store.crossrefs import Written
from integration.store.database import Database
from integration.store.deliveries import Next
from integration.store.ends import move
from tests.store.road import Road


@pytest.fixture
def road(database: Database, monkeypatch: pytest.MonkeyPatch) -> Road:
    monkeypatch.setitem(ENTITIES, "customer", Entity("customer", unique_there=False))  # type: ignore[arg-type]
    return Road(database)


def waiting_for(road: Road, needs: str) -> int:
    id = road.delivery("evt-1")
    claimed = road.claim(id)
    assert claimed
    with road.database.transaction() as tx:
        move(tx, [(claimed, Next(State.WAITING, due_in=3600.0, needs=needs))])
    return id


@pytest.mark.parametrize(("entity", "state"), [("customer", State.READY), ("product", State.WAITING)])
def test_the_id_of_one_that_is_shared_wakes_who_needs_it(road: Road, entity: str, state: State) -> None:
    """An order that creates its customer on its way is enough; a product has to come by a delivery of its own."""
    needs = crossrefs.needed(road.odoo.id, entity, "7")
    id = waiting_for(road, needs)
    with road.database.transaction() as tx:
        assert not crossrefs.exists(tx, needs)
        crossrefs.learn(tx, [{(road.odoo.id, entity, "7"): "17"}])
        assert crossrefs.exists(tx, needs) is (state is State.READY)
    assert road.state(id) is state


@pytest.mark.parametrize(("entity", "woken"), [("customer", 1), ("product", 0)])
def test_the_dispatcher_wakes_whom_the_writer_missed(road: Road, entity: str, woken: int) -> None:
    with road.database.transaction() as tx:
        crossrefs.learn(tx, [{(road.odoo.id, entity, "7"): "17"}])
    waiting_for(road, crossrefs.needed(road.odoo.id, entity, "7"))
    with road.database.transaction() as tx:
        assert dispatch.wake_missed(tx) == woken


@pytest.mark.parametrize(("source", "applied"), [("shop", 9), (None, 9), ("odoo", None)])
def test_versions_of_two_sources_are_not_compared(road: Road, source: str | None, applied: int | None) -> None:
    by = getattr(road, source).id if source else None
    with road.database.transaction() as tx:
        crossrefs.write(tx, [Written(road.odoo.id, "order", "1001", "8", source=by, version=9)])
    claimed = road.claim(road.delivery("evt-1"))
    assert claimed
    assert (claimed.theirs, claimed.applied_version) == ("8", applied)


def test_what_needed_nothing_counts_by_the_versions_of_its_source(road: Road) -> None:
    claimed = road.claim(road.delivery("evt-1", version=3))
    assert claimed
    with road.database.transaction() as tx:
        crossrefs.write(tx, [Written(road.odoo.id, "order", "1001", "8", source=road.odoo.id, version=9)])
        crossrefs.settle(tx, claimed)
    assert road.value("select version from crossrefs") == 3


def test_of_several_that_are_one_record_there_the_first_is_meant(road: Road) -> None:
    for ours in ("c-2", "c-1"):
        with road.database.transaction() as tx:
            crossrefs.learn(tx, [{(road.odoo.id, "customer", ours): "17"}])
    with road.database.transaction() as tx:
        assert crossrefs.our_ids(tx, road.odoo.id, "customer", ["17", "18"]) == {"17": "c-2"}
        assert crossrefs.our_id(tx, road.odoo.id, "order", "17") is None
