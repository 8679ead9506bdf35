"""Odoo, Fusion and Clarity as the contract of connectors needs them: what is arranged there, and what is counted."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from integration.connectors import settling
from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Document
from integration.connectors.fusion import Fusion, changed_rows
from integration.connectors.fusion.customer.accounts import ACTIVITIES
from integration.connectors.fusion.customer.parties import party_name
from integration.connectors.fusion.product.catalogue import RESOURCE
from integration.connectors.fusion.product.changes import STAMP
from integration.connectors.odoo import Odoo
from integration.connectors.odoo import changed_rows as odoo_rows
from integration.settings import System
from tests.connectors import fusion_targets, odoo_targets
from tests.connectors.bench_documents import (
    an_order_of,
    fusion_customer,
    fusion_product,
    odoo_customer,
    odoo_payment,
    odoo_product,
    odoo_return,
)
from tests.connectors.clarity_returns import asked_return, came_back
from tests.connectors.contract_suite import Bench, send
from tests.connectors.fusion_targets import Pod
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import LiveTarget, Target
from tests.connectors.raw_server import Asked, Server
from tests.connectors.test_clarity import Gate
from tests.connectors.test_clarity_cancellations import cancellation
from tests.connectors.test_clarity_fulfilment import DOCUMENTS
from tests.connectors.test_clarity_refunds import refund
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TOGETHER = 5
PAGE = 2


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PNG)}\r\n\r\n".encode() + PNG


@cache
def picture_place() -> str:
    """A server that has one picture, until the process ends; its host and port."""
    return f"127.0.0.1:{Server(Asked(PICTURE)).port}"


class OdooBench(Bench):
    kind = "odoo"
    wrong_key = {"api_key": "wrong"}

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shop = odoo_targets.Shop(target)
        self.system = target.system
        self.is_real = isinstance(target, LiveTarget)

    def connector(self, system: System) -> Connector[Any]:
        return Odoo(replace(system, options={**system.options, "picture_hosts": picture_place()}), self._target.gate)

    def document(self, entity: str) -> Document:
        if entity == "product_picture":
            made = odoo_product(self._target.currency)
            self._shop.connector.post("product", made, MemoryWork())
            return {"key": made["key"], "url": f"http://{picture_place()}/mug.png"}
        if entity == "product":
            return odoo_product(self._target.currency)
        if entity == "return":
            return odoo_return(self._shop, Staff(self._target))
        if entity == "payment":
            return odoo_payment(self._shop)
        return {"order": self._shop.two_lines, "customer": odoo_customer}[entity]()

    def key(self, entity: str, document: Document) -> str:  # noqa: ARG002 - all have one
        return str(document["key"])

    def count(self, entity: str, document: Document) -> int:
        if entity == "order":
            return len(self._target.orders(document["order"]["origin"]))
        if entity == "product":
            of = [["name", "=", document["fields"]["name"]]]
            return int(self._target.owner("product.product", "search_count", domain=of))
        if entity == "return":
            back = [["origin", "=", f"Return {document['number']}"], ["state", "!=", "cancel"]]
            return int(self._target.owner("stock.picking", "search_count", domain=back))
        if entity == "product_picture":
            of = [["name", "=", f"Mug {document['key'].removeprefix('p-')}"]]
            rows = self._target.owner("product.product", "search_read", domain=of, fields=["image_1920"])
            return sum(bool(row["image_1920"]) for row in rows)
        if entity == "payment":
            of = [["payment_reference", "=", document["key"]], ["state", "=", "in_process"], ["move_id", "!=", False]]
            return int(self._target.owner("account.payment", "search_count", domain=of))
        domain = [["email", "=", document["partner"]["email"]], ["parent_id", "=", False]]
        return int(self._target.owner("res.partner", "search_count", domain=domain))

    def ambiguous(self, entity: str) -> Document | None:
        if entity in ("product_picture", "payment", "return"):
            return None
        document = self.document(entity)
        if entity == "product":
            for _ in range(2):
                self._target.product(default_code=document["sku"])
            return document
        fields = document["partner"]["fields"]
        for _ in range(2):
            self._target.create("res.partner", **{name: fields[name] for name in ("name", "email", "is_company")})
        return document

    def together(self, stream: str, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, list[str], set[str]]:
        monkeypatch.setattr(odoo_rows, "PAGE", PAGE)
        monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
        staff = Staff(self._target)
        if stream == "stock":
            skus = [self._target.product(is_storable=True) for _ in range(TOGETHER)]
            moves = [self._moved(sku) for sku in skus]
            self._target.owner("stock.move", "write", moves, vals={"origin": "together"})
            return staff.since, [], {f"WH/{sku}" for sku in skus}
        if stream == "customers":
            names = [odoo_targets.unique() for _ in range(TOGETHER)]
            made = self._target.owner("res.partner", "create", vals_list=[{"name": name} for name in names])
            return staff.since, [], {str(id) for id in made}
        if stream == "products":
            names = [odoo_targets.unique() for _ in range(TOGETHER)]
            made = self._target.owner("product.product", "create", vals_list=[{"name": name} for name in names])
            return staff.since, [], {str(id) for id in made}
        orders = [self._posted() for _ in range(TOGETHER)]
        if stream == "cancellations":
            self._target.owner("sale.order", "action_cancel", orders)
            return staff.since, [], {f"order/{id}" for id in orders}
        ids = [staff.ship(str(order)) for order in orders]
        model, change = "stock.picking", {"carrier_tracking_ref": odoo_targets.unique()}
        if stream == "invoices":
            ids, model, change = [staff.bill(str(order)) for order in orders], "account.move", {"ref": "together"}
        elif stream == "refunds":
            billed = [staff.bill(str(order)) for order in orders]
            ids, model, change = [staff.credit(id) for id in billed], "account.move", {"invoice_origin": "together"}
        elif stream == "returns":
            ids = [staff.take_back(id) for id in ids]
        self._target.owner(model, "write", ids, vals=change)  # one transaction, one time
        return staff.since, [], {str(id) for id in ids}

    def _moved(self, sku: str) -> int:
        """The move of an order of the product."""
        order = self._shop.order(self._shop.line("1", "1", "10.00", sku=sku), total="10.00")
        self._shop.send(order, self._shop.new_work())
        domain = [["product_id.default_code", "=", sku]]
        return int(self._target.owner("stock.move", "search", domain=domain)[0])

    def _posted(self) -> int:
        return int(self._shop.send(self._shop.two_lines(), self._shop.new_work()).theirs or 0)


class FusionBench(Bench):
    kind = "fusion"
    wrong_key = {"client_secret": "wrong"}

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._shop = fusion_targets.Shop(pod)
        self.system = replace(pod.system, options={**pod.system.options, "create_items": "MST,W01"})

    def connector(self, system: System) -> Connector[Any]:
        return Fusion(system, self._pod.gate)

    def document(self, entity: str) -> Document:
        makes = {"order": self._shop.two_lines, "customer": fusion_customer, "product": fusion_product}
        return makes[entity]()

    def key(self, entity: str, document: Document) -> str:  # noqa: ARG002 - both have one
        return str(document["key"])

    def count(self, entity: str, document: Document) -> int:
        books = self._pod.fake.ledger()["orders"]
        if entity == "product":  # once: the item is in both organizations, with one id
            [stated] = document["items"]
            rows = [row for row in self._pod.fake.ledger()["items"] if row["number"] == stated["sku"]]
            return len(rows) - len({row["id"] for row in rows})
        if entity == "customer":
            [stated] = document["addresses"]
            parties = self._pod.fake.ledger()["parties"]
            return sum(each["lines"] == stated["fields"]["Address1"] for one in parties for each in one["addresses"])
        return sum(row["submissions"] for row in books if row["source_id"] == document["key"])

    def ambiguous(self, entity: str) -> Document | None:
        """Ana works for another account, too; an item's number is unique."""
        if entity == "product":
            return None
        records = self._pod.fake._records
        (ana,) = [row for row in records.all("contacts") if row["EmailAddress"] == "ana@example.test"]
        (other,) = [row for row in records.all("customerAccountSitesLOV") if _bills(row, "A-7")]
        with records.transaction():
            at = {"PartyNumber": "66011", "AccountPartyId": other["PartyId"], "AccountName": other["CustomerName"]}
            records.put("contacts", "66011", {**ana, **at})
        return self.document(entity)

    def together(self, stream: str, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, list[str], set[str]]:
        monkeypatch.setattr(changed_rows, "LIMIT", PAGE)
        self._pod.fake.reset()
        if stream == "products":
            rows = self._stamp(RESOURCE, STAMP)
            return LONG_AGO, [], {str(row["ItemId"]) for row in rows if row["OrganizationCode"] == "MST"}
        if stream == "customers":
            return LONG_AGO, [], {str(row["AccountNumber"]) for row in self._stamp(ACTIVITIES)}
        keys = [str(self._shop.send(self._shop.two_lines(), MemoryWork()).theirs) for _ in range(TOGETHER)]
        if stream != "invoices":
            self._stamp("salesOrdersForOrderHub")
            return LONG_AGO, keys, {f"{key}/unshipped" for key in keys}
        for key in keys:
            self._pod.advance(key, 5)
        return LONG_AGO, keys, {str(row["CustomerTransactionId"]) for row in self._stamp("receivablesInvoices")}

    def _stamp(self, resource: str, name: str = "LastUpdateDate") -> list[dict[str, Any]]:
        """Gives every row of a resource one and the same time of change."""
        records, stamp = self._pod.fake._records, datetime.now(UTC).isoformat(timespec="seconds")
        with records.transaction():
            for id, row in list(records._documents[resource].items()):
                records.put(resource, id, {**row, name: stamp})
            return records.all(resource)


class CreatingBench(FusionBench):
    """A pod in which accounts are made; every customer is ``new``: a company or a person that Fusion does not know."""

    def __init__(self, pod: Pod, new: Callable[[], Document]) -> None:
        super().__init__(pod)
        self._new = new
        options = {**self.system.options, "create_accounts": fusion_targets.ADDRESS_SET}
        self.system = replace(pod.system, options=options)

    def document(self, entity: str) -> Document:
        stated = self._new()
        return stated if entity == "customer" else an_order_of(self._shop, stated)

    def count(self, entity: str, document: Document) -> int:
        """Once: one account with its sites, made for a party of its own; of an order besides how often it is there."""
        books = self._pod.fake.ledger()
        name = party_name(document["party"])
        parties = [one["number"] for one in books["parties"] if one["name"] == name]
        uses = [(one["party"], one["use"]) for one in books["account_sites"] if one["party"] in parties]
        if len(parties) > 1 or len(uses) != len(set(uses)):
            return len(parties) + len(uses)
        return super().count(entity, document) if entity == "order" else len({party for party, _ in uses})

    def ambiguous(self, entity: str) -> Document | None:  # noqa: ARG002 - as everywhere else in Fusion
        return None


class SitesBench(CreatingBench):
    """The same pod; every customer is a company or a person with an account, and has two addresses that it lacks."""

    def document(self, entity: str) -> Document:
        stated = self._new()
        is_company = stated["customer"]["is_company"]
        number = "A-20" if is_company else "P-de-2"
        if is_company:
            fields = {"LastName": "Roe", "EmailAddress": f"{odoo_targets.unique()}@mail.example"}
            stated["contacts"] = [{"key": "p-1", "fields": fields, "usage": "CUSTOMER_CONTACT"}]
        stated["on_create"] = {"customer": {"account_number": number}}
        if entity == "customer":
            return stated
        order = an_order_of(self._shop, stated)
        return {**order, "customer": {**order["customer"], "account_number": number}}

    def count(self, entity: str, document: Document) -> int:
        """Once: what is needed of each address is there once, and besides how often an order is there."""
        books = self._pod.fake.ledger()
        streets = {each["fields"]["Address1"] for each in document["addresses"]}
        rows = [each for one in books["parties"] for each in one["addresses"] if each["lines"] in streets]
        numbers = {each["number"] for each in rows}
        uses = [(each["address"], each["use"]) for each in books["account_sites"] if each["address"] in numbers]
        if len(rows) > len(streets) or len(uses) != len(set(uses)):
            return len(rows) + len(uses)
        needed = ["SHIP_TO"] if entity == "order" else ["BILL_TO", "SHIP_TO"]
        made = sorted(use for _, use in uses) == needed
        orders = FusionBench.count(self, entity, document) if entity == "order" else 1
        return orders if made or not orders else -1


class ClarityBench(Bench):
    kind = "clarity"
    wrong_key = {"client_secret": "wrong"}

    def __init__(self, shop: Sandbox) -> None:
        self._shop = shop
        client = {"client_id": "fleet", "client_secret": "s3cret", "token_url": f"{shop.url}/clarity/oauth/token"}
        self.system = System("clarity", shop.api, 100, 8, 5, {**client, "cancellations": "all"})

    def connector(self, system: System) -> Connector[Any]:
        return Clarity(system, Gate())

    def existing(self, entity: str) -> str:
        makes = {"order": self._shop.order, "customer": self._registered, "product": self._offered}
        makes |= {
            "product_picture": self._offered,
            "return": lambda: asked_return(self._shop, self._shop.order()["id"]),
        }
        return str(makes[entity]()["id"])

    def document(self, entity: str) -> Document:
        if entity == "product":
            stated = {"hsCode": "6912.00", "countryOfOrigin": "PL", "discontinued": True, "weight": Decimal("0.35")}
            return {"product_id": self._offered()["id"], "fields": stated}
        if entity == "customer":
            stated = {"paymentTerms": "NET30", "creditHold": True, "creditLimit": Decimal(500)}
            return {"customer_id": self._registered()["id"], "fields": stated, "on_create": {"fields": {"taxId": "1"}}}
        if entity == "stock_level":
            figure = {"available": Decimal(7), "as_of": "2026-11-20T10:15:29.000Z"}
            return {"sku": self._offered()["sku"], "location": "main", **figure}
        id = self._shop.order()["id"]
        if entity == "order_status":
            return {"order_id": id, "status": "processing", "external_ref": "S00042", "occurred_at": None}
        if entity == "returned_goods":
            return came_back(self._shop, id)
        if entity == "refund":
            return self._refund(id)
        if entity == "cancellation":
            return cancellation(self._shop, kept=Decimal(1))
        document = DOCUMENTS[entity](id)
        document["body"]["lines" if entity == "shipment" else "total"] = (
            [{"orderLineId": "1", "quantity": Decimal(1)}] if entity == "shipment" else Decimal(1)
        )
        return document | ({"body": {**document["body"], "balance": Decimal(1)}} if entity == "invoice" else {})

    def key(self, entity: str, document: Document) -> str:
        if entity in ("customer", "product"):
            return str(document[f"{entity}_id"])
        if entity == "stock_level":
            return str(document["sku"])
        of_itself = entity in ("order_status", "cancellation")
        return str(document["order_id"] if of_itself else document["body"]["externalRef"])

    def count(self, entity: str, document: Document) -> int:
        ledger = self._shop.ledger()
        if entity in ("customer", "product"):
            return int(ledger[f"{entity}s"][document[f"{entity}_id"]]["version"]) - 1
        if entity == "stock_level":
            return sum(int(one["writes"]) for one in ledger["levels"] if one["sku"] == document["sku"])
        id = document["order_id"]
        if entity == "order_status":
            return sum(push["changed"] for push in ledger["status_pushes"] if push["order_id"] == id)
        if entity == "cancellation":
            return len(self._shop.get(f"/orders/{id}").json().get("cancellations", ()))
        kind = "returns" if entity == "returned_goods" else f"{entity}s"
        return sum(one["writes"] for one in ledger[kind] if one["order_id"] == id)

    def _refund(self, order: str) -> Document:
        """A small one, of an order that is billed."""
        billed = {"order_id": order, "status": "open", "body": DOCUMENTS["invoice"](order)["body"]}
        billed["body"] |= {"total": Decimal(2), "balance": Decimal(2)}
        send(self, "invoice", billed, MemoryWork())
        document = refund(order)
        rows = {"lines": [], "adjustments": [{"kind": "other", "amount": Decimal(1)}]}
        return {**document, "body": {**document["body"], "amount": Decimal(1), "tax": None, **rows}}

    def _registered(self) -> Document:
        made: Document = self._shop.control("POST", "/customers", {"type": "person", "name": "Jane Roe"})
        return made

    def _offered(self) -> Document:
        made: Document = self._shop.control("POST", "/products", {"sku": odoo_targets.unique(), "name": "Mug"})
        return made


def _bills(site: Document, account: str) -> bool:
    return bool((site["AccountNumber"], site["SiteUseCode"]) == (account, "BILL_TO"))
