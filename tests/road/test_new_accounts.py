"""First orders of customers whom Fusion does not know: whatever happens meanwhile, they make one account.

Orders that ship to an address that the account lacks make one site of it.
"""

from __future__ import annotations

import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.fusion_targets import ADDRESS_SET
from tests.road.test_customer_events import known, states
from tests.road.test_customers import PARTS
from tests.road.world import World

ORDERS = 10
AT_FUSION = {"customAttributes": {"fulfilledBy": "fusion"}}


def made(world: World, name: str) -> dict[str, Any]:
    """The account sites and the addresses of the parties that bear this name, as Fusion's own books have them."""
    books = world.control("GET", "ledger")["fusion"]
    parties = {party["number"] for party in books["parties"] if party["name"] == name}
    sites = [site for site in books["account_sites"] if site["party"] in parties]
    phones = [party["phone"] for party in books["parties"] if party["name"] == name]
    return {
        "phones": phones,
        "parties": len(parties),
        "accounts": {site["account"] for site in sites},
        "uses": sorted(s["use"] for s in sites),
    }


@pytest.mark.timeout(600)
def test_first_orders_at_once_and_a_late_customer_make_one_account(tmp_path: Path) -> None:
    with World.running(tmp_path, FUSION_CREATE_ACCOUNTS=ADDRESS_SET) as world:
        (template,) = world.generate()
        order = world.order(template)
        key, name = f"c-{uuid.uuid4().hex[:8]}", f"Roe {uuid.uuid4().hex[:8]} Ltd"
        customer = {"id": key, "type": "company", "company": name, "name": "Jane Roe", "email": f"{key}@example.test"}
        placed = {**{part: order[part] for part in PARTS}, "customer": customer}
        world.fault("fusion", "latency", path="/crmRestApi/", ms=150, times=60)
        with ThreadPoolExecutor(8) as threads:
            ids = list(threads.map(lambda _: world.place(placed), range(ORDERS)))
        world.until(lambda: "fusion-1 enrich running" in {state for id in ids for state in world.states(id)}, 30)
        world.kill("worker-fusion", signal.SIGKILL)
        world.finished(*ids, seconds=240)
        world.control("PATCH", f"customers/{key}", {"phone": "600 700 800"})
        world.until(lambda: made(world, name)["phones"] == ["600 700 800"], 120, lambda: states(world, key))
        reasons = {
            row["reason"] for id in ids for row in world.at("fusion", id) if row["state"] not in ("done", "skipped")
        }
        assert reasons == set(), "none is held"
        books = made(world, name)
        assert (books["parties"], len(books["accounts"])) == (1, 1), "one party with one account"
        assert len(books["uses"]) == len(set(books["uses"])), "no site twice"
        assert known(world, "fusion", key) == list(books["accounts"])

        person = {"id": f"{key}-p", "type": "person", "name": f"Jane {name}", "email": f"{key}-p@example.test"}
        lines = [{**line, **AT_FUSION} for line in order["lines"]]
        dock = {"shippingAddress": {**order["shippingAddress"], "line1": f"Dock {key}"}}
        with ThreadPoolExecutor(8) as threads:
            private = [{**placed, "customer": person, "lines": lines}] * 4
            ids = list(threads.map(world.place, [*private, *[{**placed, **dock}] * 4]))
        world.finished(*ids, seconds=240)
        assert {row["state"] for id in ids for row in world.at("fusion", id)} <= {"done", "skipped"}, "none is held"
        assert made(world, name)["uses"] == sorted([*books["uses"], "SHIP_TO"])
        assert made(world, name)["accounts"] == books["accounts"]
        theirs = made(world, f"Jane {name}")
        assert (theirs["parties"], len(theirs["accounts"]), theirs["uses"]) == (1, 1, ["BILL_TO", "SHIP_TO"])
