"""What operators decide about an installation, and what it means for the deliveries that wait there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.errors import Misconfigured
from integration.message import State, Step
from integration.store import cursors, dispatch, installations
from integration.store.database import Database
from integration.store.migrate import FOLDER
from tests.store.road import Road, system

AT_TARGET = (Step.ENRICH, Step.POST)


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def at_odoo(road: Road, event: str, order: str) -> int:
    id = road.delivery(event, order=order)
    road.run(
        "update deliveries set queue = 'odoo', step = 'enrich', created_at = now() - interval '2 s' where id = %s", id
    )
    return id


def due(road: Road) -> list[int]:
    with road.database.transaction() as tx:
        return sorted(row["id"] for row in dispatch.take_due(tx, "odoo", 9, [road.odoo.id]))


def test_who_was_refused_at_a_paused_target_goes_on_as_soon_as_it_is_resumed(road: Road) -> None:
    refused, nudged, later, behind = (at_odoo(road, f"evt-{order}", order) for order in ("1", "2", "3", "4"))
    for id, code in ((refused, "throttled"), (later, "retry")):
        claimed = road.claim(id, AT_TARGET)
        assert claimed
        road.move(claimed, State.WAITING, due_in=30, code=code)
    road.run("update deliveries set state = 'waiting', due_at = 'infinity', code = 'throttled' where id = %s", behind)
    assert due(road) == [nudged], "its nudge is on the way"
    with road.database.transaction() as tx:
        installations.pause(tx, road.odoo.id, "upgrade", None, who="jane")
    assert road.claim(nudged, AT_TARGET) is None, "and is dropped"
    with road.database.transaction() as tx:
        assert installations.resume(tx, road.odoo.id, who="jane")
    assert due(road) == [refused, nudged]


def test_a_new_limit_is_not_waited_for(road: Road) -> None:
    id = at_odoo(road, "evt-1", "1")
    claimed = road.claim(id, AT_TARGET)
    assert claimed
    road.move(claimed, State.WAITING, due_in=60, code="throttled")
    with road.database.transaction() as tx:
        installations.limit(tx, road.odoo.id, "jane", rate=5.0)
    assert due(road) == [id]


def test_what_is_not_given_stays_as_it_is(road: Road) -> None:
    with road.database.transaction() as tx:
        installations.limit(tx, road.odoo.id, "jane", rate=5.0)
        installations.limit(tx, road.odoo.id, "jane", concurrency=2)
        installations.limit(tx, road.odoo.id, "jane", breaker=False)
        installations.pause(tx, road.shop.id, "wrong key", None)
        decided = installations.decisions(tx)
        assert decided[road.odoo.id] == {"rate": 5, "concurrency": 2, "breaker": False, "paused": False}
        nothing = {"rate": None, "concurrency": None, "breaker": True, "paused": False}
        assert decided[road.shop.id] == nothing, "the fleet's own pause is no decision: it has to ask who it is"
        installations.unlimit(tx, road.odoo.id, "jane")
        assert installations.decisions(tx)[road.odoo.id] == nothing


def test_an_installation_keeps_what_is_its_own_when_its_password_leaves_its_url(road: Road) -> None:
    with road.database.transaction() as tx:
        cursors.ensure(tx, road.odoo.id, ("pickings",))
        tx.run("update installations set url = 'http://jane:s3%%40cret@127.0.0.1:1' where id = %s", road.odoo.id)
        tx.run((FOLDER / "0009_no_credentials_in_urls.sql").read_text())
        assert installations.register(tx, [system("clarity"), system("odoo")]) == {
            "clarity": road.shop,
            "odoo": road.odoo,
        }
        assert installations.changes(tx, [system("clarity"), system("odoo")]) == []
        assert [row["target"] for row in cursors.all_cursors(tx)] == ["odoo-1"]


def test_of_several_with_different_passwords_the_newest_is_the_one_in_use(road: Road) -> None:
    with road.database.transaction() as tx:
        urls = (
            "http://127.0.0.1:1",
            "http://jane:old@127.0.0.1:1",
            "http://jane:new@127.0.0.1:1",
            "http://127.0.0.1:2",
        )
        for url in urls[1:]:
            installations.register(tx, [system("odoo", url)])
        tx.run((FOLDER / "0009_no_credentials_in_urls.sql").read_text())
        found = {row["name"]: row["url"] for row in installations.all_installations(tx) if row["kind"] == "odoo"}
    assert found == {
        "odoo-1": "http://127.0.0.1:1#odoo-1",
        "odoo-2": "http://127.0.0.1:1#odoo-2",
        "odoo-3": "http://127.0.0.1:1",
        "odoo-4": "http://127.0.0.1:2",
    }


def test_a_system_keeps_the_name_by_which_it_is_known(road: Road) -> None:
    added = replace(system("odoo", "http://127.0.0.1:2"), name="odoo_eu")
    with road.database.transaction() as tx:
        found = installations.register(tx, [system("odoo"), added])
        assert [(name, each.name, each.system) for name, each in found.items()] == [
            ("odoo", "odoo-1", "odoo"),
            ("odoo_eu", "odoo_eu-1", "odoo_eu"),
        ]
        assert installations.changes(tx, [system("odoo"), added]) == []
        for renamed in (replace(system("odoo"), name="odoo_us"), replace(added, name="odoo")):
            for look in (installations.register, installations.changes):
                with pytest.raises(Misconfigured) as refused:
                    look(tx, [renamed])
                assert refused.value.hint
