"""Odoo: takes orders, and is asked for shipments and invoices, over JSON-2 (19 and later) or JSON-RPC (14 to 18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from integration.connectors.answers import reading
from integration.connectors.contract import Document, Finding, Gate, OpenKeys, Page, Posted, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.partner import Partners
from integration.connectors.odoo.errors import RIGHTS, AccessRefused, StaleReference
from integration.connectors.odoo.examination import Examination
from integration.connectors.odoo.invoice.changes import Invoices
from integration.connectors.odoo.order.changes import Reversals
from integration.connectors.odoo.order.post import OrderPost
from integration.connectors.odoo.order.services import Services
from integration.connectors.odoo.order.shown import shown_order
from integration.connectors.odoo.shipment.changes import Pickings
from integration.errors import Hold, Misconfigured
from integration.settings import System

T = TypeVar("T")


class Odoo:
    """One Odoo database, as one process calls it.  Threads may share it."""

    kind = "odoo"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 30.0, 3: 120.0, 5: 600.0, 8: None}
    streams = ("pickings", "invoices", "cancellations", "returns")

    def __init__(self, system: System, gate: Gate) -> None:
        self._system = system
        self._client = Client(system, gate)
        self._catalog = Catalog(self._client, system)

    def whoami(self) -> str:
        """Our login in Odoo, once it has read an order there; `Misconfigured` when it may not even do that."""
        try:
            uid = self._client.call("res.users", "context_get")["uid"]
            user = self._client.call("res.users", "read", [uid], fields=["login"])[0]
            self._client.call("sale.order", "search_read", domain=[], fields=["name"], limit=1)
        except AccessRefused as refused:
            raise Misconfigured(f"{refused.reason}: the integration user lacks rights", hint=f"{RIGHTS}.") from refused
        return str(user["login"])

    def examine(self) -> Iterator[Finding]:
        """Who we are, by which protocol, and what `Examination` finds."""
        login = self.whoami()
        yield Finding("credentials", "ok", f"Odoo knows us as {login} over {self._client.dialect.name}")
        yield from Examination(self._client, self._catalog, self._system).findings()

    def enrich(self, entity: str, document: Document, work: Work) -> Document:
        """The document with ``ids``: what Odoo calls the customer, its addresses, the products, taxes and so on.

        Creates the customer, its addresses and the products of service lines where Odoo lacks them.  Raises `Hold`
        for whatever it neither knows nor may guess.
        """
        assert entity == "order", entity
        return self._twice(lambda anew: {**document, "ids": self._ids(document, work, verify=anew)})

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Makes Odoo show the order, see `OrderPost.ensure`."""
        assert entity == "order", entity
        carries = self._system.carries_rounding

        def ensure(anew: bool) -> Posted:
            found = {**document, "ids": self._ids(document, work, verify=True)} if anew else document
            return OrderPost(self._client, self._catalog, found, work, carries_rounding=carries).ensure()

        return self._twice(ensure)

    def shown(self, entity: str, document: Document, work: Work) -> Document | None:
        """How the order stands in Odoo, see `shown_order`."""
        assert entity == "order", entity
        return self._with_rights(lambda: shown_order(self._client, document, work))

    def changes(
        self,
        stream: str,
        since: datetime,
        page: Document | None,
        open_keys: OpenKeys,  # noqa: ARG002 - every change moves a time here
    ) -> Page:
        """One page of what left or was billed; `Misconfigured` when the user may not read that."""
        assert stream in self.streams, stream
        try:
            with reading(f"the {stream} of Odoo"):
                return self._read(stream, since, page)
        except AccessRefused as refused:
            self.whoami()
            raise Misconfigured(
                f"{refused.reason}: the {stream} cannot be read",
                hint=f"{RIGHTS}; for invoices also Accounting / Invoicing (Billing, until 18).",
            ) from refused

    def _read(self, stream: str, since: datetime, page: Document | None) -> Page:
        match stream:
            case "pickings":
                return Pickings(self._client, self._catalog).page(since, page)
            case "invoices":
                carries = self._system.carries_rounding
                return Invoices(self._client, self._catalog, carries_rounding=carries).page(since, page)
            case "cancellations":
                return Reversals(self._client, self._catalog).cancelled(since, page)
            case _:
                return Reversals(self._client, self._catalog).returned(since, page)

    def _ids(self, document: Document, work: Work, *, verify: bool = False) -> dict[str, Any]:
        if document["status"] == "cancelled":
            return {}  # nobody is created for an order that is not to be
        catalog = self._catalog
        carrier, term = document["carrier"], document["payment_term"]
        return {
            "lines": self._line_ids(document, Services(self._client, catalog, work, verify=verify)),
            "pricelist": catalog.pricelist(document["currency"]),
            "carrier": catalog.carrier(carrier) if carrier else None,
            "payment_term": catalog.payment_term(term) if term else None,
            **Partners(self._client, catalog, work, self._system.options.get("guest_key", "")).resolve(document),
        }

    def _line_ids(self, document: Document, services: Services) -> list[dict[str, Any]]:
        """For each line the ids of its product, taxes and unit (None where no line names a unit)."""
        catalog = self._catalog
        lines = document["lines"]
        skus = [line["service"] or line["sku"] or self._stand_in(line) for line in lines]
        products = catalog.products(sku for line, sku in zip(lines, skus, strict=True) if not line["service"])
        own_units = any(line.get("uom") for line in lines)
        found = []
        for line, sku in zip(lines, skus, strict=True):
            product = services.product(line["service"]) if line["service"] else products[sku]
            uom = None
            if own_units:
                uom = catalog.uom_of(line["uom"], product) if line.get("uom") else catalog.own_uom(product)
            taxes = [catalog.tax(tax["rate"], tax["included"]) for tax in line["taxes"]]
            found.append({"product": product, "taxes": taxes, "uom": uom})
        return found

    def _stand_in(self, line: Document) -> str:
        """The SKU of the product for lines that have none, as custom lines do."""
        if fallback := self._system.options.get("fallback_sku"):
            return fallback
        raise Hold(
            f"line {line['key']} has no SKU, and Odoo takes no line without a product",
            hint="Give the line's product a SKU in Clarity; or set ODOO_FALLBACK_SKU to the Internal Reference of a "
            "product in Odoo that stands in for such lines and restart the fleet. {again}",
            code="no_sku",
        )

    def _twice(self, body: Callable[[bool], T]) -> T:
        """Runs the body once more, with everything looked up anew, where a record is gone since it was looked up."""
        try:
            return self._with_rights(lambda: body(False))
        except StaleReference:
            self._catalog.forget()
            return self._with_rights(lambda: body(True))

    def _with_rights(self, body: Callable[[], T]) -> T:
        """A refusal holds this one document, unless the user may do nothing at all: then `whoami` raises."""
        try:
            return body()
        except AccessRefused:
            self.whoami()
            raise
