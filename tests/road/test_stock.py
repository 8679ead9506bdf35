"""Stock levels on the road: nothing is sold twice, however late polls and webhooks are.

One process between the sandbox's Clarity and Odoo: a test says when an order arrives, is posted, and when is polled.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import requests

from integration.message import Step
from integration.receiver import read_event
from integration.sandbox.clarity.generate import generate
from integration.settings import Settings
from integration.store.database import Row
from tasks import polls, runner, stock
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tests.road.conftest import broker_of
from tests.sandbox.rig import Sandbox

MARGIN = 0.4
"""Seconds that webhooks may be late here."""


class Shop:
    """One SKU that Odoo has and Clarity sells."""

    def __init__(self, sandbox: Sandbox, runtime: Runtime, there: int) -> None:
        self.sandbox, self.runtime, self._intake = sandbox, runtime, Intake(runtime)
        self.sku = f"STK-{uuid.uuid4().hex[:8]}"
        sandbox.control("POST", "/products", {"sku": self.sku, "name": "Mug", "kind": "physical"})
        values = {"name": "Mug", "default_code": self.sku, "type": "consu", "is_storable": True}
        with runtime.admitted("odoo"):
            client = runtime.connector("odoo").site.client
            client.call("product.product", "create", vals_list=[values])
        self.count(there)
        self.run("insert into sold_skus (installation, sku) values (%s, %s)", self.odoo, self.sku)
        [draft] = [each for each in generate(40, 1, ["plain"]) if len(each["lines"]) == 1][:1]
        self._draft = {**draft, "lines": [{**draft["lines"][0], "sku": self.sku}]}
        self.each = int(Decimal(draft["lines"][0]["quantity"]))
        self.sold = 0

    @property
    def odoo(self) -> int:
        return self.runtime.installations["odoo"].id

    def count(self, there: int) -> None:
        self.sandbox.control("POST", "/odoo/stock", {self.sku: there})

    def buy(self) -> dict[str, Any] | None:
        """An order that Clarity accepts; None where it has not enough.  Its webhook is on its way."""
        url = f"{self.sandbox.url}/_sandbox/orders?in_stock=1"
        answer = requests.post(url, json=self._draft, timeout=10)
        if answer.status_code == 409:
            return None
        assert answer.ok, answer.text
        self.sold += self.each
        return dict(answer.json())

    def arrive(self, order: dict[str, Any]) -> int:
        """The webhook arrives: the delivery of the order to Odoo."""
        name = f"evt_{uuid.uuid4().hex}"
        body = json.dumps({"id": name, "type": "order.created", "data": order}).encode()
        with self.runtime.database.transaction() as tx:
            arriving = self._intake.arriving("clarity", read_event(name, body, "clarity"), body)
            (arrival,) = self._intake.accept(tx, [arriving])
            assert arrival
            rows = tx.rows("select id, target from deliveries where message = %s", arrival.message)
        return next(int(row["id"]) for row in rows if row["target"] == self.odoo)

    def take_on(self, id: int) -> None:
        self.hop(id, Step.TRANSFORM)

    def post(self, id: int) -> None:
        self.hop(id, Step.ENRICH)
        assert self.row(id)["state"] == "done", self.row(id)

    def hop(self, id: int, step: Step) -> None:
        self.run("update deliveries set due_at = now() where id = %s and due_at < 'infinity'", id)
        runner.run(self.runtime, [id], step, BODIES)

    def poll(self) -> list[int]:
        """The deliveries of levels that a poll brings."""
        self.run("update cursors set due_at = now()")
        list(polls.runs(self.runtime, self._intake, "odoo"))
        with self.runtime.database.transaction() as tx:
            rows = tx.rows("select id from deliveries where entity = 'stock_level' and open order by id")
        return [row["id"] for row in rows]

    def show(self, ids: list[int]) -> None:
        for id in ids:
            for step in (Step.TRANSFORM, Step.ENRICH):
                self.hop(id, step)

    @property
    def shown(self) -> int:
        (level,) = self.sandbox.get(f"/inventory?sku={self.sku}").json()["items"]
        return int(Decimal(level["available"]))

    def row(self, id: int) -> Row:
        with self.runtime.database.transaction() as tx:
            row = tx.row("select state, step, code, reason, priority from deliveries where id = %s", id)
        assert row
        return row

    def run(self, sql: str, *values: object) -> None:
        with self.runtime.database.transaction() as tx:
            tx.run(sql, *values)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    started = Sandbox(tmp_path_factory.mktemp("sandbox"), "http://127.0.0.1:1/nobody")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def runtime(sandbox: Sandbox, stores: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.setattr(stock, "MARGIN", timedelta(seconds=MARGIN))
    clarity = {"URL": sandbox.api, "TOKEN_URL": f"{sandbox.url}/clarity/oauth/token", "CLIENT_ID": "fleet"}
    odoo = {"URL": f"{sandbox.url}/odoo", "DB": "shop", "USERNAME": "fleet", "API_KEY": "odoo-key"}
    systems = {f"CLARITY_{name}": value for name, value in {**clarity, "CLIENT_SECRET": "s3cret"}.items()}
    systems |= {f"ODOO_{name}": value for name, value in odoo.items()} | {"ODOO_RATE": "500", "CLARITY_RATE": "500"}
    made = Runtime(Settings.load(stores | systems))
    broker_of(made)
    yield made
    made.database.close()


@pytest.fixture
def shop(sandbox: Sandbox, runtime: Runtime) -> Shop:
    shop = Shop(sandbox, runtime, 0)
    shop.count(10 * shop.each)
    shop.show(shop.poll())
    return shop


def test_a_level_counts_an_order_once_wherever_it_is(shop: Shop) -> None:
    pieces = shop.each
    assert shop.shown == 10 * pieces
    order = shop.buy()
    assert order
    assert shop.shown == 9 * pieces, "Clarity takes off what it has sold itself"
    id = shop.arrive(order)
    shop.take_on(id)
    time.sleep(MARGIN + 0.05)
    shop.count(12 * pieces)
    shop.show(shop.poll())
    assert shop.shown == 11 * pieces, "it has arrived, and not at Odoo"
    shop.post(id)
    shop.show(shop.poll())
    assert shop.shown == 11 * pieces, "Odoo has it"
    late = shop.buy()
    assert late
    shop.hop(sent := shop.arrive(late), Step.TRANSFORM)
    shop.post(sent)
    shop.show(shop.poll())
    assert shop.shown == 10 * pieces, "Odoo has it, and Clarity counts it still"


def test_an_old_figure_is_not_shown_but_read_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.count(3 * shop.each)
    (id,) = shop.poll()
    shop.take_on(id)
    shop.count(2 * shop.each)
    with monkeypatch.context() as patch:
        patch.setattr(stock, "OLDEST", 0.0)
        shop.hop(id, Step.ENRICH)
    assert (shop.row(id)["state"], shop.shown) == ("skipped", 10 * shop.each)
    shop.show(shop.poll())
    assert shop.shown == 2 * shop.each


def test_a_level_waits_for_orders_that_nobody_has_read(shop: Shop) -> None:
    order = shop.buy()
    assert order
    waiting = shop.arrive(order)
    shop.count(11 * shop.each)
    (id,) = shop.poll()
    shop.show([id])
    assert (shop.row(id)["code"], shop.row(id)["priority"]) == ("throttled", 1)
    shop.take_on(waiting)
    shop.hop(id, Step.ENRICH)
    assert shop.row(id)["state"] == "done"


def test_nothing_is_sold_beyond_what_is_there(shop: Shop) -> None:
    """Many buyers, few pieces; webhooks, posts and polls come in any order, as late as they may."""
    chosen, on_its_way, taken_on = Random(7), list[tuple[float, dict[str, Any]]](), list[int]()
    refused, levels = 0, list[int]()
    for turn in range(60):
        if order := shop.buy():
            on_its_way.append((time.monotonic(), order))
        else:
            refused += 1
        for at, one in on_its_way[:]:
            if chosen.random() < 0.2 or time.monotonic() - at > MARGIN / 2:
                on_its_way.remove((at, one))
                taken_on.append(shop.arrive(one))
                shop.take_on(taken_on[-1])
        if taken_on and chosen.random() < 0.3:
            shop.post(taken_on.pop(chosen.randrange(len(taken_on))))
        if turn % 5 == 0:
            shop.show(levels)  # those of the poll before: their figures are late
            levels = shop.poll()
        time.sleep(0.02)
    assert shop.sold <= 10 * shop.each, "sold beyond what is there"
    assert refused
    for _, one in on_its_way:
        shop.take_on(id := shop.arrive(one))
        taken_on.append(id)
    for id in taken_on:
        shop.post(id)
    shop.show(shop.poll())
    while shop.buy():
        pass
    assert shop.sold == 10 * shop.each, "and all of that is sold"
