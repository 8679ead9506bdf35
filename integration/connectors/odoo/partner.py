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
from integration.connectors.odoo.external import load_all, xmlid
from integration.errors import Hold, Retry

MOST_CANDIDATES = 10
CHILDREN = {"contact": "contact", "invoice": "invoice_address", "delivery": "delivery_address"}
"""Odoo's type of a child, and where the document has it."""


class Partners:
    """Finds and creates the ``res.partner`` records of one order."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, guest_key: str) -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._guest_key = guest_key

    def resolve(self, document: Document) -> dict[str, int]:
        """Ids of ``partner`` (whom the order is for), ``invoice`` and ``delivery``.  What is missing takes one call.

        Raises `Hold` with the candidates when several active partners have the customer's e-mail address, and for a
        country that Odoo does not know.
        """
        entity, key = self._identity(document)
        customer = self._customer(entity, key, document["partner"])
        children = {type: document[place] for type, place in CHILDREN.items() if document[place] is not None}
        contents = {type: digest([type, entity, key, child])[:32] for type, child in children.items()}
        known = self._work.known_among("address", set(contents.values())) if contents else {}
        rows = [] if customer is not None else [self._new_customer(entity, key, document["partner"])]
        parent = {"parent_id/.id": customer} if customer is not None else {"parent_id/id": xmlid(entity, key)}
        for type in [type for type in children if contents[type] not in known]:
            rows.append(
                {"id": xmlid("address", contents[type]), "type": type, **parent, **self._columns(children[type])}
            )
        effect = "partner.load" if customer is None else "addresses.load"
        made = load_all(self._client, self._work, effect, "res.partner", rows) if rows else {}
        if customer is None:
            customer = self._remember(entity, key, made)
        ids = {
            type: int(known.get(content) or self._remember("address", content, made))
            for type, content in contents.items()
        }
        return {
            "partner": ids.get("contact", customer),
            "invoice": ids.get("invoice", customer),
            "delivery": ids.get("delivery", customer),
        }

    def _identity(self, document: Document) -> tuple[str, str]:
        partner = document["partner"]
        if partner["key"] is not None:
            return "customer", partner["key"]
        if partner["email"]:
            return "guest", guest_id(partner["email"], self._guest_key)
        return "guest", f"order-{document['key']}"  # nothing to know him by: each such order has its own

    def _customer(self, entity: str, key: str, partner: dict[str, Any]) -> int | None:
        """The customer's id, if a crossref or his e-mail address tells it; None reserves the right to create him."""
        if theirs := self._work.known(entity, key):
            return int(theirs)
        id = self._by_email(entity, key, partner)
        if id is None:
            self._work.reserve(entity, key)
            return None
        self._work.found("partner.load", f"partner {id} has the e-mail address")
        self._work.remember(entity, key, str(id))
        return id

    def _new_customer(self, entity: str, key: str, partner: dict[str, Any]) -> dict[str, Any]:
        return {"id": xmlid(entity, key), "type": "contact", **self._columns(partner)}

    def _remember(self, entity: str, key: str, made: dict[str, int]) -> int:
        """Writes the crossref of a record that ``load()`` made; `Retry` when a repeated request was about others."""
        name = xmlid(entity, key)
        if name not in made:
            raise Retry("the repeated request made other records than this order needs now", code="other_records")
        self._work.remember(entity, key, str(made[name]))
        return made[name]

    def _by_email(self, entity: str, key: str, partner: dict[str, Any]) -> int | None:
        """The one active partner that has the address; None when none has.

        Among several, the only one that is a customer by himself and of the right kind (company or person) is it.
        """
        if not partner["email"]:
            return None
        rows = self._client.call(
            "res.partner",
            "search_read",
            domain=[["email_normalized", "=", normalized(partner["email"])], ["type", "=", "contact"]],
            fields=["name", "parent_id", "is_company"],
            limit=MOST_CANDIDATES,
            order="id",
        )
        company = bool(partner["fields"].get("is_company"))
        fitting = [row for row in rows if not row["parent_id"] and row["is_company"] is company]
        if len(fitting) == 1:
            rows = fitting
        if len(rows) > 1:
            raise Hold(
                "several customers in Odoo have this e-mail address",
                hint="In Odoo merge these contacts (Contacts, Actions, Merge) or archive all but one, then send the "
                "order again.",
                code="ambiguous_customer",
                candidates=tuple(
                    {"id": str(row["id"]), "label": _masked(row), "entity": entity, "key": key} for row in rows
                ),
            )
        return int(rows[0]["id"]) if rows else None

    def _columns(self, partner: dict[str, Any]) -> dict[str, Any]:
        """Fields, country and state by id.

        A region that Odoo does not list, or that comes without its country, stays readable behind ``street2``.
        """
        columns = {field: value for field, value in partner["fields"].items() if value is not None}
        country, region = partner.get("country"), partner.get("state")
        if country:
            columns["country_id/.id"] = self._catalog.country(country)
        if region:
            state = self._catalog.state(columns["country_id/.id"], region) if country else None
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
