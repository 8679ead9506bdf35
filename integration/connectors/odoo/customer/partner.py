"""The customer of an order: found once, then remembered; created by ``load()`` when Odoo does not know it.

What is remembered is read again before each order: contacts are merged, archived and deleted in Odoo.  An address is a
child of the customer whose external id is made from its content, so an equal address is used again and a changed one
becomes another child; earlier orders keep the old one.
"""

from __future__ import annotations

from typing import Any

from integration.canonical import digest
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.completion import Completion
from integration.connectors.odoo.customer.identity import Identity, Matches, another_vat
from integration.connectors.odoo.customer.remembered import Remembered
from integration.connectors.odoo.external import load_all, xmlid
from integration.errors import Retry

CHILDREN = {"contact": "contact", "invoice": "invoice_address", "delivery": "delivery_address"}
"""Odoo's type of a child, and where the document has it."""

Row = dict[str, Any]


class Partners:
    """Finds and creates the ``res.partner`` records of one order."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, guest_key: str) -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._guest_key = guest_key
        company = catalog.company()["id"]
        self._matches = Matches(client, work, company)
        self._remembered = Remembered(client, work, self._matches, company)

    def resolve(self, document: Document) -> dict[str, int]:
        """Ids of ``customer``, ``partner`` (the customer, or the person who orders for it), ``invoice``, ``delivery``.

        What is missing takes one call.  Raises `Hold` with the candidates when several contacts could be the customer
        or when the one that was is archived or gone, for a VAT number that Odoo refuses, and for a country that Odoo
        does not know.
        """
        partner = document["partner"]
        identity = Identity.of(document, self._guest_key)
        customer = self._customer(identity, document)
        if customer and identity.entity == "guest" and another_vat(partner["fields"].get("vat"), customer["vat"]):
            identity = Identity.of(document, self._guest_key, with_vat=True)
            customer = self._customer(identity, document)
        if customer:
            Completion(self._client, self._work).ensure(customer, document)
        return self._with_addresses(identity, customer, document)

    def _customer(self, identity: Identity, document: Document) -> Row | None:
        """The customer's contact; None reserves the right to create it."""
        partner = document["partner"]
        if theirs := self._work.known(identity.entity, identity.key):
            addresses = self._addresses(identity, document)
            row = self._remembered.customer(identity, theirs, partner, addresses)
            return row or self._replace(identity, theirs, partner)
        if row := self._matches.find(identity, partner):
            self._work.remember(identity.entity, identity.key, str(row["id"]))
            return row
        self._work.reserve(identity.entity, identity.key)
        return None

    def _replace(self, identity: Identity, before: str, partner: Row) -> Row:
        """A new contact for a customer whose own cannot be used, under another external id: that one has the first."""
        name = xmlid(identity.entity, identity.key, "after", before)
        row = {"id": name, "type": "contact", **self._columns(partner)}
        made = load_all(self._client, self._work, f"partner.load:after-{before}", "res.partner", [row])
        id = self._remember(identity.entity, identity.key, name, made)
        return {"id": id, "name": row.get("name"), "vat": row.get("vat"), "parent_id": False}

    def _with_addresses(self, identity: Identity, customer: Row | None, document: Document) -> dict[str, int]:
        contents = self._addresses(identity, document)
        name = xmlid(identity.entity, identity.key)
        rows: list[Row] = []
        if customer:
            contents = self._remembered.names(contents, customer["id"])
            effect, parent = "addresses.load", {"parent_id/.id": customer["id"]}
        else:
            rows.append({"id": name, "type": "contact", **self._columns(document["partner"])})
            effect, parent = "partner.load", {"parent_id/id": name}
        known = self._remembered.addresses(set(contents.values()))
        for type, content in contents.items():
            if content not in known:
                columns = {"type": type, **parent, **self._columns(document[CHILDREN[type]])}
                rows.append({"id": xmlid("address", content), **columns})
        made = load_all(self._client, self._work, effect, "res.partner", rows) if rows else {}
        id = int(customer["id"]) if customer else self._remember(identity.entity, identity.key, name, made)
        ids = {
            type: known.get(content) or self._remember("address", content, xmlid("address", content), made)
            for type, content in contents.items()
        }
        return {
            "customer": id,
            "partner": ids.get("contact", id),
            "invoice": ids.get("invoice", id),
            "delivery": ids.get("delivery", id),
        }

    def _addresses(self, identity: Identity, document: Document) -> dict[str, str]:
        """The key of the content of each address of the order, by Odoo's type of it."""
        given = {type: document[place] for type, place in CHILDREN.items() if document[place] is not None}
        return {type: digest([type, identity.entity, identity.key, child])[:32] for type, child in given.items()}

    def _remember(self, entity: str, key: str, name: str, made: dict[str, int]) -> int:
        """Writes the crossref of a record that ``load()`` made; `Retry` when a repeated request was about others."""
        if name not in made:
            raise Retry("the repeated request made other records than this order needs now", code="other_records")
        self._work.remember(entity, key, str(made[name]))
        return made[name]

    def _columns(self, partner: Row) -> dict[str, Any]:
        """Fields, country and state by id.  A region that Odoo does not list stays readable behind ``street2``."""
        columns = {field: value for field, value in partner["fields"].items() if value is not None}
        country, region = partner.get("country"), partner.get("state")
        state = None
        if country:
            columns["country_id/.id"] = self._catalog.country(country)
            state = self._catalog.state(columns["country_id/.id"], region) if region else None
        if state is not None:
            columns["state_id/.id"] = state
        elif region:
            columns["street2"] = ", ".join(filter(None, (columns.get("street2"), region)))
        return columns
