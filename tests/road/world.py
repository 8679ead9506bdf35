"""What a test can do to a running fleet, and what really took effect on the other side."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import redis
import requests
from celery import Celery

from integration.cli.send import deliver
from integration.local.fleet import Fleet
from integration.message import external_id
from integration.settings import Settings
from integration.store import ledger, views
from integration.store.database import UNAVAILABLE, Database
from integration.vault import Vault
from tests.ports import free_ports

FINISHED = {"done", "skipped", "held", "dead"}
PACES = {"FLEET_RETRY_SCALE": "0.05", "FLEET_SANDBOX_AGE_SECONDS": "0"}
"""Short waits between tries; orders age when they are asked to."""


def carriers(order: dict[str, Any]) -> dict[str, str]:
    """The ERP that fulfils each line of an order as Clarity shows it, by the line's id, where both take part."""
    company = (order["customer"] or {}).get("type") == "company"
    by_customer = "fusion" if company else "odoo"
    return {line["id"]: line["customAttributes"].get("fulfilledBy") or by_customer for line in order["lines"]}


class World:
    """A fleet, its sandbox, and the three ledgers: ours, Clarity's and Odoo's."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.settings = Settings.load(fleet.environment)
        self.database = Database(self.settings.database_url, connections=2)
        self.redis = redis.Redis.from_url(self.settings.redis_url)
        self._broker = Celery(broker=self.settings.redis_url)
        self._sandbox = requests.Session()
        self._sandbox.headers["X-Sandbox-Token"] = fleet.environment["FLEET_SANDBOX_TOKEN"]

    @classmethod
    @contextmanager
    def running(cls, home: Path, port_base: int | None = None, **more: str) -> Iterator[Self]:
        """A fleet of its own with nothing real about it, and ``more`` settings, for the length of the block."""
        given = {"PATH": os.environ["PATH"], "FLEET_HOME": str(home), **PACES, **more}
        fleet = Fleet(given).start(port_base=port_base or free_ports())
        world = cls(fleet)
        try:
            yield world
        finally:
            world.close()
            fleet.stop()

    def close(self) -> None:
        self.database.close()
        self._broker.close()

    # Clarity

    def generate(self, count: int = 1, *traits: str, seed: int = 0) -> list[str]:
        """Places made-up orders in Clarity and returns their ids."""
        made = self.control(
            "POST", "orders/generate", {"count": count, "seed": seed or time.time_ns(), "traits": traits}
        )
        return [order["id"] for order in made]

    def place(self, order: dict[str, Any]) -> str:
        """Places one order, right or wrong."""
        return str(self.control("POST", "orders", order)["id"])

    def order(self, id: str, system: str = "clarity") -> dict[str, Any]:
        """The order as Clarity's own API shows it."""
        return dict(self.shop("GET", f"orders/{id}", system))

    def shop(self, method: str, path: str, system: str = "clarity") -> Any:
        """A call of Clarity's own API."""
        clarity = self.settings.systems[system]
        token = requests.post(
            clarity.option("token_url"),
            data={"grant_type": "client_credentials"},
            auth=(clarity.option("client_id"), clarity.option("client_secret")),
            timeout=20,
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, f"{clarity.url}/{path}", headers=headers, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def redeliver(self) -> int:
        """Makes Clarity send at once what it would send again later, or dropped; how many are not delivered yet."""
        for status in ("pending", "dropped", "failed"):
            for delivery in self.shop("GET", f"webhook-deliveries?status={status}")["items"]:
                if status != "pending" or delivery["nextAttemptInSeconds"] > 1:
                    self.shop("POST", f"webhook-deliveries/{delivery['id']}/redeliver")
        webhooks = self.control("GET", "ledger")["clarity"]["webhooks"]
        return sum(count for state, count in webhooks.items() if state != "delivered")

    def send(self, event: dict[str, Any]) -> requests.Response:
        """Sends a signed webhook of the test's own making."""
        return deliver(self.settings, (event["id"], json.dumps(event).encode()))

    def fault(self, target: str, kind: str, **options: Any) -> None:
        self.control("POST", "faults", {"target": target, "kind": kind, **options})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.fleet.environment['FLEET_SANDBOX_URL']}/_sandbox/{path}"
        answer = self._sandbox.request(method, url, json=body, timeout=20)
        answer.raise_for_status()
        return answer.json()

    # the warehouses and books of the ERPs

    def age(self, ids: list[str], *, odoo: int = 0, fusion: int = 0, **manner: Any) -> None:
        """Moves orders on at their ERPs by so many steps, as `sandbox` has them: shipped, billed, paid."""
        if odoo:
            names = [f"__clarity__.{external_id('order', id)}" for id in ids]
            self.control("POST", "odoo/advance", {"orders": names, "steps": odoo, **manner})
        if fusion:
            keys = [f"CLARITY:{id}" for id in ids]
            self.control("POST", "fusion/advance", {"orders": keys, "steps": fusion, **manner})

    def becomes(self, id: str, status: str, seconds: float = 60.0) -> None:
        """Waits until Clarity shows this status."""
        self.until(
            lambda: self.order(id)["status"] == status, seconds, lambda: (self.order(id)["status"], self.all(id))
        )

    def shipments(self, id: str) -> list[dict[str, Any]]:
        """The shipments that Clarity has for an order."""
        return [each for each in self.control("GET", "ledger")["clarity"]["shipments"] if each["order_id"] == id]

    def invoices(self, id: str) -> list[dict[str, Any]]:
        """The invoices that Clarity has for an order."""
        return [each for each in self.control("GET", "ledger")["clarity"]["invoices"] if each["order_id"] == id]

    def all(self, id: str) -> list[str]:
        """Every delivery of an order, its shipments and invoices, with the reason where there is one."""
        with self.database.transaction() as tx:
            rows = tx.rows(f"{views.DELIVERY} where d.lane like %s or m.object_id = %s order by d.id", f"%{id}%", id)
        return [f"{row['object_id']} {row['step']} {row['state']} {row['reason'] or ''}" for row in rows]

    def way_back(self, id: str, entity: str, state: str, seconds: float = 20.0) -> dict[str, Any]:
        """Waits for a delivery about a shipment or invoice of an order that is in this state."""

        def found() -> list[dict[str, Any]]:
            with self.database.transaction() as tx:
                rows = tx.rows(
                    f"{views.DELIVERY} where d.entity = %s and d.state = %s order by d.id desc", entity, state
                )
            return [row for row in rows if self._order_of(row["message"]) == id]

        self.until(lambda: bool(found()), seconds, lambda: self.all(id))
        return found()[0]

    def _order_of(self, message: int) -> str:
        with self.database.transaction() as tx:
            body = tx.value("select body from messages where id = %s", message)
        return str(json.loads(Vault(self.settings.encryption_keys).open(body))["data"].get("order_id"))

    def poll_all(self, seconds: float = 90.0, *, nudged: bool = True) -> None:
        """Makes every stream due, and waits until each was read to its end by a run that began after that.

        Unless it is ``nudged``, the fleet has to ask for the polls by itself.
        """
        with self.database.transaction() as tx:
            asked = tx.value("select now()")
            tx.run("update cursors set due_at = now()")
        for name in self.settings.systems if nudged else ():  # as beat does, which would be up to two seconds later
            self._broker.send_task("poll", (name,), queue="poll", expires=10)

        def read() -> bool:
            with self.database.transaction() as tx:
                done = "started_at >= %s and polled_at >= started_at"
                return not tx.value(f"select exists (select from cursors where ({done}) is not true)", asked)

        self.until(read, seconds, lambda: "a stream was not read")

    def polled(self, ids: list[str]) -> int:
        """How many messages there are of the shipments and invoices of these orders."""
        with self.database.transaction() as tx:
            return int(
                tx.value(
                    """select count(*) from messages m join progress p on p.installation = m.source
                       and p.object_id = m.object_id and p.entity || '.changed' = m.type
                       where p.order_id = any (%s::text[])""",
                    ids,
                )
            )

    # what took effect

    def erps(self, id: str) -> set[str]:
        """The ERPs that fulfil an order: whichever its lines are for, or the only one that takes part."""
        both = {"odoo", "fusion"} & self.settings.systems.keys()
        return set(carriers(self.order(id)).values()) if len(both) == 2 else both

    def at_odoo(self, id: str) -> list[dict[str, Any]]:
        """The sale orders that present in Odoo for an order: one, if all is well."""
        wanted = f"__clarity__.{external_id('order', id)}"
        return [order for order in self.control("GET", "ledger")["odoo"]["orders"] if order["external_id"] == wanted]

    def pushes(self, id: str) -> list[dict[str, Any]]:
        """The status pushes that Clarity took for an order."""
        return [push for push in self.control("GET", "ledger")["clarity"]["status_pushes"] if push["order_id"] == id]

    # our own books

    def deliveries(self, id: str) -> list[dict[str, Any]]:
        """An order's deliveries, oldest first."""
        with self.database.transaction() as tx:
            return tx.rows(f"{views.DELIVERY} where m.object_id = %s order by d.id", id)

    def at(self, target: str, id: str) -> list[dict[str, Any]]:
        """An order's deliveries to one kind of target, oldest first."""
        return [row for row in self.deliveries(id) if str(row["target"]).startswith(target)]

    def states(self, id: str) -> list[str]:
        return [f"{row['target']} {row['step']} {row['state']}" for row in self.deliveries(id)]

    def finished(self, *ids: str, seconds: float = 30.0) -> None:
        """Waits until every delivery of these orders, the status push included, has ended."""

        def ended() -> bool:
            return all((rows := self.deliveries(id)) and all(row["state"] in FINISHED for row in rows) for id in ids)

        self.until(
            ended, seconds, lambda: {id: self.states(id) for id in ids if not all("done" in s for s in self.states(id))}
        )

    def until(self, condition: Callable[[], bool], seconds: float, say: Callable[[], object] = lambda: "") -> None:
        """Waits for it to hold; while Postgres is away it is not known to."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(*UNAVAILABLE):
                if condition():
                    return
            assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {say()}"
            time.sleep(0.1)

    def balanced(self) -> None:
        """Our ledger adds up."""
        with self.database.transaction() as tx:
            balance = ledger.balance(tx)
        assert balance.balanced, balance.imbalances

    def pid(self, process: str) -> int:
        """The pid of a process of the Procfile, of ``sandbox``, ``postgres`` or ``valkey``."""
        return int((self.fleet.home / "run" / f"{process}.pid").read_text().split()[0])

    @contextmanager
    def frozen(self, process: str) -> Iterator[Callable[[], None]]:
        """Stops a process in what it does; it goes on when the given function is called, at the latest after the block.

        A process that stays frozen after a failure would make every later test of this fleet fail.
        """
        self.kill(process, signal.SIGSTOP)
        try:
            yield lambda: self.kill(process, signal.SIGCONT)
        finally:
            self.kill(process, signal.SIGCONT)

    def kill(self, process: str, number: signal.Signals) -> None:
        os.kill(self.pid(process), number)

    def restart(self, process: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends a process, without warning unless the signal is one; the supervisor starts it again."""
        before = self.pid(process)
        self.kill(process, number)
        self.until(lambda: self.pid(process) != before, 90, lambda: f"{process} has not been started again")

    def exactly_once(self, ids: list[str]) -> None:
        """Every order exists once in each ERP that fulfils a line of it and in no other, and Clarity came to each
        status once."""
        books = self.control("GET", "ledger")
        if "odoo" in books:
            orders = {order["external_id"]: order for order in books["odoo"]["orders"]}
            found = [orders.get(f"__clarity__.{external_id('order', id)}", {}) for id in ids]
            present = [(order.get("created"), order.get("state"), order.get("confirmed")) for order in found]
            wanted = [(1, "sale", 1) if "odoo" in self.erps(id) else (None, None, None) for id in ids]
            assert present == wanted, f"not once in Odoo: {present}"
        if "fusion" in books:
            pods = {order["source_id"]: order for order in books["fusion"]["orders"]}
            posted = [(pods[id]["created"], pods[id]["submissions"]) if id in pods else None for id in ids]
            assert posted == [(1, 1) if "fusion" in self.erps(id) else None for id in ids], (
                f"not once in Fusion: {posted}"
            )
        moved = [(push["order_id"], push["status"]) for push in books["clarity"]["status_pushes"] if push["changed"]]
        assert [id for id in ids if (id, "processing") not in moved] == [], "Clarity was not notified"
        doubled = [each for each in set(moved) if each[0] in ids and moved.count(each) > 1]
        assert doubled == [], f"Clarity was notified twice: {doubled}"
