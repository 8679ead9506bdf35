"""What a page of a poll holds is named and routed by the same definitions, whenever others are published."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import mappings
from integration import publishing
from integration.store import crossrefs, publications
from integration.store.crossrefs import Written
from tasks.runtime import Runtime
from tests.road.test_polls import NOW, Reader, Warehouse

KINDS = {"clarity": "clarity", "odoo": "odoo", "fusion": "fusion"}


def publish(runtime: Runtime, *, shipments: bool) -> int:
    """Publishes what ships, with or without the workflows of shipments; the number of the version."""
    shipped = publishing.publishable(mappings.FOLDER, KINDS)
    left_out = {each.pin for each in shipped.workflows if not shipments and each.entity == "shipment"}
    with runtime.database.transaction() as tx:
        rows = [row for row in shipped.rows() if row.hash not in left_out]
        version = publications.publish(tx, rows, "anna", after=publications.newest(tx))
    assert version
    return version


def test_a_page_that_is_read_while_definitions_are_published_goes_by_the_new_ones(runtime: Runtime) -> None:
    """The old ones take no shipments, so they name one by what its system calls it: it would be another object."""
    reader = Reader(runtime, warehouse := Warehouse())
    with runtime.database.transaction() as tx:
        crossrefs.write(tx, [Written(reader.installation, "shipment", "s-1", "A")])
    publish(runtime, shipments=False)
    warehouse.put("A", NOW)
    with ThreadPoolExecutor() as pool:
        with runtime.database.transaction() as tx:
            tx.run("lock table messages in access exclusive mode")
            polled = pool.submit(reader.poll)
            until_it_waits_for_messages(reader)
            version = publish(runtime, shipments=True)
        assert [run.accepted for run in polled.result()] == [1]
    assert reader.value("select array_agg(object_id) from messages") == ["s-1"]
    assert reader.value("select array_agg(mapping_version) from deliveries") == [version]
    assert [run.accepted for run in reader.poll()] == [0], "the overlap is known under that name"


def until_it_waits_for_messages(reader: Reader) -> None:
    """The poll has looked at the definitions by then: that comes before it asks for the newest messages."""
    waits = "select exists (select from pg_locks where relation = 'messages'::regclass and not granted)"
    while not reader.value(waits):
        time.sleep(0.05)
