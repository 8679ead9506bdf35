"""An Odoo that answers: the sandbox's own, on a port of its own, and the orders that one process posts to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, request
from werkzeug.serving import make_server

import mappings
from integration.message import Step
from integration.receiver import read_event
from integration.rules.definition_files import read_json
from integration.rules.workflow import Workflow
from integration.sandbox.odoo import Odoo as FakeOdoo
from integration.store.database import Row
from tasks import runner
from tasks.dry_runs import look_at
from tasks.runtime import Runtime
from tasks.steps import BODIES
from tests.mapping.shop import ORDER
from tests.ports import free_port
from tests.road.orders import Orders

LINE = ORDER["lines"][0]


class Served:
    """The sandbox's Odoo on a port of its own.  ``calls`` are the paths it was asked; ``on_call`` gets each."""

    def __init__(self, home: Path) -> None:
        self.fake = FakeOdoo(home, "clarity_test", "clarity-int", "the-key")
        self.calls: list[str] = []
        self.on_call: Callable[[str], None] | None = None
        app = Flask("sandbox")
        app.before_request(self._note)
        app.register_blueprint(self.fake.blueprint)
        self._server = make_server("127.0.0.1", free_port(), app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self) -> None:
        self.calls.append(request.path)
        if self.on_call:
            self.on_call(request.path)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Odoo(Orders):
    """Orders of persons, numbered from 1, at an Odoo that answers."""

    def __init__(self, runtime: Runtime, fake: FakeOdoo) -> None:
        super().__init__(runtime)
        self._database = fake.database
        self.numbers = 0

    def order(self, *, sku: str = "SKU-1", **changes: Any) -> int:
        """Accepts an order; the id of its delivery to Odoo."""
        self.numbers += 1
        given = {"id": f"{self.numbers}", "number": f"WEB-{self.numbers}", "lines": [{**LINE, "sku": sku}]}
        return self.accept(**{**given, "customer__email": f"ada{self.numbers}@mail.example", **changes})["odoo"]

    def customer(self) -> int:
        """A customer who has registered at Clarity, posted to Odoo; the id of the delivery."""
        given = read_json(mappings.FOLDER / "samples" / "clarity.in.customer" / "person.json")["given"]
        body = json.dumps({"id": "evt-customer", "type": "customer.created", "data": given}).encode()
        with self.runtime.database.transaction() as tx:
            arriving = self._intake.arriving("clarity", read_event("evt-customer", body, "clarity"), body)
            (arrival,) = self._intake.accept(tx, [arriving])
            assert arrival
            id = int(tx.value("select id from deliveries where message = %s and queue is not null", arrival.message))
        self.send(id)
        assert self.row(id)["state"] == "done", self.row(id)
        return id

    def posted(self, **changes: Any) -> int:
        id = self.order(**changes)
        self.send(id)
        assert self.row(id)["state"] == "done", self.row(id)
        return id

    def held(self, sku: str = "NO-SUCH") -> int:
        id = self.order(sku=sku)
        self.send(id)
        assert self.row(id)["code"] == "unknown_sku", self.row(id)
        return id

    def send(self, id: int) -> None:
        self.take_on(id)
        runner.run(self.runtime, [id], Step.ENRICH, BODIES)

    def look(self, ids: list[int], current: Mapping[str, Workflow], *, ask: bool = True) -> Row:
        rows = [{"id": id, "target": "odoo-1"} for id in ids]
        return look_at(self.runtime, rows, None, lambda _: current, ask=ask, reveal=False).as_row()

    # at Odoo

    def change(self, model: str, number: int | None = None, **values: Any) -> None:
        with self._database.transaction():
            for row in list(self._database.rows(model).values()):
                if number is None or row["id"] == number:
                    self._database.update(model, row["id"], values)

    def there(self) -> str:
        """All that Odoo has."""
        kinds = ("sale.order", "sale.order.line", "res.partner", "ir.model.data")
        return json.dumps([list(self._database.rows(kind).values()) for kind in kinds], default=str)

    # here

    def here(self) -> dict[str, str]:
        """All that the fleet has, table by table, as hashes."""
        with self.runtime.database.transaction() as tx:
            names = tx.rows(
                "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            )
            rows = {each["name"]: tx.rows(f"select t::text as row from {each['name']} t order by 1") for each in names}
        assert {"attempts", "audit", "counters", "crossrefs", "deliveries"} <= rows.keys()
        return {name: hashlib.sha256(json.dumps(each).encode()).hexdigest() for name, each in rows.items()}

    def audited(self) -> list[tuple[str, str, int | None, dict[str, Any]]]:
        with self.runtime.database.transaction() as tx:
            rows = tx.rows("select who, action, delivery, detail from audit order by id")
        return [(row["who"], row["action"], row["delivery"], row["detail"]) for row in rows]
