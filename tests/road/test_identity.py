"""One object has one id, that of its home, and so one lane, whichever system reports it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from integration.canonical.entities import ENTITIES
from integration.connectors.contract import Posted
from integration.message import Event, Step, lane
from integration.settings import Settings
from integration.store import crossrefs, inbox, publications
from integration.store.crossrefs import Written
from integration.store.database import Row
from integration.store.inbox import Arriving, Route
from tasks import runner
from tasks.identity import object_ids
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tasks.tracking import Job
from tests.road.orders import ALL, NOWHERE

CREDENTIALS = {"CLARITY_TOKEN_URL": NOWHERE, "CLARITY_CLIENT_ID": "id", "CLARITY_CLIENT_SECRET": "secret"}
_numbers = itertools.count(1)


class Customers:
    """Customers of Odoo on their way to Clarity, which is their home."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        Intake(runtime)  # stores the definitions
        self.clarity, self.odoo = runtime.installations["clarity"], runtime.installations["odoo"]
        self.created: list[str | None] = []

    def change(self, object_id: str, version: int, step: Step = Step.ENRICH, **stated: Any) -> int:
        """An event of Odoo about one of them; its delivery, which begins with this step."""
        name = f"evt-{next(_numbers)}"
        contact = {**stated, "object_id": object_id, "source": self.odoo.name}
        body = json.dumps({"type": "customer.changed", "data": contact}).encode()
        with self.runtime.database.transaction() as tx:
            pin = tx.value("select hash from definitions where name = 'odoo-customer-to-clarity'")
            route = Route(
                entity="customer",
                lane=lane(self.clarity.name, "customer", object_id),
                queue="ingest" if step is Step.TRANSFORM else "clarity",
                workflow="odoo-customer-to-clarity",
                pin=pin,
                target=self.clarity.id,
                step=step.value,
            )
            event = Event(name, "customer.changed", object_id, version, None)
            sealed = self.runtime.vault.seal(body)
            arriving = Arriving(self.odoo.id, event, sealed, name.encode(), [route])
            (arrival,) = inbox.accept(tx, [arriving], publications.newest(tx))
            assert arrival
            return int(tx.value("select id from deliveries where message = %s", arrival.message))

    def post(self, id: int) -> None:
        """Clarity creates what it does not know, and brings the rest up to date."""

        def post(job: Job) -> None:
            if (theirs := job.delivery.theirs) is None:
                theirs = f"c-{98 + len(self.created)}"
                self.created.append(theirs)
            job.document = {"target": {"version": job.delivery.version}}
            job.posted = Posted(theirs, None)

        runner.run(self.runtime, [id], Step.ENRICH, {Step.ENRICH: lambda _: None, Step.POST: post})

    def row(self, id: int) -> Row:
        with self.runtime.database.transaction() as tx:
            sql = """select d.state, d.step, d.lane, d.reason, m.object_id
                     from deliveries d join messages m on m.id = d.message where d.id = %s"""
            row = tx.row(sql, id)
            assert row
            return row

    def crossrefs(self) -> list[tuple[str, str, str, int | None]]:
        with self.runtime.database.transaction() as tx:
            rows = tx.rows(
                """select i.kind, x.our_id, x.their_id, x.version from crossrefs x
                   join installations i on i.id = x.installation where x.entity = 'customer' order by 1, 2"""
            )
        return [(row["kind"], row["our_id"], row["their_id"], row["version"]) for row in rows]


@pytest.fixture
def customers(stores: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Customers]:
    """Customers that each system may make, be it their home or not."""
    entity = replace(ENTITIES["customer"], made_at_home=False)
    monkeypatch.setitem(ENTITIES, "customer", entity)  # type: ignore[arg-type]
    runtime = Runtime(Settings.load(stores | ALL | CREDENTIALS))
    yield Customers(runtime)
    runtime.database.close()


def test_a_create_at_its_home_adopts_the_id_that_this_answers(customers: Customers) -> None:
    first, second = customers.change("odoo-1/17", 100), customers.change("odoo-1/17", 200)
    customers.post(first)
    assert customers.row(first)["state"] == "done", customers.row(first)
    assert customers.crossrefs() == [("clarity", "c-98", "c-98", 100), ("odoo", "c-98", "17", None)]
    waiting = customers.row(second)
    assert (waiting["state"], waiting["object_id"]) == ("ready", "c-98")
    assert waiting["lane"] == lane("clarity-1", "customer", "c-98")


def test_what_waited_for_the_create_updates_and_creates_no_second_one(customers: Customers) -> None:
    ids = [customers.change("odoo-1/17", version) for version in (100, 200, 300)]
    for id in ids:
        customers.post(id)
    assert [customers.row(id)["state"] for id in ids] == ["done"] * 3
    assert customers.created == ["c-98"]
    assert customers.crossrefs() == [("clarity", "c-98", "c-98", 300), ("odoo", "c-98", "17", None)]


def test_another_object_of_the_same_number_keeps_its_name(customers: Customers) -> None:
    """Transfer 17 and partner 17 are two objects, each known by its type."""
    customers.post(customers.change("odoo-1/17", 100))
    other = customers.change("odoo-1/17", 100)
    with customers.runtime.database.transaction() as tx:
        tx.run("update deliveries set entity = 'shipment' where id = %s", other)
    customers.post(customers.change("odoo-1/18", 100))
    assert customers.row(other)["object_id"] == "odoo-1/17"


def test_a_poll_names_an_object_as_its_home_does(customers: Customers) -> None:
    customers.post(customers.change("odoo-1/17", 100))
    with customers.runtime.database.transaction() as tx:
        named = object_ids(tx, "customer", customers.odoo, ["17", "18"])
    assert named == {"17": "c-98", "18": "odoo-1/18"}


def test_of_what_only_its_home_makes_a_poll_takes_what_a_crossref_names(
    customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers.post(customers.change("odoo-1/17", 100))
    entity = replace(ENTITIES["customer"], made_at_home=True)
    monkeypatch.setitem(ENTITIES, "customer", entity)  # type: ignore[arg-type]
    with customers.runtime.database.transaction() as tx:
        assert object_ids(tx, "customer", customers.odoo, ["17", "18"]) == {"17": "c-98"}
        assert object_ids(tx, "shipment", customers.odoo, ["18"]) == {"18": "odoo-1/18"}


def test_what_a_poll_has_read_is_whole(customers: Customers) -> None:
    """Its versions are times, so each leaves a gap; there is nothing to fetch."""
    with customers.runtime.database.transaction() as tx:
        crossrefs.write(
            tx, [Written(customers.clarity.id, "customer", "c-77", "c-77", version=1, source=customers.odoo.id)]
        )
    id = customers.change("c-77", 300, Step.TRANSFORM, ref="A-78", trust="normal")
    runner.run(customers.runtime, [id], Step.TRANSFORM, BODIES)
    assert customers.row(id)["step"] == "enrich", customers.row(id)


def test_an_update_of_a_known_one_adopts_nothing(customers: Customers) -> None:
    with customers.runtime.database.transaction() as tx:
        crossrefs.write(
            tx, [Written(customers.clarity.id, "customer", "c-77", "c-77", version=1, source=customers.clarity.id)]
        )
    id = customers.change("c-77", 100)
    customers.post(id)
    assert (customers.row(id)["state"], customers.created) == ("done", [])
    assert customers.crossrefs() == [("clarity", "c-77", "c-77", 100)]
