"""The customer of an order: found once, then remembered; created by ``load()`` when Odoo does not know him.

A customer with an account is known by his id at Clarity, a guest by a hash of his e-mail address.  An address is a
child of the customer whose external id is made from its content, so an equal address is used again and a changed one
becomes another child; what stands on earlier orders stays.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from integration.canonical import digest
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import load_one, xmlid
from integration.errors import Hold

MOST_CANDIDATES = 10


class Partners:
    """Finds and creates the ``res.partner`` records of one order."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, guest_key: str) -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._guest_key = guest_key

    def resolve(self, document: Document) -> dict[str, int]:
        """Ids of ``partner`` (whom the order is for), ``invoice`` and ``delivery``.

        Raises `Hold` with the candidates when several active partners have the customer's e-mail address, and for a
        country that Odoo does not know.
        """
        entity, key = self._identity(document)
        customer = self._customer(entity, key, document["partner"])
        return {
            "partner": self._child("contact", customer, document["contact"]) or customer,
            "invoice": self._child("invoice", customer, document["invoice_address"]) or customer,
            "delivery": self._child("delivery", customer, document["delivery_address"]) or customer,
        }

    def _identity(self, document: Document) -> tuple[str, str]:
        partner = document["partner"]
        if partner["key"] is not None:
            return "customer", partner["key"]
        if partner["email"]:
            return "guest", guest_id(partner["email"], self._guest_key)
        return "guest", f"order-{document['key']}"  # nothing to know him by: each such order has its own

    def _customer(self, entity: str, key: str, partner: dict[str, Any]) -> int:
        if theirs := self._work.known(entity, key):
            return int(theirs)
        id = self._by_email(entity, key, partner)
        if id is not None:
            self._work.found("partner.load", f"partner {id} has the e-mail address")
        else:
            self._work.reserve(entity, key)
            row = {"id": xmlid(entity, key), **self._columns(partner)}
            id = load_one(self._client, self._work, "partner.load", "res.partner", row)
        self._work.remember(entity, key, str(id))
        return id

    def _by_email(self, entity: str, key: str, partner: dict[str, Any]) -> int | None:
        """The one active partner, himself no child of another, that has the address; None when none has."""
        if not partner["email"]:
            return None
        domain = [
            ["email_normalized", "=", normalized(partner["email"])],
            ["parent_id", "=", False],
            ["is_company", "=", bool(partner["fields"].get("is_company"))],
        ]
        rows = self._client.call(
            "res.partner", "search_read", domain=domain, fields=["name"], limit=MOST_CANDIDATES, order="id"
        )
        if len(rows) > 1:
            raise Hold(
                "several customers in Odoo have this e-mail address",
                hint="Choose one of the candidates, or merge them in Odoo (Contacts, Action, Merge) and replay.",
                code="ambiguous_customer",
                candidates=tuple(
                    {"id": str(row["id"]), "label": _masked(row), "entity": entity, "key": key} for row in rows
                ),
            )
        return int(rows[0]["id"]) if rows else None

    def _child(self, type: str, parent: int, child: dict[str, Any] | None) -> int | None:
        if child is None:
            return None
        content = digest([type, parent, child])[:32]
        if theirs := self._work.known("address", content):
            return int(theirs)
        row = {"id": xmlid("address", content), "parent_id/.id": parent, "type": type, **self._columns(child)}
        id = load_one(self._client, self._work, f"{type}_address.load", "res.partner", row)
        self._work.remember("address", content, str(id))
        return id

    def _columns(self, partner: dict[str, Any]) -> dict[str, Any]:
        """Fields, country and state by id.  A region that Odoo does not list stays readable behind ``street2``."""
        columns = {field: value for field, value in partner["fields"].items() if value is not None}
        if country := partner.get("country"):
            columns["country_id/.id"] = self._catalog.country(country)
            if region := partner.get("state"):
                state = self._catalog.state(columns["country_id/.id"], region)
                if state is not None:
                    columns["state_id/.id"] = state
                else:
                    columns["street2"] = ", ".join(filter(None, (columns.get("street2"), region)))
        return columns


def guest_id(email: str, key: str) -> str:
    """What stands for a guest in his external id: 32 hex digits of HMAC-SHA256 of the normalised address."""
    return hmac.new(key.encode(), normalized(email).encode(), hashlib.sha256).hexdigest()[:32]


def normalized(email: str) -> str:
    """As Odoo's ``email_normalized``: without spaces around, in lower case."""
    return email.strip().lower()


def _masked(row: dict[str, Any]) -> str:
    """A label by which he who knows them can tell candidates apart: "J… D… (#36)"."""
    initials = " ".join(f"{word[0]}…" for word in str(row["name"] or "?").split())
    return f"{initials} (#{row['id']})"
