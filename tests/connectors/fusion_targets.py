"""The pod that the Fusion connector is held against: the sandbox's, over HTTP, and what the tests need in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, request
from werkzeug.serving import make_server

from integration.connectors.contract import Document, Posted
from integration.connectors.fusion import Fusion
from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion import Failure, Manner
from integration.sandbox.fusion import Fusion as FakeFusion
from integration.settings import System
from tests.connectors.work import Crossrefs, MemoryWork
from tests.ports import free_port

PRICE = {
    "ChargeDefinitionCode": "QP_SALE_PRICE",
    "ChargeTypeCode": "ORA_SALE",
    "ChargeSubtypeCode": "ORA_PRICE",
    "PriceTypeCode": "ORA_ONE_TIME",
    "ApplyToCode": "PRICE",
}
ADDRESS_SET = "300000000000901"
FREIGHT = {**PRICE, "ChargeDefinitionCode": "QP_SHIPPING_CHARGE", "ApplyToCode": "SHIPPING"}


class Pod:
    """One pod and its ledger.  ``calls`` lists what the connector has sent, as "POST salesOrdersForOrderHub"."""

    def __init__(self, url: str, fake: FakeFusion, calls: list[str]) -> None:
        self.fake = fake
        self.calls = calls
        self.system = System(
            "fusion",
            url,
            100,
            4,
            20.0,
            {
                "token_url": f"{url}/oauth2/v1/token",
                "client_id": "fleet",
                "client_secret": "s3cret",
                "scope": "urn:opc:resource:fa:instanceid=1urn:opc:resource:consumer::all",
                "business_unit": "Example BU",
            },
        )

    @contextmanager
    def gate(self, size: int = 1) -> Iterator[None]:  # noqa: ARG002 - it lets all through
        yield

    def connector(self, **options: str) -> Fusion:
        return Fusion(replace(self.system, options={**self.system.options, **options}), self.gate)

    def fail_next(self, name: str, times: int = 1, path: str = "salesOrdersForOrderHub") -> None:
        self.fake.fail_next(Failure(name, times, path))

    def advance(self, theirs: str, steps: int = 1, **manner: Any) -> None:
        """The order moves on by so many statuses: 3 to shipped, 5 to billed, 6 to closed."""
        self.fake.advance([theirs], steps, Manner(**manner))

    def order(self, document: Document) -> dict[str, Any]:
        """What the pod's own books say of an order."""
        [order] = [row for row in self.fake.ledger()["orders"] if row["source_id"] == document["key"]]
        return dict(order)

    def posts(self) -> int:
        return self.calls.count("POST salesOrdersForOrderHub")


@contextmanager
def pod(home: Path, **changes: Any) -> Iterator[Pod]:
    """The sandbox's Fusion on a port of its own."""
    fake = FakeFusion(home, FusionConfig("fleet", "s3cret", **changes))
    app, calls = Flask("sandbox"), list[str]()
    app.register_blueprint(fake.blueprint)

    @app.before_request
    def note() -> None:
        resource, _, key = request.path.partition("/resources/11.13.18.05/")[2].partition("/")
        calls.append(f"{request.method} {resource}{'/…' if key else ''}")

    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Pod(f"http://127.0.0.1:{port}", fake, calls)
    server.shutdown()
    server.server_close()


class Shop:
    """Orders of one test, and what their deliveries know together."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.connector = pod.connector()
        self.crossrefs = Crossrefs()
        self.work = self.new_work()

    def new_work(self) -> MemoryWork:
        return MemoryWork(self.crossrefs)

    def send(self, document: Document, work: MemoryWork | None = None, connector: Fusion | None = None) -> Posted:
        """One hop: enrich and post, and what was posted is remembered."""
        work, connector = work or self.work, connector or self.connector
        posted = connector.post("order", connector.enrich("order", document, work), work)
        if posted.theirs:
            work.remember("order", document["key"], posted.theirs)
        return posted

    def order(self, *lines: dict[str, Any], total: str, **changes: Any) -> Document:
        key = uuid.uuid4().hex[:8]
        return {
            "key": key,
            "status": "confirmed",
            "amount_total": Decimal(total),
            "currency": "EUR",
            "tax_included": False,
            "tax": sum((tax["amount"] for line in lines for tax in line["taxes"]), Decimal(0)),
            "discount": Decimal(0),
            "order": {
                "SourceTransactionNumber": f"WEB-{key}",
                "TransactionalCurrencyCode": "EUR",
                "TransactionOn": "2026-11-20T10:15:29+00:00",
                "CustomerPONumber": f"PO {key}",
                "FreezePriceFlag": True,
                "FreezeShippingChargeFlag": True,
                "FreezeTaxFlag": True,
            },
            "customer": {"key": f"c-{key}", "email": "ana@example.test", "account_number": None},
            "ship_to": {"postal_code": None},
            "cancel_reason": "CANCELED BY CUSTOMER",
            "eff": {},
            "lines": list(lines),
            "charges": [],
            **changes,
        }

    def line(self, key: str, quantity: str, price: str, **changes: Any) -> dict[str, Any]:
        return {
            "key": key,
            "sku": f"SKU-{key}",
            "quantity": Decimal(quantity),
            "unit_price": Decimal(price),
            "total": Decimal(quantity) * Decimal(price),
            "taxes": [],
            "fields": {"OrderedUOMCode": "EA", "TransactionCategoryCode": "ORDER"},
            "charge": PRICE,
            "eff": {},
            **changes,
        }

    def charge(self, price: str, tax: str = "0", **changes: Any) -> dict[str, Any]:
        return {
            "key": "shipping-1",
            "quantity": 1,
            "unit_price": Decimal(price),
            "total": Decimal(price),
            "taxes": [{"rate": "23", "amount": Decimal(tax)}],
            "charge": FREIGHT,
            **changes,
        }

    def two_lines(self, **changes: Any) -> Document:
        """An order of 51.10 for two products, shipping included."""
        lines = self.line("1", "3", "10.40"), self.line("2", "1", "15")
        return self.order(*lines, total="51.10", charges=[self.charge("4.90")], **changes)
