"""The contacts of an order that is new, as its own read shows them: whether they may still be used.

What a crossref remembers may be merged, archived or given to another company since.  A contact that is gone is refused
with the order; the others are looked at here, after ``load()`` and before anything is confirmed (Odoo 17 and later).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integration.connectors.contract import Document
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import CORRECT, StaleReference

PLACES = {"partner": "partner_id", "invoice": "partner_invoice_id", "delivery": "partner_shipping_id"}
FIELDS = ("name", "active", "vat", "parent_id", "company_id")
NAMED = ("currency_id", "company_id")

Row = dict[str, Any]


def read(client: Client, id: int, columns: Sequence[str]) -> Row | None:
    """These columns of the order, references as id and name, and its contacts (`PLACES`) with `FIELDS`, by one call.

    None when there is no such order.
    """
    of_contact: Row = {"fields": {field: {} for field in FIELDS}}
    specification: Row = {column: {} for column in columns}
    specification |= dict.fromkeys(NAMED, {"fields": {"display_name": {}}}) | dict.fromkeys(PLACES.values(), of_contact)
    rows = client.call("sale.order", "web_read", [id], specification=specification)
    if not rows:
        return None
    return {**rows[0], **{column: [rows[0][column]["id"], rows[0][column]["display_name"]] for column in NAMED}}


def are_usable(order: Row, document: Document, company: int) -> bool:
    """Whether the order is for the contacts of the document, each of them in use, and of our company or of none."""
    ids = document["ids"]
    return all(
        contact
        and contact["id"] == ids[place]
        and contact["active"]
        and contact["company_id"] in (False, company)
        and ids["customer"] in (contact["id"], contact["parent_id"])
        for place, contact in ((place, order[column]) for place, column in PLACES.items())
    )


def changed(reason: str) -> StaleReference:
    """Has everything looked up anew: what is wrong with a contact is found out then."""
    return StaleReference(reason, hint=CORRECT, code="contact_changed")
