"""The order that a payment is for, as Odoo has it: whose money it is, and which invoices it pays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.external import find, xmlid
from integration.errors import Hold, Needs, Retry

Row = dict[str, Any]


class PaidOrder(NamedTuple):
    """``customer`` is the contact whose account the invoices are in, ``currency`` its id and code."""

    customer: int
    currency: tuple[int, str]
    total: Decimal
    invoices: tuple[int, ...]


def paid_order(client: Client, work: Work, key: str) -> PaidOrder:
    """The order with that id of ours; raises `Needs` where it is not there yet, `Hold` where it is gone."""
    theirs = work.known("order", key) or find(client, xmlid("order", key))
    if not theirs:
        raise Needs("order", key)
    fields = ["partner_invoice_id", "currency_id", "amount_total", "invoice_ids"]
    orders = client.call("sale.order", "read", [int(theirs)], fields=fields)
    if not orders:
        raise Hold(
            "the order that was paid is not in Odoo any more",
            hint="Enter the payment in Odoo by hand, and `fleet held resolve` this.",
            code="record_missing",
        )
    billed = orders[0]["partner_invoice_id"][0]
    contacts = client.call("res.partner", "read", [billed], fields=["commercial_partner_id"])
    if not contacts:
        raise Retry("the contact to which the order is billed cannot be read")
    id, code = orders[0]["currency_id"]
    return PaidOrder(
        contacts[0]["commercial_partner_id"][0],
        (id, code),
        exact(orders[0]["amount_total"]),
        tuple(orders[0]["invoice_ids"]),
    )
