"""A customer of Clarity at Odoo: one contact, its addresses, and the contacts of a company.

What Clarity owns is written wherever Odoo has it otherwise.  What Odoo owns (payment term, reference) is written once,
when the contact is made.  What Clarity leaves empty stays as it is in Odoo.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.initial import with_initial
from integration.connectors.keeper import keeps
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.contacts import Contacts
from integration.connectors.odoo.customer.identity import Identity, plain_vat
from integration.connectors.odoo.customer.partner import Child, Partners
from integration.connectors.odoo.external import find, xmlid
from integration.connectors.odoo.order.difference import id_of, same
from integration.connectors.odoo.site import Site

OF_THE_EMPLOYER = {"vat", "is_company", "street", "street2", "city", "zip", "country_id", "state_id"}
"""What a contact that belongs to another shares with it: changed here, it would change there (Odoo 19)."""
AS_AN_ORDER = ("fields", "country", "state")
"""How an order states an address: one that is equal is the same address in Odoo."""

Row = dict[str, Any]


class CustomerPost:
    """One post of one customer document."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._document = document
        self._work = work
        self._partners = Partners(client, catalog, work)

    def ensure(self) -> Posted:
        """Makes Odoo show the document.

        Raises `Hold` with the candidates where it is not certain which contact is the customer, for one that is
        archived or gone, for a VAT number that Odoo refuses, and for a country or payment term that it does not know.
        """
        self._take_over()
        partner, identity = self._document["partner"], Identity("customer", self._document["key"])
        first = with_initial(self._document)["partner"]
        addresses = {
            f"address.{index}": Child(each["type"], {name: each[name] for name in AS_AN_ORDER})
            for index, each in enumerate(self._document.get("addresses", ()))
        }
        customer = self._partners.find(identity, first, addresses, look_alikes=True)
        people = Contacts(self._client, self._work, self._document.get("contacts", ()), identity)
        if customer:
            if self._keeps(customer["id"]):
                self._ensure_same(customer, self._partners.columns(partner))
            people.ensure_same(customer["id"])
        children = addresses | people.missing()
        id, ids = self._partners.ensure(identity, customer, first, children)
        people.remember(ids)
        if not customer:
            self._keeps(id)
        self._follow_merge(str(id))
        return Posted(str(id), None)

    def _keeps(self, customer: int) -> bool:
        return keeps(self._work, self._document["key"], self._document.get("merged", ()), str(customer))

    def _ensure_same(self, customer: Row, columns: Row) -> None:
        """Writes what Odoo has otherwise than the document states."""
        values = {name.removesuffix("/.id"): value for name, value in columns.items()}
        if customer["parent_id"]:
            values = {name: value for name, value in values.items() if name not in OF_THE_EMPLOYER}
        (theirs,) = self._client.call("res.partner", "read", [customer["id"]], fields=sorted(values))
        changes = {name: value for name, value in values.items() if not _same(name, value, theirs[name])}
        if changes:
            request = self._client.request("res.partner", "write", [customer["id"]], vals=changes)
            self._work.perform("partner.update", request, self._client.send)

    def _take_over(self) -> None:
        """Where only a customer that was merged into this one is known, its contact is this one's now."""
        key, merged = self._document["key"], self._document.get("merged", ())
        if merged and not self._work.known("customer", key):
            known = self._work.known_among("customer", merged)
            if theirs := next((known[id] for id in merged if id in known), None):
                self._work.remember("customer", key, theirs)

    def _follow_merge(self, theirs: str) -> None:
        """Orders of a customer that was merged into this one are this one's; their own contacts stay in Odoo."""
        known = self._work.known_among("customer", self._document.get("merged", ()))
        for id, was in known.items():
            if was != theirs:
                self._work.relink("customer", id, was, theirs)


def post_customer(site: Site, document: Document, work: Work) -> Posted:
    """See `CustomerPost.ensure`."""
    return site.retried(lambda _: CustomerPost(site.client, site.catalog, document, work).ensure())


def shown_customer(site: Site, document: Document, work: Work) -> Document | None:
    """The plain fields of the contact as Odoo has them, where they mean the same as ours, ours; None without one."""
    client = site.client
    id = work.known("customer", document["key"]) or find(client, xmlid("customer", document["key"]))
    fields = {name: value for name, value in document["partner"]["fields"].items() if value is not None}
    rows = client.call("res.partner", "read", [int(id)], fields=sorted(fields)) if id else []
    if not rows:
        return None
    shown = {name: value if _same(name, value, rows[0][name]) else rows[0][name] for name, value in fields.items()}
    return {"partner": {"fields": shown}}


def _same(name: str, ours: Any, theirs: Any) -> bool:
    """Whether Odoo has our value; it writes a VAT number in its own way."""
    if name == "vat":
        return plain_vat(ours) == plain_vat(theirs)
    return same(ours, id_of(theirs))
