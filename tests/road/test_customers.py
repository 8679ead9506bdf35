"""First orders at once: each customer of Clarity is one contact in Odoo, whatever e-mail address they share."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from integration.message import external_id
from tests.road.world import World

ROOT = Path(__file__).parents[2]
WORKER = ("celery", "-A", "tasks", "worker", "-Q", "odoo", "-P", "threads", "-c", "16", "-n", "odoo2@%h")


def odoo(world: World, model: str, method: str, **arguments: Any) -> Any:
    """A call to the sandbox's Odoo."""
    system = world.settings.systems["odoo"]
    headers = {"Authorization": f"bearer {system.option('api_key')}"}
    answer = requests.post(f"{system.url}/json/2/{model}/{method}", json=arguments, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


@contextmanager
def second_worker(world: World) -> Iterator[None]:
    """One more worker of Odoo's queue, beside the fleet's own."""
    log = world.fleet.home / "log" / "odoo2.log"
    with log.open("w") as output:
        process = subprocess.Popen(WORKER, cwd=ROOT, env=world.fleet.environment, stdout=output, stderr=output)
        try:
            world.until(lambda: " ready." in log.read_text(), 60, log.read_text)
            yield
        finally:
            process.terminate()
            process.wait(60)


def first_orders(world: World, customers: list[dict[str, Any]]) -> list[str]:
    """Places one order for each customer, all at once."""
    (template,) = world.generate()
    made = world.order(template)
    order = {part: made[part] for part in PARTS}
    placed = [{**order, "customer": {**made["customer"], "type": "person", **customer}} for customer in customers]
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(world.place, placed))


def customers_of(world: World, ids: list[str]) -> list[int]:
    """For each order the contact that it is for, above the person who placed it."""
    found = []
    for id in ids:
        name = f"__clarity__.{external_id('order', id)}"
        (order,) = [order for order in world.at_odoo(id) if order["external_id"] == name]
        (row,) = odoo(world, "sale.order", "web_read", ids=[order["id"]], specification=OF_WHOM)
        found.append(row["partner_id"]["commercial_partner_id"])
    return found


PARTS = (
    *("currency", "taxIncluded", "lines", "shippingLines", "fees", "discounts", "payments", "totals"),
    *("billingAddress", "shippingAddress"),
)
OF_WHOM = {"partner_id": {"fields": {"commercial_partner_id": {}}}}


def test_first_orders_at_once_make_one_contact_for_each_customer(road: World) -> None:
    email = f"{uuid.uuid4().hex[:8]}@example.test"
    (known,) = odoo(road, "res.partner", "create", vals_list=[{"name": "Known before", "email": email}])
    accounts = [f"c-{uuid.uuid4().hex[:8]}" for _ in range(10)]
    people = [{"id": id, "email": email} for id in [*accounts, *accounts[:3], None, None, None]]
    with second_worker(road):
        road.fault("odoo", "latency", path="/json/2/res.partner/", ms=150, times=60)
        ids = first_orders(road, people)
        road.until(lambda: "odoo-1 enrich running" in {state for id in ids for state in road.states(id)}, 20)
        road.kill("worker-odoo", signal.SIGKILL)
        road.finished(*ids, seconds=120)
    reasons = {row["reason"] for id in ids for row in road.at("odoo", id) if row["state"] not in ("done", "skipped")}
    assert reasons == set(), "none is held"
    found = customers_of(road, ids)
    assert len(set(found[:10])) == 10, f"two accounts in one contact: {found}"
    assert found[10:13] == found[:3], "an account is one contact"
    assert len(set(found[13:])) == 1, "a guest is one contact"
    assert found[13] not in found[:10]
    contacts = odoo(road, "res.partner", "search", domain=[["email", "=", email], ["type", "=", "contact"]])
    assert sorted(contacts) == sorted(set(found)), "nobody has two"
    assert known in found, "who was known before is one of them"
