"""Contacts whose payment term, reference, credit or VAT number may have changed in Odoo (``res.partner``).

Odoo moves ``write_date`` with every field of a contact, its company-dependent ones included (Odoo 19).  Which contact
is a customer of Clarity, the crossref says: a contact that was there before us bears no external id of ours.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Change, Document, Page
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text

EVENT = "customer.changed"
ON_THEIR_OWN: list[Any] = [["type", "=", "contact"]]
FIELDS = ("ref", "vat")
BY_RIGHTS = ("property_payment_term_id", "trust", "credit_limit")
"""Fields that come with the app for invoices; a credit limit is shown to accounting users only (Odoo 19)."""


class Customers:
    """The stream of ``customer.changed``: one for each contact."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def page(self, since: datetime, page: Document | None) -> Page:
        known = self._catalog.fields("res.partner")
        fields = [*FIELDS, *(field for field in BY_RIGHTS if field in known)]
        batch = changed(self._client, "res.partner", ON_THEIR_OWN, fields, since, page)
        return Page(tuple(_change(row) for row in batch.rows), batch.seen, batch.next)


def _change(row: Row) -> Change:
    number = text(row["ref"])
    document = {
        "ref": number,
        "vat": text(row["vat"]),
        "payment_term": text(row.get("property_payment_term_id")),
        "trust": text(row.get("trust")),
        "credit_limit": _limit(row.get("credit_limit")),
    }
    return Change(EVENT, str(row["id"]), moment(row["write_date"]), number, "", None, document)


def _limit(value: Any) -> Decimal | None:
    """A credit limit; 0 is none ("a value greater than 0.0 activates a credit limit check", Odoo 19)."""
    return exact(value) if value else None
