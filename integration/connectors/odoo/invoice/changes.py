"""What Odoo bills: customer invoices (``account.move``) with lines of orders of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.canonical.money import round_money
from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.external import our_orders
from integration.connectors.odoo.invoice.billed import ORDER, BilledAmounts
from integration.connectors.odoo.site import Site

BILLED: list[Any] = [
    ["move_type", "=", "out_invoice"],
    ["invoice_line_ids.sale_line_ids", "!=", False],
    *("|", ["state", "=", "posted"], "&", ["state", "=", "cancel"], ["posted_before", "=", True]),
]
AMOUNTS = ("currency_id", "amount_total", "amount_tax", "amount_residual")
FIELDS = ("name", "state", "payment_state", "invoice_date", "invoice_date_due", *AMOUNTS)
ALL_INVOICED = {"invoiced", "upselling"}
"""An order's ``invoice_status`` when nothing is left to be invoiced; with upselling more was delivered than ordered."""


@dataclass(frozen=True)
class Share:
    """What of an invoice is one order's: all, unless it covers several."""

    total: Decimal
    tax: Decimal
    residual: Decimal


@dataclass(frozen=True)
class Billing:
    """How far an order is billed: by its posted invoices together, and whether more are to come.

    ``rounding`` is by how much the invoices may differ from the order because each is rounded for itself.
    """

    sale: str
    invoiced: Decimal
    complete: bool
    rounding: Decimal


Shares = dict[int, dict[int | None, Share]]
"""By invoice and sale order."""


def invoices(site: Site, ask: Ask) -> Page:
    """The stream of ``invoice.changed``, see `Invoices`."""
    carries = site.system.carries_rounding
    return Invoices(site.client, site.catalog, carries_rounding=carries).page(ask.since, ask.page)


class Invoices:
    """The stream of ``invoice.changed``: one for each invoice, or one per order where an invoice covers several.

    A payment changes ``write_date``, for residual and payment state are stored with the invoice.
    """

    def __init__(self, client: Client, catalog: Catalog, *, carries_rounding: bool) -> None:
        self._client = client
        self._billed_amounts = BilledAmounts(client, catalog) if carries_rounding else None

    def page(self, since: datetime, page: Document | None) -> Page:
        """Invoices that are posted, or were and are cancelled, as they are now; drafts are left out."""
        batch = changed(self._client, "account.move", BILLED, FIELDS, since, page)
        return Page(tuple(self._changes(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def _changes(self, invoices: list[Row]) -> Iterator[Change]:
        shares = self._shares(invoices)
        ours = our_orders(self._client, {order for each in shares.values() for order in each if order})
        billing = self._billing(sorted(ours), shares) if ours else {}
        for invoice in invoices:
            id, at, number = invoice["id"], moment(invoice["write_date"]), _number(invoice)
            for order, share in shares[id].items():
                if order in billing:
                    theirs = f"{id}/{order}" if len(shares[id]) > 1 else str(id)
                    document = _document(invoice, share, billing[order])
                    yield Change(
                        "invoice.changed", theirs, at, number, Parent("order", str(order), ours[order]), document
                    )

    def _shares(self, invoices: list[Row]) -> Shares:
        domain = [["move_id", "in", [invoice["id"] for invoice in invoices]], ["sale_line_ids", "!=", False]]
        fields = ["move_id", "sale_line_ids", "price_total", "price_subtotal"]
        lines = self._search("account.move.line", domain, fields) if invoices else []
        order_of = self._orders_of({id for line in lines for id in line["sale_line_ids"]})
        parts: dict[int, dict[int | None, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for line in lines:
            parts[line["move_id"][0]][order_of.get(line["sale_line_ids"][0])].append(line)
        return {
            invoice["id"]: {
                order: _part(invoice, part) if len(parts[invoice["id"]]) > 1 else _whole(invoice)
                for order, part in parts[invoice["id"]].items()
            }
            for invoice in invoices
        }

    def _orders_of(self, sale_lines: set[int]) -> dict[int, int]:
        rows = self._search("sale.order.line", [["id", "in", sorted(sale_lines)]], ["order_id"]) if sale_lines else []
        return {row["id"]: row["order_id"][0] for row in rows}

    def _billing(self, orders: list[int], shares: Shares) -> dict[int, Billing]:
        """How far each order is billed; ``shares`` are those known already."""
        fields = ["name", "invoice_status", "invoice_ids", *ORDER]
        rows = self._client.call("sale.order", "read", orders, fields=fields)
        ids = sorted({id for row in rows for id in row["invoice_ids"]})
        domain = [["id", "in", ids], ["move_type", "=", "out_invoice"], ["state", "in", ["draft", "posted"]]]
        found = self._search("account.move", domain, ["state", "payment_state", *AMOUNTS])
        drafts = {row["id"] for row in found if row["state"] == "draft"}
        posted = {row["id"]: row for row in found if row["id"] not in drafts and row["payment_state"] != "reversed"}
        shares = shares | self._shares([row for id, row in posted.items() if id not in shares])
        billing = {}
        for row in rows:
            of_order = {id: shares[id] for id in posted if row["id"] in shares[id]}
            billed = sum((parts[row["id"]].total for parts in of_order.values()), Decimal(0))
            complete = row["invoice_status"] in ALL_INVOICED and drafts.isdisjoint(row["invoice_ids"])
            rounding, total = Decimal(0), exact(row["amount_total"])
            if self._billed_amounts and (billed > total or complete and billed != total):
                rounding = self._billed_amounts.rounding(row, {id: len(parts) > 1 for id, parts in of_order.items()})
            billing[row["id"]] = Billing(row["name"], billed, complete, rounding)
        return billing

    def _search(self, model: str, domain: list[Any], fields: list[str]) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=fields, order="id")
        return rows


def _whole(invoice: Row) -> Share:
    return Share(*(exact(invoice[f"amount_{name}"]) for name in ("total", "tax", "residual")))


def _part(invoice: Row, lines: list[Row]) -> Share:
    """What the lines come to; of what is not yet paid in the same proportion."""
    total = sum((exact(line["price_total"]) for line in lines), Decimal(0))
    untaxed = sum((exact(line["price_subtotal"]) for line in lines), Decimal(0))
    whole = _whole(invoice)
    residual = whole.residual * total / whole.total if whole.total else Decimal(0)
    return Share(total, total - untaxed, round_money(residual, invoice["currency_id"][1]))


def _document(invoice: Row, share: Share, order: Billing) -> Document:
    return {
        "id": invoice["id"],
        "name": _number(invoice),
        "state": invoice["state"],
        "payment_state": text(invoice["payment_state"]),
        "date": text(invoice["invoice_date"]),
        "due": text(invoice["invoice_date_due"]),
        "currency": invoice["currency_id"][1],
        "total": share.total,
        "tax": share.tax,
        "residual": share.residual,
        "sale": order.sale,
        "order_invoiced": order.invoiced,
        "order_complete": order.complete,
        "order_rounding": order.rounding,
    }


def _number(invoice: Row) -> str | None:
    return None if invoice["name"] == "/" else text(invoice["name"])  # a slash is no number yet, until 16
