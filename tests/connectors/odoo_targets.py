"""The Odoos the contract is held against: the sandbox's, and a real one when ``--live`` is given."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from integration.connectors.contract import Document, Posted
from integration.connectors.odoo import Odoo
from integration.connectors.odoo.client import Client
from integration.errors import Hold
from integration.sandbox.odoo import Odoo as FakeOdoo
from integration.sandbox.odoo.schema import SCHEMA
from integration.sandbox.odoo.seed import OTHER_COMPANY_ID
from integration.settings import System
from tests.connectors.work import Crossrefs, MemoryWork
from tests.ports import free_port


def unique() -> str:
    return uuid.uuid4().hex[:8]


class Target(ABC):
    """One Odoo with what the tests need in it: products A and B, and sales taxes of ``rate`` percent.

    ``owner`` calls it with the rights to arrange things.  ``calls`` counts what the connector has sent, ``sizes``
    has for how many objects each was.
    """

    currency: str
    rate: str

    def __init__(self, system: System, owner: System) -> None:
        self.system = system
        self._owner = Client(replace(owner, options={**owner.options, "protocol": "json2"}), self.gate)
        self.calls = 0
        self.sizes: list[int] = []
        self.shares: list[float] = []
        self.alone = 0
        self.sku_a, self.sku_b = self.product(), self.product()

    @contextmanager
    def gate(self, size: int = 1, *, share: float = 1.0, alone: bool = False) -> Iterator[None]:
        self.calls += 1
        self.alone += alone
        self.sizes.append(size)
        self.shares.append(share)
        yield

    def connector(self, **options: str) -> Odoo:
        return Odoo(replace(self.system, options={**self.system.options, **options}), self.gate)

    def owner(self, model: str, method: str, ids: list[int] | None = None, **named: Any) -> Any:
        return self._owner.call(model, method, ids, **named)

    def create(self, model: str, **values: Any) -> int:
        return int(self.owner(model, "create", vals_list=[values])[0])

    def product(self, **values: Any) -> str:
        sku = values.pop("default_code", f"SKU-{unique()}")
        self.create("product.product", name=sku, default_code=sku, type="consu", list_price=7.77, **values)
        return str(sku)

    @abstractmethod
    def tax(self, name: str, rate: str) -> int:
        """A sales tax of so many percent, included in the price."""

    @abstractmethod
    def custom_field(self, model: str, name: str) -> None:
        """A custom field of the model, for text."""

    def one(self, model: str, id: int | str, *fields: str) -> dict[str, Any]:
        return dict(self.owner(model, "read", [int(id)], fields=list(fields), load=None)[0])

    def company(self, *fields: str) -> dict[str, Any]:
        """The company in which the owner works, whichever others this Odoo has."""
        uid = self.owner("res.users", "context_get")["uid"]
        return self.one("res.company", self.one("res.users", uid, "company_id")["company_id"], *fields)

    def orders(self, origin: str) -> list[dict[str, Any]]:
        domain = [["origin", "=", origin]]
        return list(self.owner("sale.order", "search_read", domain=domain, fields=["state", "amount_total"]))

    def lines(self, order: str | None) -> dict[str, tuple[Any, ...]]:
        """(quantity, price, discount, taxes, total) of each line by the end of its external id."""
        assert order
        ids = self.one("sale.order", order, "order_line")["order_line"]
        fields = ["product_uom_qty", "price_unit", "discount", "tax_ids", "price_total"]
        rows = self.owner("sale.order.line", "read", ids, fields=fields, load=None)
        names = self.owner("sale.order.line", "get_external_id", ids)
        return {
            names[str(row["id"])].rpartition("__")[2]: (
                *(Decimal(row[field]).normalize() for field in fields[:3]),
                len(row["tax_ids"]),
                Decimal(row["price_total"]),
            )
            for row in rows
        }

    def merge(self, *ids: int, into: int) -> None:
        """What Contacts, Actions, Merge does; the integration user may do it, too."""
        client = Client(replace(self.system, options={**self.system.options, "protocol": "json2"}), self.gate)
        values = {"partner_ids": [[6, 0, [*ids, into]]], "dst_partner_id": into, "state": "selection"}
        wizard = client.call("base.partner.merge.automatic.wizard", "create", vals_list=[values])
        assert client.call("base.partner.merge.automatic.wizard", "action_merge", wizard)["type"]
        assert [row["id"] for row in client.call("res.partner", "read", [*ids, into], fields=["name"])] == [into]

    @abstractmethod
    def other_company(self) -> int:
        """Another company of this Odoo, whose records the integration user sees, too."""

    @abstractmethod
    def to_another_company(self, partner: int) -> None:
        """Gives a contact, with its addresses, to another company, as a person does who moves a customer there."""

    @abstractmethod
    def carrier(self, name: str) -> int:
        """A delivery method of that name."""

    @abstractmethod
    def deliver(self, order: str) -> None:
        """Ships everything."""


class SandboxTarget(Target):
    currency, rate = "EUR", "23"

    def __init__(self, url: str, fake: FakeOdoo, protocol: str) -> None:
        self.fake = fake
        options = {"db": fake.name, "username": fake.username, "api_key": fake.api_key, "protocol": protocol}
        system = System("odoo", url, 100, 4, 60.0, options)
        super().__init__(system, system)

    def other_company(self) -> int:
        return OTHER_COMPANY_ID

    def tax(self, name: str, rate: str) -> int:
        with self.fake.database.transaction():
            rows = self.fake.database.rows("account.tax").values()
            row = next(each for each in rows if each["price_include"] and each["type_tax_use"] == "sale")
            return self.fake.database.insert("account.tax", {**row, "id": None, "name": name, "amount": float(rate)})

    def custom_field(self, model: str, name: str) -> None:
        fields = SCHEMA[model].fields
        fields[name] = replace(fields["name"], name=name, label=name, required=False)

    def to_another_company(self, partner: int) -> None:
        with self.fake.database.transaction():
            for row in list(self.fake.database.rows("res.partner").values()):
                if partner in (row["id"], row.get("parent_id")):
                    self.fake.database.update("res.partner", row["id"], {"company_id": OTHER_COMPANY_ID})

    def carrier(self, name: str) -> int:
        with self.fake.database.transaction():
            row = next(iter(self.fake.database.rows("delivery.carrier").values()))
            return self.fake.database.insert("delivery.carrier", {**row, "id": None, "name": name})

    def deliver(self, order: str) -> None:
        with self.fake.database.transaction():
            for row in list(self.fake.database.rows("sale.order.line").values()):
                if row["order_id"] == int(order):
                    change = {"qty_delivered": row["product_uom_qty"]}
                    self.fake.database.update("sale.order.line", row["id"], change)


class LiveTarget(Target):
    def __init__(self, protocol: str) -> None:
        def system(prefix: str) -> System:
            options = {
                "db": os.environ["FLEET_LIVE_ODOO_DB"],
                "username": os.environ[f"{prefix}_USERNAME"],
                "api_key": os.environ[f"{prefix}_API_KEY"],
                "protocol": protocol,
            }
            return System("odoo", os.environ["FLEET_LIVE_ODOO_URL"], 10, 4, 60.0, options)

        if "test" not in os.environ["FLEET_LIVE_ODOO_DB"]:
            pytest.fail("FLEET_LIVE_ODOO_DB has to have `test` in its name: these tests write")
        self.sales_only = system("FLEET_LIVE_ODOO_SALES_ONLY")
        super().__init__(system("FLEET_LIVE_ODOO"), system("FLEET_LIVE_ODOO_ADMIN"))
        currency = self.company("currency_id")["currency_id"]
        self.currency = self.one("res.currency", currency, "name")["name"]
        self.rate = f"{11 + uuid.uuid4().int % 8000 / 100:.2f}"
        for included in (True, False):
            self.create(
                "account.tax",
                name=f"{self.rate} {'incl' if included else 'excl'} {unique()}",
                amount=float(self.rate),
                type_tax_use="sale",
                price_include_override="tax_included" if included else "tax_excluded",
            )

    def other_company(self) -> int:
        domain = [["name", "=", "Second Company"]]
        found = self.owner("res.company", "search", domain=domain) or [self.create("res.company", name=domain[0][2])]
        for user in (self.owner("res.users", "context_get")["uid"], self._uid()):
            self.owner("res.users", "write", [user], vals={"company_ids": [[4, found[0]]]})
        return int(found[0])

    def tax(self, name: str, rate: str) -> int:
        included = {"type_tax_use": "sale", "price_include_override": "tax_included"}
        return self.create("account.tax", name=name, amount=float(rate), **included)

    def custom_field(self, model: str, name: str) -> None:
        [of] = self.owner("ir.model", "search", domain=[["model", "=", model]])
        self.create("ir.model.fields", model_id=of, name=name, field_description=name, ttype="char")

    def to_another_company(self, partner: int) -> None:
        """To one whose records the integration user does not see."""
        domain = [["name", "=", "Hidden Company"]]
        found = self.owner("res.company", "search", domain=domain) or [self.create("res.company", name=domain[0][2])]
        admin = self.owner("res.users", "context_get")["uid"]
        self.owner("res.users", "write", [admin], vals={"company_ids": [[4, found[0]]]})
        orders = self.owner("sale.order", "search", domain=[["partner_id", "child_of", partner]])
        self.owner("sale.order", "action_cancel", orders)
        self.owner("sale.order", "unlink", orders)  # Odoo moves nobody who has orders with the first company
        children = self.owner("res.partner", "search", domain=[["id", "child_of", partner]])
        self.owner("res.partner", "write", children, vals={"company_id": found[0]})

    def _uid(self) -> int:
        login = [["login", "=", self.system.options["username"]]]
        return int(self.owner("res.users", "search", domain=login)[0])

    def carrier(self, name: str) -> int:
        product = self.create("product.product", name=name, type="service")
        return self.create("delivery.carrier", name=name, product_id=product, delivery_type="fixed")

    def deliver(self, order: str) -> None:
        pickings = self.one("sale.order", order, "picking_ids")["picking_ids"]
        context = {"skip_sms": True, "skip_backorder": True}
        assert self.owner("stock.picking", "button_validate", pickings, context=context) is True


@contextmanager
def sandbox(home: Path) -> Iterator[tuple[str, FakeOdoo]]:
    """The sandbox's Odoo on a port of its own."""
    fake = FakeOdoo(home, "clarity_test", "clarity-int", "the-key")
    app = Flask("sandbox")
    app.register_blueprint(fake.blueprint)
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{port}", fake
    server.shutdown()
    server.server_close()


class Shop:
    """Orders of one test at one target, and what their deliveries know together."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.connector = target.connector()
        self.json2 = target.system.options["protocol"] != "jsonrpc"
        self.crossrefs = Crossrefs()
        self.work = self.new_work()

    def new_work(self) -> MemoryWork:
        return MemoryWork(self.crossrefs)

    def send(self, document: Document, work: MemoryWork | None = None, connector: Odoo | None = None) -> Posted:
        """One hop: enrich and post."""
        work, connector = work or self.work, connector or self.connector
        return connector.post("order", connector.enrich("order", document, work), work)

    def order(self, *lines: dict[str, Any], total: str, **changes: Any) -> Document:
        key = unique()
        email = f"{key}@example.com"
        return {
            "key": key,
            "status": "confirmed",
            "amount_total": Decimal(total),
            "currency": self.target.currency,
            "order": {
                "origin": f"WEB-{key}",
                "client_order_ref": f"PO {key}",
                "date_order": "2026-01-02 03:04:05",
                "note": "Ring <b>twice</b> &amp; wait",
            },
            "carrier": None,
            "payment_term": None,
            "partner": {
                "key": f"c-{key}",
                "email": email.title(),
                "fields": {"name": f"Jane {key}", "email": email, "is_company": False, "phone": None},
                "country": "US",
                "state": "CA",
            },
            "contact": None,
            "invoice_address": None,
            "delivery_address": None,
            "lines": list(lines),
            **changes,
        }

    def line(self, key: str, quantity: str, price: str, discount: str = "0", **changes: Any) -> dict[str, Any]:
        figures = {"product_uom_qty": quantity, "price_unit": price, "discount": discount}
        return {
            "key": key,
            "sku": self.target.sku_a,
            "service": None,
            "fields": {"name": f"Line {key}", **{name: Decimal(figure) for name, figure in figures.items()}},
            "taxes": [],
            **changes,
        }

    def two_lines(self, **changes: Any) -> Document:
        """An order of 68.49 for two products."""
        second = self.line("2", "2", "20", sku=self.target.sku_b)
        return self.order(self.line("1", "3", "10.55", "10"), second, total="68.49", **changes)


def held(send: Callable[[], Any]) -> Hold:
    """The `Hold` that it comes to, which says what an operator can do."""
    with pytest.raises(Hold) as raised:
        send()
    assert raised.value.hint
    return raised.value


WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def polish_vat() -> str:
    """A VAT number that nobody else in the tests has: the tenth digit is the weighted sum of the others modulo 11."""
    while True:
        digits = f"{uuid.uuid4().int % 9 + 1}{uuid.uuid4().int % 10**8:08d}"
        check = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True)) % 11
        if check < 10:
            return f"PL{digits}{check}"
