"""A confirmed order that belongs to another customer in Clarity now.

Odoo 19 lets the customer of a confirmed order be changed at any time, delivered and invoiced or not, and leaves the
invoices with the old one.  So an order follows as long as nothing of it is delivered or invoiced.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.identity import label
from integration.connectors.odoo.order.lines import lines_of
from integration.errors import Hold

KEEP = "keep_customer"
"""What a person may decide about an order that cannot follow."""

Row = dict[str, Any]


def reassigned(client: Client, work: Work, order: Row, document: Document, changes: Row) -> Row:
    """The ``changes`` of an order, with the customer if that is another one; of one that stays, none of its addresses.

    Another person or address of the same customer is no other customer.  Raises `Hold` with the choice when the order
    is delivered or invoiced.
    """
    ids, theirs = document["ids"], order["partner_id"][0]
    if theirs in (ids["partner"], ids.get("customer")):  # which a document that release 0.1.0 has completed lacks
        return changes
    fields = ["name", "commercial_partner_id"]
    rows = {row["id"]: row for row in client.call("res.partner", "read", [theirs, ids["partner"]], fields=fields)}
    was, now = rows[theirs]["commercial_partner_id"][0], rows[ids["partner"]]["commercial_partner_id"][0]
    if was == now:
        return changes
    if not _begun(client, order):
        addresses = {"partner_invoice_id": ids["invoice"], "partner_shipping_id": ids["delivery"]}
        return {**changes, "partner_id": ids["partner"], **addresses}
    if work.approved(KEEP, ids["partner"], theirs):
        return {field: value for field, value in changes.items() if not field.startswith("partner_")}
    raise Hold(
        f"{order['name']} belongs to another customer in Clarity now, {label(rows[ids['partner']])}, and it is "
        f"delivered or invoiced to {label(rows[theirs])} in Odoo",
        hint="Choose here that the order stays with its customer in Odoo; or take the goods back and credit the "
        "invoice in Odoo by hand. {again}",
        code="customer_changed",
        candidates=({"id": "keep", "label": f"the order stays with {label(rows[theirs])}", "approves": KEEP},),
        compared=(ids["partner"], theirs),
    )


def _begun(client: Client, order: Row) -> bool:
    """Whether anything is delivered or invoiced; a draft of an invoice counts, a cancelled invoice does not."""
    if any(line["qty_delivered"] for line in lines_of(client, order, ["qty_delivered"])):
        return True
    invoices = client.call("sale.order", "read", [order["id"]], fields=["invoice_ids"])[0]["invoice_ids"]
    if not invoices:
        return False
    return any(row["state"] != "cancel" for row in client.call("account.move", "read", invoices, fields=["state"]))
