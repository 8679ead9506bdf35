"""Odoo, Fusion and Clarity as the contract of connectors needs them: what is arranged there, and what is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors import settling
from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Document
from integration.connectors.fusion import Fusion, changed_rows
from integration.connectors.odoo import Odoo
from integration.connectors.odoo import changed_rows as odoo_rows
from integration.settings import System
from tests.connectors import fusion_targets, odoo_targets
from tests.connectors.contract_suite import Bench
from tests.connectors.fusion_targets import Pod
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import LiveTarget, Target
from tests.connectors.test_clarity import Gate
from tests.connectors.test_clarity_fulfilment import DOCUMENTS
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TOGETHER = 5
PAGE = 2


class OdooBench(Bench):
    kind = "odoo"
    wrong_key = {"api_key": "wrong"}

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shop = odoo_targets.Shop(target)
        self.system = target.system
        self.is_real = isinstance(target, LiveTarget)

    def connector(self, system: System) -> Connector[Any]:
        return Odoo(system, self._target.gate)

    def document(self, entity: str) -> Document:
        return {"order": self._shop.two_lines}[entity]()

    def key(self, entity: str, document: Document) -> str:
        return str({"order": document["key"]}[entity])

    def count(self, entity: str, document: Document) -> int:
        return len({"order": self._target.orders(document["order"]["origin"])}[entity])

    def together(self, stream: str, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, list[str], set[str]]:
        monkeypatch.setattr(odoo_rows, "PAGE", PAGE)
        monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
        staff = Staff(self._target)
        orders = [self._posted() for _ in range(TOGETHER)]
        if stream == "cancellations":
            self._target.owner("sale.order", "action_cancel", orders)
            return staff.since, [], {f"order/{id}" for id in orders}
        ids = [staff.ship(str(order)) for order in orders]
        model, change, prefix = "stock.picking", {"carrier_tracking_ref": odoo_targets.unique()}, ""
        if stream == "invoices":
            ids, model, change = [staff.bill(str(order)) for order in orders], "account.move", {"ref": "together"}
        elif stream == "returns":
            ids, prefix = [staff.take_back(id) for id in ids], "return/"
        self._target.owner(model, "write", ids, vals=change)  # one transaction, one time
        return staff.since, [], {f"{prefix}{id}" for id in ids}

    def _posted(self) -> int:
        return int(self._shop.send(self._shop.two_lines(), self._shop.new_work()).theirs or 0)


class FusionBench(Bench):
    kind = "fusion"
    wrong_key = {"client_secret": "wrong"}

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._shop = fusion_targets.Shop(pod)
        self.system = pod.system

    def connector(self, system: System) -> Connector[Any]:
        return Fusion(system, self._pod.gate)

    def document(self, entity: str) -> Document:
        return {"order": self._shop.two_lines}[entity]()

    def key(self, entity: str, document: Document) -> str:
        return str({"order": document["key"]}[entity])

    def count(self, entity: str, document: Document) -> int:
        books = {"order": self._pod.fake.ledger()["orders"]}[entity]
        return sum(row["submissions"] for row in books if row["source_id"] == document["key"])

    def together(self, stream: str, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, list[str], set[str]]:
        monkeypatch.setattr(changed_rows, "LIMIT", PAGE)
        self._pod.fake.reset()
        keys = [str(self._shop.send(self._shop.two_lines(), MemoryWork()).theirs) for _ in range(TOGETHER)]
        if stream != "invoices":
            self._stamp("salesOrdersForOrderHub")
            return LONG_AGO, keys, {f"{key}/unshipped" for key in keys}
        for key in keys:
            self._pod.advance(key, 5)
        return LONG_AGO, keys, {str(row["CustomerTransactionId"]) for row in self._stamp("receivablesInvoices")}

    def _stamp(self, resource: str) -> list[dict[str, Any]]:
        """Gives every row of a resource one and the same time of change."""
        records, stamp = self._pod.fake._records, datetime.now(UTC).isoformat(timespec="seconds")
        with records.transaction():
            for id, row in list(records._documents[resource].items()):
                records.put(resource, id, {**row, "LastUpdateDate": stamp})
            return records.all(resource)


class ClarityBench(Bench):
    kind = "clarity"
    wrong_key = {"client_secret": "wrong"}

    def __init__(self, shop: Sandbox) -> None:
        self._shop = shop
        client = {"client_id": "fleet", "client_secret": "s3cret", "token_url": f"{shop.url}/clarity/oauth/token"}
        self.system = System("clarity", shop.api, 100, 8, 5, client)

    def connector(self, system: System) -> Connector[Any]:
        return Clarity(system, Gate())

    def existing(self, entity: str) -> str:
        return str({"order": self._shop.order}[entity]()["id"])

    def document(self, entity: str) -> Document:
        id = self._shop.order()["id"]
        if entity == "order_status":
            return {"order_id": id, "status": "processing", "external_ref": "S00042", "occurred_at": None}
        document = DOCUMENTS[entity](id)
        document["body"]["lines" if entity == "shipment" else "total"] = (
            [{"orderLineId": "1", "quantity": Decimal(1)}] if entity == "shipment" else Decimal(1)
        )
        return document | ({"body": {**document["body"], "balance": Decimal(1)}} if entity == "invoice" else {})

    def key(self, entity: str, document: Document) -> str:
        return str(document["order_id"] if entity == "order_status" else document["body"]["externalRef"])

    def count(self, entity: str, document: Document) -> int:
        ledger, id = self._shop.ledger(), document["order_id"]
        if entity == "order_status":
            return sum(push["changed"] for push in ledger["status_pushes"] if push["order_id"] == id)
        return sum(one["writes"] for one in ledger[f"{entity}s"] if one["order_id"] == id)
