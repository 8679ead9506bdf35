"""What Odoo bills: customer invoices (``account.move``) with lines of orders of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
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
from integration.connectors.odoo.refund.notes import CreditNotes, billed, standing
from integration.connectors.odoo.site import Site

BILLED: list[Any] = [
    ["move_type", "=", "out_invoice"],
    ["invoice_line_ids.sale_line_ids", "!=", False],
    *("|", ["state", "=", "posted"], ["posted_before", "=", True]),
]
"""Invoices that are posted, or were."""
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

    ``rounding`` is by how much the invoices may differ from the order because each is rounded for itself, ``credited``
    what its credit notes come to, and ``notes`` are the ids of these.
    """

    sale: str
    invoiced: Decimal
    complete: bool
    rounding: Decimal
    credited: Decimal
    notes: frozenset[int]


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
        self._notes = CreditNotes(client)

    def page(self, since: datetime, page: Document | None) -> Page:
        """Invoices that are posted, or were, as they are now; drafts that never were are left out."""
        batch = changed(self._client, "account.move", BILLED, FIELDS, since, page)
        return Page(tuple(self._changes(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def of_orders(self, orders: Collection[int]) -> Iterator[Change]:
        """Every invoice of these orders."""
        domain = [*BILLED, ["invoice_line_ids.sale_line_ids.order_id", "in", sorted(orders)]]
        return self._changes(self._search("account.move", domain, ["write_date", *FIELDS]))

    def _changes(self, invoices: list[Row]) -> Iterator[Change]:
        shares = self.shares(invoices)
        ours = our_orders(self._client, {order for each in shares.values() for order in each if order})
        billing = self.billing(sorted(ours), shares) if ours else {}
        notes = {note for each in billing.values() for note in each.notes}
        credited = self._notes.credited(invoices, notes)
        for invoice in invoices:
            id, at, number = invoice["id"], moment(invoice["write_date"]), _number(invoice)
            for order, share in shares[id].items():
                if order in billing:
                    theirs = f"{id}/{order}" if len(shares[id]) > 1 else str(id)
                    document = _document(invoice, share, billing[order], credited.get(id, Decimal(0)))
                    yield Change(
                        "invoice.changed", theirs, at, number, Parent("order", str(order), ours[order]), document
                    )

    def shares(self, invoices: list[Row]) -> Shares:
        """What of each invoice or credit note is whose, by the order lines that its lines are of."""
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

    def billing(self, orders: list[int], shares: Shares) -> dict[int, Billing]:
        """How far each order is billed; ``shares`` are those known already."""
        fields = ["name", "invoice_status", "invoice_ids", *ORDER]
        rows = self._client.call("sale.order", "read", orders, fields=fields)
        found = self._notes.with_notes({id for row in rows for id in row["invoice_ids"]}, AMOUNTS)
        drafts = {row["id"] for row in found if row["state"] == "draft"}
        notes = standing(found)
        posted = {id: row for id, row in billed(found).items() if id not in drafts}
        unknown = [row for id, row in {**posted, **notes}.items() if id not in shares]
        shares = shares | self.shares(unknown)
        shares = shares | {id: by_order(note, shares) for id, note in notes.items()}
        billing = {}
        for row in rows:
            of_order = {id: shares[id] for id in posted if row["id"] in shares[id]}
            of_notes = {id: shares[id][row["id"]] for id in notes if row["id"] in shares[id]}
            invoiced = sum((parts[row["id"]].total for parts in of_order.values()), Decimal(0))
            credited = sum((part.total for part in of_notes.values()), Decimal(0))
            complete = drafts.isdisjoint(row["invoice_ids"]) and (
                row["invoice_status"] in ALL_INVOICED or self._notes.explain_what_is_due(row["order_line"], of_notes)
            )
            rounding, total = Decimal(0), exact(row["amount_total"])
            differs = invoiced - credited > total or complete and not invoiced - credited <= total <= invoiced
            if self._billed_amounts and differs:
                rounding = self._billed_amounts.rounding(row, {id: len(parts) > 1 for id, parts in of_order.items()})
            billing[row["id"]] = Billing(row["name"], invoiced, complete, rounding, credited, frozenset(of_notes))
        return billing

    def _search(self, model: str, domain: list[Any], fields: list[str]) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=fields, order="id")
        return rows


def by_order(note: Row, shares: Shares) -> dict[int | None, Share]:
    """What of a credit note is whose: by the order lines that its own are of; without any, all of the only order's
    whose invoice it takes back."""
    if parts := shares[note["id"]]:
        return parts
    orders = shares.get(note["reversed_entry_id"][0], {}) if note["reversed_entry_id"] else {}
    return dict.fromkeys(orders, _whole(note)) if len(orders) == 1 else {}


def _whole(invoice: Row) -> Share:
    return Share(*(exact(invoice[f"amount_{name}"]) for name in ("total", "tax", "residual")))


def _part(invoice: Row, lines: list[Row]) -> Share:
    """What the lines come to; of what is not yet paid in the same proportion."""
    total = sum((exact(line["price_total"]) for line in lines), Decimal(0))
    untaxed = sum((exact(line["price_subtotal"]) for line in lines), Decimal(0))
    whole = _whole(invoice)
    residual = whole.residual * total / whole.total if whole.total else Decimal(0)
    return Share(total, total - untaxed, round_money(residual, invoice["currency_id"][1]))


def _document(invoice: Row, share: Share, order: Billing, credited: Decimal) -> Document:
    """What credit notes have taken off is there only where there are some, and so is that a draft was posted before."""
    document = {
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
    if invoice["state"] == "draft":
        document["issued"] = True
    if order.credited:
        document["order_credited"] = order.credited
    if credited:
        whole = exact(invoice["amount_total"])
        part = round_money(credited * share.total / whole, invoice["currency_id"][1]) if whole else Decimal(0)
        document |= {"credited": part, "paid": share.total - share.residual - part}
    return document


def _number(invoice: Row) -> str | None:
    return None if invoice["name"] == "/" else text(invoice["name"])  # a slash is no number yet, until 16
