"""Odoo, Fusion and Clarity as the contract of connectors needs them: what is arranged there, and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors import settling
from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Document
from integration.connectors.fusion import Fusion, changed_rows
from integration.connectors.fusion.customer.accounts import ACTIVITIES
from integration.connectors.fusion.customer.parties import party_name
from integration.connectors.odoo import Odoo
from integration.connectors.odoo import changed_rows as odoo_rows
from integration.settings import System
from tests.connectors import fusion_targets, odoo_targets
from tests.connectors.clarity_returns import asked_return, came_back
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
        if entity == "product":
            return odoo_product(self._target.currency)
        if entity == "return":
            return odoo_return(self._shop, Staff(self._target))
        return {"order": self._shop.two_lines, "customer": _odoo_customer}[entity]()

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
        domain = [["email", "=", document["partner"]["email"]], ["parent_id", "=", False]]
        return int(self._target.owner("res.partner", "search_count", domain=domain))

    def ambiguous(self, entity: str) -> Document | None:
        if entity == "return":
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
        if stream == "customers":
            names = [odoo_targets.unique() for _ in range(TOGETHER)]
            made = self._target.owner("res.partner", "create", vals_list=[{"name": name} for name in names])
            return staff.since, [], {str(id) for id in made}
        orders = [self._posted() for _ in range(TOGETHER)]
        if stream == "cancellations":
            self._target.owner("sale.order", "action_cancel", orders)
            return staff.since, [], {f"order/{id}" for id in orders}
        ids = [staff.ship(str(order)) for order in orders]
        model, change = "stock.picking", {"carrier_tracking_ref": odoo_targets.unique()}
        if stream == "invoices":
            ids, model, change = [staff.bill(str(order)) for order in orders], "account.move", {"ref": "together"}
        elif stream == "returns":
            ids = [staff.take_back(id) for id in ids]
        self._target.owner(model, "write", ids, vals=change)  # one transaction, one time
        return staff.since, [], {str(id) for id in ids}

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
        return {"order": self._shop.two_lines, "customer": _fusion_customer}[entity]()

    def key(self, entity: str, document: Document) -> str:  # noqa: ARG002 - both have one
        return str(document["key"])

    def count(self, entity: str, document: Document) -> int:
        books = self._pod.fake.ledger()["orders"]
        if entity == "customer":
            [stated] = document["addresses"]
            parties = self._pod.fake.ledger()["parties"]
            return sum(each["lines"] == stated["fields"]["Address1"] for one in parties for each in one["addresses"])
        return sum(row["submissions"] for row in books if row["source_id"] == document["key"])

    def ambiguous(self, entity: str) -> Document:
        """Ana works for another account, too."""
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
        if stream == "customers":
            return LONG_AGO, [], {str(row["AccountNumber"]) for row in self._stamp(ACTIVITIES)}
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


class CreatingBench(FusionBench):
    """A pod in which accounts are made; every customer is ``new``: a company or a person that Fusion does not know."""

    def __init__(self, pod: Pod, new: Callable[[], Document]) -> None:
        super().__init__(pod)
        self._new = new
        self.system = replace(pod.system, options={**pod.system.options, "create_accounts": fusion_targets.ADDRESS_SET})

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
        self.system = System("clarity", shop.api, 100, 8, 5, client)

    def connector(self, system: System) -> Connector[Any]:
        return Clarity(system, Gate())

    def existing(self, entity: str) -> str:
        makes = {"order": self._shop.order, "customer": self._registered, "product": self._offered}
        makes |= {"return": lambda: asked_return(self._shop, self._shop.order()["id"])}
        return str(makes[entity]()["id"])

    def document(self, entity: str) -> Document:
        if entity == "customer":
            stated = {"paymentTerms": "NET30", "creditHold": True, "creditLimit": Decimal(500)}
            return {"customer_id": self._registered()["id"], "fields": stated, "on_create": {"fields": {"taxId": "1"}}}
        id = self._shop.order()["id"]
        if entity == "order_status":
            return {"order_id": id, "status": "processing", "external_ref": "S00042", "occurred_at": None}
        if entity == "returned_goods":
            return came_back(self._shop, id)
        document = DOCUMENTS[entity](id)
        document["body"]["lines" if entity == "shipment" else "total"] = (
            [{"orderLineId": "1", "quantity": Decimal(1)}] if entity == "shipment" else Decimal(1)
        )
        return document | ({"body": {**document["body"], "balance": Decimal(1)}} if entity == "invoice" else {})

    def key(self, entity: str, document: Document) -> str:
        if entity == "customer":
            return str(document["customer_id"])
        return str(document["order_id"] if entity == "order_status" else document["body"]["externalRef"])

    def count(self, entity: str, document: Document) -> int:
        ledger = self._shop.ledger()
        if entity == "customer":
            return int(ledger["customers"][document["customer_id"]]["version"]) - 1
        id = document["order_id"]
        if entity == "order_status":
            return sum(push["changed"] for push in ledger["status_pushes"] if push["order_id"] == id)
        kind = "returns" if entity == "returned_goods" else f"{entity}s"
        return sum(one["writes"] for one in ledger[kind] if one["order_id"] == id)

    def _registered(self) -> Document:
        made: Document = self._shop.control("POST", "/customers", {"type": "person", "name": "Jane Roe"})
        return made

    def _offered(self) -> Document:
        made: Document = self._shop.control("POST", "/products", {"sku": odoo_targets.unique(), "name": "Mug"})
        return made


def odoo_product(currency: str) -> Document:
    """Goods with all that Clarity owns of them."""
    key = odoo_targets.unique()
    fields = {"name": f"Mug {key}", "default_code": f"SKU-{key}", "barcode": key, "description_sale": "Holds 0.3 l."}
    return {
        "key": f"p-{key}",
        "sku": f"SKU-{key}",
        "archived": False,
        "variants": [],
        "currency": currency,
        "tax_included": None,
        "fields": {**fields, "list_price": Decimal("12.30"), "weight": Decimal("0.355")},
        "category": "Goods",
        "on_create": {"fields": {"type": "consu", "is_storable": True}, "uom": "Units"},
    }


def odoo_return(shop: odoo_targets.Shop, staff: Staff, quantity: str = "2") -> Document:
    """A part of the first line of an order that has left comes back."""
    order = shop.two_lines()
    staff.ship(shop.send(order, shop.new_work()).theirs)
    return return_of(order["key"], quantity)


def return_of(order: str, quantity: str, location: str = "stock") -> Document:
    key = odoo_targets.unique()
    line = {"key": "1", "order_line_id": "1", "quantity": Decimal(quantity), "location": location}
    return {"key": f"ret-{key}", "order": order, "number": f"RMA-{key}", "cancelled": False, "lines": [line]}


def _odoo_customer() -> Document:
    """A company with an address and a contact."""
    email = f"{odoo_targets.unique()}@example.com"
    fields = {"name": "Jane Roe", "email": email, "is_company": True, "street": "Main Street 1"}
    return {
        "key": f"c-{odoo_targets.unique()}",
        "merged": [],
        "partner": {"email": email, "fields": fields, "country": "PL", "state": None},
        "on_create": {"partner": {"fields": {"ref": f"A-{odoo_targets.unique()}"}}},
        "addresses": [{"type": "delivery", "fields": {"name": "Dock", "city": "Side"}, "country": "PL", "state": None}],
        "contacts": [{"key": "p-1", "fields": {"name": "Jane Roe", "email": f"jane.roe.{email}"}}],
    }


def _fusion_customer() -> Document:
    """A company that Ana works for, with another name, a phone number and an address."""
    unique = odoo_targets.unique()
    fields = {"Address1": f"Main Street {unique}", "City": "Side", "PostalCode": "00-001", "Country": "PL"}
    return {
        "key": f"c-{unique}",
        "merged": [],
        "customer": {"email": "ana@example.test", "is_company": True, "tax_number": "PL5260001246"},
        "party": {"OrganizationName": f"Roe {unique}", "RawPhoneNumber": "600 700 800"},
        "addresses": [{"kind": "billing", "primary": True, "fields": fields}],
    }


def an_order_of(shop: fusion_targets.Shop, customer: Document) -> Document:
    """An order that the customer places, with the addresses that it has."""
    stated = {**customer["customer"], "key": customer["key"], "account_number": None}
    return shop.two_lines(customer=stated, party=customer["party"], addresses=customer["addresses"])


def new_person() -> Document:
    """As `new_company`, without a company."""
    stated, unique = new_company(), odoo_targets.unique()
    party = {"FirstName": "Jane", "LastName": f"Roe {unique}", "PartyUsageCode": "CUSTOMER"}
    return {**stated, "customer": {**stated["customer"], "is_company": False}, "party": party}


def new_company() -> Document:
    """With an address that is billed and one that is shipped to."""
    unique = odoo_targets.unique()
    fields = {"City": "Side", "PostalCode": "00-001", "Country": "PL"}
    streets = {"billing": f"Main Street {unique}", "shipping": f"Dock {unique}"}
    return {
        "key": f"c-{unique}",
        "merged": [],
        "customer": {"email": f"jane.roe.{unique}@mail.example", "is_company": True, "tax_number": None},
        "party": {"OrganizationName": f"Roe {unique}", "PartyUsageCode": "EXTERNAL_LEGAL_ENTITY"},
        "addresses": [{"kind": kind, "fields": {**fields, "Address1": line}} for kind, line in streets.items()],
    }


def _bills(site: Document, account: str) -> bool:
    return bool((site["AccountNumber"], site["SiteUseCode"]) == (account, "BILL_TO"))
