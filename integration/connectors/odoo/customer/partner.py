"""The contacts of a customer: found once, then remembered; created by ``load()`` when Odoo does not know them.

What is remembered is read again before each use: contacts are merged, archived and deleted in Odoo.  An address is a
child of the customer whose external id is made from its content, so an equal address is used again and a changed one
becomes another child; earlier orders keep the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from integration.canonical import digest
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.completion import Completion
from integration.connectors.odoo.customer.identity import NEW, Identity, Matches, another_vat, plain_vat
from integration.connectors.odoo.customer.remembered import UNARCHIVE, Remembered
from integration.connectors.odoo.external import load_all, xmlid
from integration.errors import Retry

OF_AN_ORDER = {"contact": "contact", "invoice": "invoice_address", "delivery": "delivery_address"}
"""Odoo's type of a child, and where an order's document has it."""

STATED = ("name", "email", "phone", "street", "street2", "city", "zip", "country_id/.id", "state_id/.id")
OF_A_CUSTOMER = ("is_company", "vat", "ref", "parent_id/id")
"""Columns of every new contact, empty where nothing is stated: with equal columns several orders share a call."""

UNREAD = "unread"
"""Among the ids of an order's contacts: they are remembered, and were not read again."""

Row = dict[str, Any]


class Child(NamedTuple):
    """A contact or address below a customer: Odoo's ``type`` of it, and the part of the document that states it."""

    type: str
    stated: Document


class Partners:
    """Finds and creates the ``res.partner`` records of one customer."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, guest_key: str = "") -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._guest_key = guest_key
        company = catalog.company()["id"]
        self._matches = Matches(client, work, company)
        self._remembered = Remembered(client, work, self._matches, company)

    def resolve(self, document: Document, *, unread: bool = False) -> dict[str, int]:
        """For an order: ids of ``customer``, ``partner`` (the customer, or the person who orders for it), ``invoice``
        and ``delivery``.

        With ``unread`` contacts that are all known need not be read here, and the ids say so: whoever uses them has to
        look, see `order.contacts`.  What is missing takes one call.

        Raises `Hold` with the candidates when several contacts could be the customer or when the one that was is
        archived or gone, for a VAT number that Odoo refuses, and for a country that Odoo does not know.
        """
        partner = document["partner"]
        children = {
            type: Child(type, document[place]) for type, place in OF_AN_ORDER.items() if document[place] is not None
        }
        identity = Identity.of(document, self._guest_key)
        theirs = self._work.known(identity.entity, identity.key)
        if unread and theirs and (known := self._unread(identity, theirs, partner, children)):
            return known
        customer = self._find(identity, theirs, partner, children)
        if customer and partner["key"] is None and another_vat(partner["fields"].get("vat"), customer["vat"]):
            identity = Identity.of(document, self._guest_key, with_vat=True)
            customer = self.find(identity, partner, children)
        if customer:
            Completion(self._client, self._work).ensure(customer, document)
        id, ids = self.ensure(identity, customer, partner, children)
        return {
            "customer": id,
            "partner": ids.get("contact", id),
            "invoice": ids.get("invoice", id),
            "delivery": ids.get("delivery", id),
        }

    def find(
        self, identity: Identity, partner: Row, children: Mapping[str, Child], *, look_alikes: bool = False
    ) -> Row | None:
        """The customer's contact; None reserves the right to create it.

        With ``look_alikes`` a `Hold` is raised, too, for contacts that are nobody's customer and have the e-mail
        address with another kind or VAT number.
        """
        theirs = self._work.known(identity.entity, identity.key)
        return self._find(identity, theirs, partner, children, look_alikes=look_alikes)

    def _unread(
        self, identity: Identity, theirs: str, partner: Row, children: Mapping[str, Child]
    ) -> dict[str, int] | None:
        """The ids as crossrefs have them; None where one is missing, or where the contact decides whose order it is."""
        by_vat = partner["key"] is None and plain_vat(partner["fields"].get("vat"))
        compared = (identity.entity, identity.key, theirs)
        if by_vat or "contact" in children or any(self._work.approved(each, *compared) for each in (NEW, UNARCHIVE)):
            return None
        contents = _contents(identity, children)
        known = self._work.known_among("address", set(contents.values())) if contents else {}
        if known.keys() != set(contents.values()):
            return None
        ids = {place: int(known[content]) for place, content in contents.items()}
        customer = int(theirs)
        return {"partner": customer, "invoice": customer, "delivery": customer, **ids, "customer": customer, UNREAD: 1}

    def _find(
        self,
        identity: Identity,
        theirs: str | None,
        partner: Row,
        children: Mapping[str, Child],
        *,
        look_alikes: bool = False,
    ) -> Row | None:
        """See `find`; ``theirs`` is the id that the crossref has."""
        if theirs:
            row = self._remembered.customer(identity, theirs, partner, _contents(identity, children))
            return row or self._replace(identity, theirs, partner)
        if row := self._matches.find(identity, partner):
            self._work.remember(identity.entity, identity.key, str(row["id"]))
            return row
        if look_alikes:
            self._matches.refuse_look_alikes(identity, partner)
        self._work.reserve(identity.entity, identity.key)
        return None

    def _replace(self, identity: Identity, before: str, partner: Row) -> Row:
        """A new contact for a customer whose own cannot be used, under another external id: that one has the first."""
        name = xmlid(identity.entity, identity.key, "after", before)
        row = self._new(name, partner)
        made = load_all(self._client, self._work, f"partner.load:after-{before}", "res.partner", [row])
        id = self._remember(identity.entity, identity.key, name, made)
        return {"id": id, "name": row.get("name"), "vat": row.get("vat"), "parent_id": False}

    def ensure(
        self, identity: Identity, customer: Row | None, partner: Row, children: Mapping[str, Child]
    ) -> tuple[int, dict[str, int]]:
        """The customer's id and those of its ``children``; whatever is missing is made by one ``load()``.

        ``partner`` states a customer that is missing.
        """
        contents = _contents(identity, children)
        name = xmlid(identity.entity, identity.key)
        rows: list[Row] = []
        if customer:
            contents = self._remembered.names(contents, customer["id"])
            effect, parent = "addresses.load", {"parent_id/.id": customer["id"]}
        else:
            rows.append(self._new(name, partner))
            effect, parent = "partner.load", {"parent_id/id": name}
        known = self._remembered.addresses(set(contents.values()))
        missing = {content: children[place] for place, content in contents.items() if content not in known}
        for content, child in missing.items():
            columns = dict.fromkeys(STATED) | self.columns(child.stated)
            rows.append({"id": xmlid("address", content), "type": child.type, **parent, **columns})
        made = load_all(self._client, self._work, effect, "res.partner", rows) if rows else {}
        id = int(customer["id"]) if customer else self._remember(identity.entity, identity.key, name, made)
        ids = {
            place: known.get(content) or self._remember("address", content, xmlid("address", content), made)
            for place, content in contents.items()
        }
        return id, ids

    def _new(self, name: str, partner: Row) -> Row:
        """The row of a new customer under that external id."""
        return {"id": name, "type": "contact", **dict.fromkeys((*STATED, *OF_A_CUSTOMER)), **self.columns(partner)}

    def columns(self, partner: Row) -> Row:
        """Fields, and country, state and payment term by id, as ``load()`` takes them.

        A region that Odoo does not list stays readable behind ``street2``.
        """
        columns = {field: value for field, value in partner["fields"].items() if value is not None}
        country, region = partner.get("country"), partner.get("state")
        state = None
        if term := partner.get("payment_term"):
            columns["property_payment_term_id/.id"] = self._catalog.payment_term(term)
        if country:
            columns["country_id/.id"] = self._catalog.country(country)
            state = self._catalog.state(columns["country_id/.id"], region) if region else None
        if state is not None:
            columns["state_id/.id"] = state
        elif region:
            columns["street2"] = ", ".join(filter(None, (columns.get("street2"), region)))
        return columns

    def _remember(self, entity: str, key: str, name: str, made: dict[str, int]) -> int:
        """Writes the crossref of a record that ``load()`` made; `Retry` when a repeated request was about others."""
        if name not in made:
            raise Retry("the repeated request made other records than this delivery needs now", code="other_records")
        self._work.remember(entity, key, str(made[name]))
        return made[name]


def _contents(identity: Identity, children: Mapping[str, Child]) -> dict[str, str]:
    """The key of the content of each child, by its place."""
    parts = [identity.entity, identity.key]
    return {place: digest([child.type, *parts, child.stated])[:32] for place, child in children.items()}
