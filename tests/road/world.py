"""What a test can do to a running fleet, and what really took effect on the other side."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import redis
import requests

from integration.cli.fleet import Fleet
from integration.cli.send import deliver
from integration.message import external_id
from integration.settings import Settings
from integration.store import ledger, views
from integration.store.database import Database

FINISHED = {"done", "skipped", "held", "dead"}


class World:
    """A fleet, its sandbox, and the three ledgers: ours, Clarity's and Odoo's."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.settings = Settings.load(fleet.environment)
        self.database = Database(self.settings.database_url, connections=2)
        self.redis = redis.Redis.from_url(self.settings.redis_url)
        self._sandbox = requests.Session()
        self._sandbox.headers["X-Sandbox-Token"] = fleet.environment["FLEET_SANDBOX_TOKEN"]

    def close(self) -> None:
        self.database.close()

    # the shop

    def generate(self, count: int = 1, *traits: str, seed: int = 0) -> list[str]:
        """Places made-up orders in the shop and returns their ids."""
        made = self.control(
            "POST", "orders/generate", {"count": count, "seed": seed or time.time_ns(), "traits": traits}
        )
        return [order["id"] for order in made]

    def place(self, order: dict[str, Any]) -> str:
        """Places one order, right or wrong."""
        return str(self.control("POST", "orders", order)["id"])

    def order(self, id: str) -> dict[str, Any]:
        """The order as Clarity's own API shows it."""
        token = requests.post(
            self.settings.systems["clarity"].option("token_url"),
            data={"grant_type": "client_credentials"},
            auth=(
                self.settings.systems["clarity"].option("client_id"),
                self.settings.systems["clarity"].option("client_secret"),
            ),
            timeout=5,
        ).json()["access_token"]
        answer = requests.get(
            f"{self.settings.systems['clarity'].url}/orders/{id}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=5,
        )
        answer.raise_for_status()
        return dict(answer.json())

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

    # what took effect

    def at_odoo(self, id: str) -> list[dict[str, Any]]:
        """The sale orders that stand in Odoo for an order: one, if all is well."""
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
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {say()}"
            time.sleep(0.1)

    def balanced(self) -> None:
        """Our ledger adds up."""
        with self.database.transaction() as tx:
            balance = ledger.balance(tx)
        assert balance.balanced, balance.imbalances

    def pid(self, process: str) -> int:
        """The pid of a process of the Procfile."""
        return int((self.fleet.home / "run" / f"{process}.pid").read_text().split()[0])

    def restart(self, process: str) -> None:
        """Kills a process of the Procfile without warning; the supervisor starts it again."""
        os.kill(self.pid(process), signal.SIGKILL)

    def exactly_once(self, ids: list[str]) -> None:
        """Every order stands once in each ERP that takes part, and Clarity's status moved once."""
        books = self.control("GET", "ledger")
        if "odoo" in books:
            orders = {order["external_id"]: order for order in books["odoo"]["orders"]}
            keys = [f"__clarity__.{external_id('order', id)}" for id in ids]
            assert [key for key in keys if key not in orders] == []
            assert [(orders[key]["state"], orders[key]["confirmed"]) for key in keys] == [("sale", 1)] * len(keys)
        if "fusion" in books:
            pods = {order["source_id"]: order for order in books["fusion"]["orders"]}
            assert [(pods[id]["created"], pods[id]["submissions"]) for id in ids] == [(1, 1)] * len(ids)
        moved = [push["order_id"] for push in books["clarity"]["status_pushes"] if push["changed"]]
        assert {id: moved.count(id) for id in ids} == dict.fromkeys(ids, 1)
