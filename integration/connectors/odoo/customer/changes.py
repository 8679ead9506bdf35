"""Contacts whose payment term, reference, credit or VAT number may have changed in Odoo (``res.partner``).

Odoo moves ``write_date`` with every field of a contact, its company-dependent ones included (Odoo 19).  Which contact
is a customer of Clarity, the crossref says: a contact that was there before us bears no external id of ours.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Ask, Change, Page
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.site import Site

EVENT = "customer.changed"
ON_THEIR_OWN: list[Any] = [["type", "=", "contact"]]
FIELDS = ("ref", "vat")
BY_RIGHTS = ("property_payment_term_id", "trust", "credit_limit")
"""Fields that come with the app for invoices; a credit limit is shown to accounting users only (Odoo 19)."""


def customers(site: Site, ask: Ask) -> Page:
    """The contacts that changed, each as a ``customer.changed``."""
    known = site.catalog.fields("res.partner")
    fields = [*FIELDS, *(field for field in BY_RIGHTS if field in known)]
    batch = changed(site.client, "res.partner", ON_THEIR_OWN, fields, ask.since, ask.page)
    return Page(tuple(_change(row) for row in batch.rows), batch.seen, batch.next)


def _change(row: Row) -> Change:
    document = {
        "ref": text(row["ref"]),
        "vat": text(row["vat"]),
        "payment_term": text(row.get("property_payment_term_id")),
        "trust": text(row.get("trust")),
        "credit_limit": _limit(row.get("credit_limit")),
    }
    return Change(EVENT, str(row["id"]), moment(row["write_date"]), None, None, document)


def _limit(value: Any) -> Decimal | None:
    """A credit limit; 0 is none ("a value greater than 0.0 activates a credit limit check", Odoo 19)."""
    return exact(value) if value else None
