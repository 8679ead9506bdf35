"""What a poll of an ERP finds, on its way back in one process: which of it is Clarity's, and what is kept of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

import mappings
from integration.message import Event, Step, lane
from integration.rules.definition_files import read_json
from integration.settings import Settings
from integration.store import crossrefs, fulfilment, inbox, publications
from integration.store.crossrefs import Written
from integration.store.database import Row
from integration.store.inbox import Arriving, Route
from tasks import runner
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tests.road.orders import ALL

SHIPMENT = read_json(mappings.FOLDER / "samples" / "odoo.in.shipment" / "several_tracking_numbers.json")["given"]
KEYS = ["1Z1", "1Z2", "1Z3", "1Z999AA10123456784"]
CONTACT = read_json(mappings.FOLDER / "samples" / "odoo.in.customer" / "all_changed.json")["given"]


class Odoo:
    """Odoo, which carries order 1001 and reports what happens to it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        Intake(runtime)  # stores the definitions
        self._clarity, self._odoo = runtime.installations["clarity"], runtime.installations["odoo"]
        self._numbers = itertools.count(1)

    def carries(self, **more: Any) -> None:
        """The order of the sample, as it was posted."""
        given = SHIPMENT["order"]
        lines = [{"ships": True, **line} for line in given["lines"]]
        carried = {"lines": lines, "amount": given["amount"], "currency": given["currency"], **more}
        with self.runtime.database.transaction() as tx:
            fulfilment.carry(tx, [(self._odoo.id, "1001", carried)])
            crossrefs.write(tx, [Written(self._odoo.id, "order", "1001", "12", "S00012", version=1)])

    def shipment(self, order: str = "1001") -> Row:
        stated = {name: value for name, value in SHIPMENT.items() if name != "order"}
        return self._reported("shipment", SHIPMENT["object_id"], {**stated, "order_id": order})

    def contact(self, id: str) -> Row:
        return self._reported("customer", id, {**CONTACT, "object_id": id})

    def _reported(self, entity: str, object_id: str, stated: Row) -> Row:
        """A change that a poll has found, translated; the result of its delivery to Clarity."""
        name, workflow = f"evt-{next(self._numbers)}", f"odoo-{entity}-to-clarity"
        body = json.dumps({"type": f"{entity}.changed", "data": stated}).encode()
        with self.runtime.database.transaction() as tx:
            route = Route(
                entity=entity,
                lane=lane(self._clarity.name, entity, object_id),
                queue="ingest",
                workflow=workflow,
                pin=tx.value("select hash from definitions where name = %s", workflow),
                target=self._clarity.id,
                step=Step.TRANSFORM.value,
            )
            event = Event(name, f"{entity}.changed", object_id, 1, None)
            arriving = Arriving(self._odoo.id, event, self.runtime.vault.seal(body), name.encode(), [route])
            (arrival,) = inbox.accept(tx, [arriving], publications.newest(tx))
            assert arrival
            id = tx.value("select id from deliveries where message = %s", arrival.message)
        runner.run(self.runtime, [id], Step.TRANSFORM, BODIES)
        with self.runtime.database.transaction() as tx:
            row = tx.row("select step, state, reason from deliveries where id = %s", id)
        assert row
        return row


@pytest.fixture
def odoo(stores: dict[str, str]) -> Iterator[Odoo]:
    """Beside Clarity there is a second shop."""
    runtime = Runtime(Settings.load(stores | ALL | {"FLEET_SYSTEMS": "shop_b2b=clarity"}))
    yield Odoo(runtime)
    runtime.database.close()


def skipped(reason: str) -> Row:
    return {"step": "transform", "state": "skipped", "reason": reason}


def test_what_left_for_another_shops_order_is_not_sent(odoo: Odoo) -> None:
    odoo.carries()
    assert odoo.shipment("shop_b2b/1001") == skipped("the order is not one of clarity")
    assert odoo.shipment()["step"] == "enrich"


def test_what_changed_of_another_shops_customer_is_not_sent(odoo: Odoo) -> None:
    assert odoo.contact("c-1")["step"] == "enrich"
    assert odoo.contact("shop_b2b/c-1") == skipped("the customer is not one of clarity")


def test_what_a_copy_for_the_books_ships_is_not_sent(odoo: Odoo) -> None:
    odoo.carries(copy=True)
    assert odoo.shipment() == skipped("odoo-1 has the order as a copy for the books: this is not sent on")


def test_the_tracking_numbers_of_what_left_find_the_order(odoo: Odoo) -> None:
    odoo.carries()
    assert odoo.shipment()["step"] == "enrich"
    with odoo.runtime.database.transaction() as tx:
        rows = tx.rows("select order_id, body from progress where entity = 'shipment'")
    assert [(row["order_id"], row["body"].get("tracking")) for row in rows] == [("1001", KEYS)]
