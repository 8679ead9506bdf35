"""The people who act for a company, below its contact in Odoo.

One is known by its id at Clarity, else by what an order stated of it, else by its e-mail address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from integration.canonical.email import email_address
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.identity import Identity
from integration.connectors.odoo.customer.partner import Child
from integration.connectors.odoo.order.difference import same

ENTITY = "contact"
FIELDS = ("name", "email", "phone", "function", "email_normalized", "parent_id")

Row = dict[str, Any]


class Contacts:
    """The contacts of one customer document."""

    def __init__(self, client: Client, work: Work, stated: Iterable[Document], identity: Identity) -> None:
        self._client = client
        self._work = work
        self._stated = {f"{identity.key}/{each['key']}": {"fields": each["fields"]} for each in stated}
        self._customer = identity.key
        self._found: set[str] = set()

    def ensure_same(self, customer: int) -> None:
        """Writes what Odoo has otherwise of those that it has; whoever left the customer in Odoo stays as it is.

        One contact there is one of ours.  One that has an account of its own in Clarity shows what that states.
        """
        if not self._stated:
            return
        known = self._work.known_among(ENTITY, list(self._stated))
        domain = [["parent_id", "=", customer], ["type", "=", "contact"]]
        rows = {row["id"]: row for row in self._search(domain)}
        found = {key: rows.pop(int(theirs)) for key, theirs in known.items() if int(theirs) in rows}
        by_email = {row["email_normalized"]: row for row in rows.values() if row["email_normalized"]}
        for key, stated in self._stated.items():
            email = stated["fields"].get("email")
            if key not in found and email and (row := by_email.pop(email_address(email), None)):
                found[key] = row
        ids = [str(row["id"]) for row in found.values()]
        customers = self._work.taken("customer", self._customer, ids) if ids else set()
        for key, row in found.items():
            self._found.add(key)
            self._work.remember(ENTITY, key, str(row["id"]))
            if str(row["id"]) not in customers:
                self._write(row, self._stated[key]["fields"])

    def missing(self) -> dict[str, Child]:
        """Those that have to be made, by a place for each."""
        return {
            f"contact.{key}": Child("contact", each) for key, each in self._stated.items() if key not in self._found
        }

    def remember(self, ids: dict[str, int]) -> None:
        """Keeps the ids of those that were made."""
        for place, id in ids.items():
            if place.startswith("contact."):
                self._work.remember(ENTITY, place.removeprefix("contact."), str(id))

    def _search(self, domain: list[Any]) -> list[Row]:
        rows: list[Row] = self._client.call(
            "res.partner", "search_read", domain=domain, fields=list(FIELDS), order="id"
        )
        return rows

    def _write(self, row: Row, fields: Row) -> None:
        stated = {name: value for name, value in fields.items() if value is not None}
        changes = {name: value for name, value in stated.items() if not same(value, row[name])}
        if changes:
            request = self._client.request("res.partner", "write", [row["id"]], vals=changes)
            self._work.perform(f"contact.update:{row['id']}", request, self._client.send)
