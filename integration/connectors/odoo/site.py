"""One Odoo database, as the connector's verbs and streams call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from integration.connectors.contract import Ask, Gate, Page
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import RIGHTS, AccessRefused, StaleReference
from integration.errors import Misconfigured
from integration.settings import System

T = TypeVar("T")


class Site:
    """The client and the catalog that all calls of one process share.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        self.system = system
        self.client = Client(system, gate)
        self.catalog = Catalog(self.client, system)

    def whoami(self) -> str:
        """Our login in Odoo, once it has read an order there; `Misconfigured` when it may not even do that."""
        try:
            uid = self.client.call("res.users", "context_get")["uid"]
            user = self.client.call("res.users", "read", [uid], fields=["login"])[0]
            self.client.call("sale.order", "search_read", domain=[], fields=["name"], limit=1)
        except AccessRefused as refused:
            raise Misconfigured(f"{refused.reason}: the integration user lacks rights", hint=f"{RIGHTS}.") from refused
        return str(user["login"])

    def retried(self, body: Callable[[bool], T]) -> T:
        """What ``body`` returns; called with True, to look everything up anew, where a cached record is gone."""
        try:
            return body(False)
        except StaleReference:
            self.catalog.forget()
            return body(True)


def permitted(what: str, read: Callable[[Site, Ask], Page]) -> Callable[[Site, Ask], Page]:
    """The read of a stream; `Misconfigured` when the integration user may not read it."""

    def permitted_read(site: Site, ask: Ask) -> Page:
        try:
            return read(site, ask)
        except AccessRefused as refused:
            site.whoami()
            raise Misconfigured(
                f"{refused.reason}: the {what} cannot be read",
                hint=f"{RIGHTS}; for invoices also Accounting / Invoicing (Billing, until 18).",
            ) from refused

    return permitted_read
