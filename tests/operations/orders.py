"""Orders as the fleet has them: with their events, parts and status pushes, in whatever state."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal

from cryptography.fernet import Fernet

from integration.canonical import freeze
from integration.message import Event, State, Step, clear, lane
from integration.store import crossrefs, deliveries, ends, inbox, installations, publications
from integration.store.crossrefs import Written
from integration.store.database import Database
from integration.store.deliveries import Delivery, Push
from integration.store.inbox import Arriving, Route
from integration.store.installations import Installation
from integration.vault import Vault
from tests.store.road import INGEST_STEPS, Road, system

POST = (Step.ENRICH, Step.POST)


class Orders(Road):
    """A `Road` with Fusion beside Odoo, whose events have bodies that are sealed, and values."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        with database.transaction() as tx:
            self.fusion: Installation = installations.register(tx, [system("fusion")])["fusion"]
        self.key = Fernet.generate_key().decode()
        self.vault = Vault([self.key])

    def event_of(self, event: Event, *routes: Route, source: Installation | None = None, key: str = "") -> list[int]:
        """Accepts an event; the ids of its deliveries."""
        body = freeze({"type": event.type, "data": {"id": event.object_id, "notes": "ring twice"}})
        with self.database.transaction() as tx:
            made_by, body_hash = (source or self.shop).id, hashlib.sha256(body).digest()
            arriving = Arriving(made_by, event, self.vault.seal(body), body_hash, routes, key or None)
            (arrival,) = inbox.accept(tx, [arriving], publications.newest(tx))
            assert arrival
            rows = tx.rows("select id from deliveries where message = %s order by id", arrival.message)
        return [row["id"] for row in rows]

    def order(self, id: str, version: int = 1, *, value: str = "10.50", currency: str = "EUR", key: str = "") -> int:
        """Accepts an event of an order that goes to Odoo; the id of its delivery."""
        event = Event(f"evt-{id}-{version}", "order.created", id, version, f"WEB-{id}")
        priced = replace(event, value=Decimal(value), currency=currency)
        return self.event_of(priced, self.route(id), key=key)[0]

    def for_both(self, id: str) -> list[int]:
        """Accepts one of an order that goes to both ERPs."""
        place = lane(self.fusion.name, "order", id)
        fusion = Route("order", place, queue="ingest", workflow="order-to-fusion", pin="pin", target=self.fusion.id)
        event = Event(f"evt-{id}", "order.created", id, 1, f"WEB-{id}")
        return self.event_of(event, self.route(id), fusion)

    def shipment(self, order: str | None, number: str) -> int:
        """Accepts what a poll has read of a shipment of an order; the id of its delivery to Clarity."""
        id = f"odoo-1/{number}"
        event = Event(f"shipment/{number}", "shipment.changed", id, 1, number, part_of=order and clear(order))
        place = lane(self.shop.name, "shipment", id)
        back = Route("shipment", place, "ingest", "odoo-shipment-to-clarity", "pin", self.shop.id)
        return self.event_of(event, back, source=self.odoo)[0]

    def customer(self, id: str, version: int = 1, *, key: str = "") -> int:
        event = Event(f"evt-customer-{id}-{version}", "customer.updated", id, version, None)
        place = lane(self.odoo.name, "customer", id)
        there = Route("customer", place, "ingest", "customer-to-odoo", "pin", self.odoo.id)
        return self.event_of(event, there, key=key)[0]

    def product(self, id: str, sku: str) -> int:
        event = Event(f"evt-product-{id}", "product.updated", id, 1, sku)
        place = lane(self.odoo.name, "product", id)
        there = Route("product", place, "ingest", "product-to-odoo", "pin", self.odoo.id)
        return self.event_of(event, there)[0]

    def returned(self, id: str, number: str) -> int:
        event = Event(f"evt-return-{id}", "return.updated", id, 1, number)
        place = lane(self.odoo.name, "return", id)
        there = Route("return", place, "ingest", "return-to-odoo", "pin", self.odoo.id)
        return self.event_of(event, there)[0]

    def take(self, id: int) -> Delivery:
        everybody = [self.shop.id, self.odoo.id, self.fusion.id]
        with self.database.transaction() as tx:
            (claimed,) = deliveries.claim(tx, [id], [*INGEST_STEPS, *POST, Step.PUSH_STATUS], everybody)
        return claimed

    def end(self, id: int, state: State, **rest: object) -> None:
        assert self.move(self.take(id), state, **rest) is state

    def post(self, id: int, number: str, theirs: str) -> int:
        """Ends a delivery of an order as done under this number; the id of the status push that follows."""
        claimed = self.take(id)
        self.move(claimed, State.DONE)
        document = {"order_id": claimed.object_id, "status": "processing"}
        push = Push(
            self.shop.id, "clarity", lane(self.shop.name, "order", claimed.object_id), "order_status",
            self.vault.seal(freeze(document)), 0,
        )  # fmt: skip
        with self.database.transaction() as tx:
            crossrefs.write(tx, [Written(claimed.target, claimed.entity, claimed.object_id, theirs, number)])
            ((made, _),) = ends.insert_push(tx, [(claimed, push)])
        return made
