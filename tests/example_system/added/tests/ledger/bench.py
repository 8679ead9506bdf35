"""The ledger as the contract of connectors needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from integration.connectors.contract import Connector, Document
from integration.connectors.ledger import Ledger
from integration.sandbox.ledger import Ledger as FakeLedger
from integration.settings import System
from tests.connectors.contract_suite import Bench
from tests.connectors.odoo_targets import unique


@contextmanager
def ledger() -> Iterator[tuple[str, FakeLedger]]:
    """The sandbox's ledger on a port of its own."""
    fake, app = FakeLedger("key"), Flask("ledger")
    app.register_blueprint(fake.blueprint)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", fake
    server.shutdown()
    server.server_close()


class LedgerBench(Bench):
    kind = "ledger"
    wrong_key = {"api_key": "wrong"}

    def __init__(self, url: str, fake: FakeLedger) -> None:
        self._fake = fake
        self.system = System("ledger", url, 100, 4, 5.0, {"api_key": "key"})

    def connector(self, system: System) -> Connector[Any]:
        return Ledger(system, nullcontext)

    def document(self, entity: str) -> Document:
        lines = [{"sku": "A", "quantity": Decimal(2), "total": Decimal("10.50")}]
        amounts = {"currency": "EUR", "total": Decimal("10.50"), "tax": Decimal(0)}
        return {"order": {"reference": unique(), "number": "WEB-1", **amounts, "lines": lines}}[entity]

    def key(self, entity: str, document: Document) -> str:
        return str({"order": document["reference"]}[entity])

    def count(self, entity: str, document: Document) -> int:
        return {"order": self._fake.writes.get(document["reference"], 0)}[entity]
