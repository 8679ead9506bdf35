"""One Fusion pod, as the connector's verbs and streams call it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from integration.connectors.contract import Document, Gate
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.customer.account_service import AccountService
from integration.connectors.fusion.customer.changes import AccountChanges
from integration.connectors.fusion.customer.contacts import Contacts
from integration.connectors.fusion.customer.creation import Creation
from integration.connectors.fusion.customer.directory import Directory
from integration.connectors.fusion.customer.parties import ORGANIZATIONS, PERSONS, Parties
from integration.connectors.fusion.errors import RIGHTS, AccessRefused
from integration.connectors.fusion.invoice.changes import Invoices
from integration.connectors.fusion.order.items import Items
from integration.connectors.fusion.order.payload import Payload
from integration.connectors.fusion.order.sales_orders import SalesOrders
from integration.connectors.fusion.product.catalogue import Catalogue
from integration.connectors.fusion.product.changes import ItemChanges
from integration.errors import Misconfigured
from integration.settings import System

SETS = "Set it to the SetId of a set in Fusion (Setup and Maintenance, Manage Reference Data Sets), or unset it."


class Site:
    """The client and the caches that all calls of one process share.  Threads may share it.

    ``resource`` is what the pod calls sales orders; ``parties`` are those of companies (True) and of people.
    """

    def __init__(self, system: System, gate: Gate) -> None:
        """Raises `Misconfigured` when a setting is missing or wrong."""
        options, carries = system.options, system.carries_rounding
        self.system = system
        self.client = Client(system, gate)
        self.resource = options.get("sales_orders_resource") or "salesOrdersForOrderHub"
        self._source_system = options.get("source_system") or "CLARITY"
        self._business_unit = system.option("business_unit")
        self.items = Items(self.client, options.get("organization", ""), options.get("fallback_sku", ""))
        self.catalogue = Catalogue(self.client, options.get("create_items", ""), options.get("organization", ""))
        self.sales_orders = SalesOrders(self.client, self.resource, self._source_system)
        self.directory = Directory(self.client)
        self.parties = {True: Parties(self.client, ORGANIZATIONS), False: Parties(self.client, PERSONS)}
        self.contacts = Contacts(self.client, self.parties[False])
        address_set = options.get("create_accounts", "")
        if address_set and not address_set.isdigit():
            raise Misconfigured("FUSION_CREATE_ACCOUNTS is not the id of an address set, which is a number", hint=SETS)
        service = AccountService(self.client, self._source_system, address_set)
        self.creation = Creation(self.parties, service, self.directory, self._source_system, address_set)
        self.accounts = AccountChanges(self.client)
        self.item_changes = ItemChanges(self.client, self.catalogue)
        self.invoices = Invoices(self.client, self.sales_orders, self._business_unit, carries_rounding=carries)

    def whoami(self) -> str:
        """The client's id, after it has read an order; `Misconfigured` when it may not even do that."""
        try:
            self.client.page(self.client.path(self.resource), limit=1, onlyData="true", fields="OrderKey")
        except AccessRefused as refused:
            raise Misconfigured(f"{refused.reason}: the integration user lacks rights", hint=f"{RIGHTS}.") from refused
        return self.client.id

    def payload(self, document: Document, accepts: Callable[[Decimal], bool] = lambda _: False) -> Payload:
        """The order document as Fusion reads it, see `Payload`."""
        return Payload(document, self._source_system, self._business_unit, accepts)
