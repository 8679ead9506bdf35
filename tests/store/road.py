"""A small world for the store's tests: two installations and messages as the receiver would store them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from integration.message import Event, State, Step, lane
from integration.settings import System
from integration.store import deliveries, ends, inbox, installations, publications
from integration.store.database import Database
from integration.store.deliveries import Delivery, Next
from integration.store.inbox import Arrival, Arriving, Route

INGEST_STEPS = (Step.TRANSFORM, Step.VALIDATE)


def system(kind: str, url: str = "http://127.0.0.1:1") -> System:
    return System(kind, url, rate=10.0, concurrency=4, timeout=5.0, options={})


class Road:
    """Accepts events about order 1001 and friends; ``shop`` and ``odoo`` are the installations."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as tx:
            found = installations.register(tx, [system("clarity"), system("odoo")])
            tx.run("insert into definitions (hash, kind, name, body) values ('pin', 'workflow', 'order-to-odoo', '{}')")
        self.shop, self.odoo = found["clarity"], found["odoo"]

    def event(self, id: str, order: str = "1001", version: int = 1) -> Event:
        return Event(id, "order.created", order, version, f"WEB-{order}")

    def route(self, order: str, workflow: str = "order-to-odoo") -> Route:
        place = lane("odoo-1", "order", order)
        return Route("order", place, queue="ingest", workflow=workflow, pin="pin", target=self.odoo.id)

    def accept(
        self, id: str, *, order: str = "1001", version: int = 1, body: object = None, skip: bool = False
    ) -> Arrival:
        content = json.dumps(body or {"id": id}).encode()
        unwanted = Route(entity="event", lane="none", state=State.SKIPPED.value, reason="nobody wants it")
        route = unwanted if skip else self.route(order)
        body_hash = hashlib.sha256(content).digest()
        with self.database.transaction() as tx:
            event = self.event(id, order, version)
            arriving = Arriving(self.shop.id, event, b"sealed " + content, body_hash, [route])
            (arrival,) = inbox.accept(tx, [arriving], publications.newest(tx))
            return arrival or inbox.again(tx, self.shop.id, id, body_hash)

    def delivery(self, id: str, **options: object) -> int:
        """Accepts an event and returns the id of its only delivery."""
        message = self.accept(id, **options).message  # type: ignore[arg-type]
        with self.database.transaction() as tx:
            return int(tx.value("select id from deliveries where message = %s", message))

    def claim(self, id: int, steps: tuple[Step, ...] = INGEST_STEPS) -> Delivery | None:
        with self.database.transaction() as tx:
            return next(iter(deliveries.claim(tx, [id], steps, [self.shop.id, self.odoo.id])), None)

    def move(self, delivery: Delivery, state: State, **rest: object) -> State | None:
        with self.database.transaction() as tx:
            (moved,) = ends.move(tx, [(delivery, Next(state, **rest))])  # type: ignore[arg-type]
            if moved in (State.DONE, State.SKIPPED, State.HELD, State.DEAD):
                ends.leave_lane(tx, [(delivery, False)])
            return moved

    def close(self, id: int, state: State = State.DONE) -> None:
        """Claims a delivery and ends it."""
        claimed = self.claim(id)
        assert claimed
        assert self.move(claimed, state) is state

    def state(self, id: int) -> State:
        with self.database.transaction() as tx:
            return State(tx.value("select state from deliveries where id = %s", id))

    def run(self, sql: str, *values: object) -> int:
        with self.database.transaction() as tx:
            return tx.run(sql, *values)

    def value(self, sql: str, *values: object) -> object:
        with self.database.transaction() as tx:
            return tx.value(sql, *values)


def with_lease(delivery: Delivery, lease: str) -> Delivery:
    """The same delivery as a worker sees it whose lease was taken over."""
    return replace(delivery, lease=lease)
