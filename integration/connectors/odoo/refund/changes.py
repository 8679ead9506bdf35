"""What Odoo takes back of what it billed: credit notes of orders of ours, and with them the invoices of these orders.

A credit note changes what is billed of an order, and so what is true of its invoices: all of them are read anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text
from integration.connectors.odoo.external import our_names, our_orders
from integration.connectors.odoo.invoice.changes import AMOUNTS, Billing, Invoices, Share, Shares, by_order
from integration.connectors.odoo.refund.notes import NOTE, CreditNotes
from integration.connectors.odoo.site import Site
from integration.message import read_external_id

CREDITED: list[Any] = [["move_type", "=", NOTE], "|", ["state", "=", "posted"], ["posted_before", "=", True]]
FIELDS = ("name", "state", "payment_state", "invoice_date", "ref", "reversed_entry_id", *AMOUNTS)
CHARGES = ("shipping", "fee", "discount")
"""What our names of an order's lines begin with where they are no lines of Clarity's."""


def refunds(site: Site, ask: Ask) -> Page:
    """The stream of ``refund.changed``, see `Refunds`."""
    invoices = Invoices(site.client, site.catalog, carries_rounding=site.system.carries_rounding)
    return Refunds(site.client, invoices).page(ask.since, ask.page)


class Refunds:
    """The stream of ``refund.changed``: one for each credit note, or one per order where it covers several.

    With one that changed come all others of its orders: what it takes back decides whether they count.
    """

    def __init__(self, client: Client, invoices: Invoices) -> None:
        self._client = client
        self._invoices = invoices
        self._notes = CreditNotes(client)

    def page(self, since: datetime, page: Document | None) -> Page:
        """Credit notes that are posted, or were, as they are now; drafts that never were are left out."""
        batch = changed(self._client, "account.move", CREDITED, FIELDS, since, page)
        changes = sorted(self._changes(batch.rows), key=lambda change: change.at) if batch.rows else ()
        return Page(tuple(changes), batch.seen, batch.next)

    def _changes(self, rows: list[Row]) -> Iterator[Change]:
        orders = {order for parts in self._shares(rows).of_notes.values() for order in parts if order}
        ours = our_orders(self._client, orders)
        if not ours:
            return
        notes = self._of_orders(ours, rows)
        shares = self._shares(notes)
        billing = self._invoices.billing(sorted(ours), {})
        lines = self._lines(notes)
        for note in notes:
            id, at, number = note["id"], moment(note["write_date"]), text(note["name"])
            parts = shares.of_notes[id]
            for order in sorted(billing.keys() & parts.keys()):
                theirs = f"{id}/{order}" if len(parts) > 1 else str(id)
                document = {
                    **_document(note, parts[order], lines[id, order]),
                    **_taken_back(note, order, shares),
                    **_of_order(billing[order]),
                }
                yield Change("refund.changed", theirs, at, number, Parent("order", str(order), ours[order]), document)
        yield from self._invoices.of_orders(ours)

    def _of_orders(self, orders: Iterable[int], known: list[Row]) -> list[Row]:
        """The credit notes of these orders, those that are known among them."""
        of_order = "invoice_line_ids.sale_line_ids.order_id"
        domain = [
            *CREDITED,
            *("|", "|", ["id", "in", [row["id"] for row in known]]),
            *([of_order, "in", sorted(orders)], [f"reversed_entry_id.{of_order}", "in", sorted(orders)]),
        ]
        return self._search("account.move", domain, ["write_date", *FIELDS])

    def _shares(self, notes: list[Row]) -> Taken:
        """What of each credit note is whose, and the invoices that they take back.

        A note without lines of orders that takes back an invoice of several orders could be any order's: each has a
        share of it that nobody knows.
        """
        asked = sorted({row["reversed_entry_id"][0] for row in notes if row["reversed_entry_id"]})
        fields = ["payment_state", *AMOUNTS]
        invoices = self._search("account.move", [["id", "in", asked]], fields) if asked else []
        known = self._invoices.shares([*notes, *invoices])
        shares: Shares = {}
        for note in notes:
            could_be = known.get(_reversed(note), {})
            shares[note["id"]] = by_order(note, known) or dict.fromkeys(could_be, NOBODY_KNOWS)
        states = {row["id"]: text(row["payment_state"]) for row in invoices}
        return Taken(shares, {id: known[id] for id in states}, states)

    def _lines(self, notes: list[Row]) -> Mapping[tuple[int, int], list[Document]]:
        """By credit note and order: what it credits of each line of the order."""
        rows = self._notes.lines([row["id"] for row in notes])
        sale_lines = {row["sale_line_ids"][0] for row in rows}
        found = self._search("sale.order.line", [["id", "in", sorted(sale_lines)]], ["order_id"]) if rows else []
        order_of = {row["id"]: row["order_id"][0] for row in found}
        keys = our_names(self._client, "sale.order.line", sale_lines)
        lines: dict[tuple[int, int], list[Document]] = defaultdict(list)
        for row in rows:
            line = row["sale_line_ids"][0]
            if line in order_of:
                key = keys.get(line)
                credited = {"quantity": exact(row["quantity"]), "amount": exact(row["price_total"])}
                lines[row["move_id"][0], order_of[line]].append({"key": key, "kind": _kind(key), **credited})
        return lines

    def _search(self, model: str, domain: list[Any], fields: list[str]) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=fields, order="id")
        return rows


class Taken(NamedTuple):
    """What of each credit note, and of each invoice that one takes back, is whose; how far these are paid."""

    of_notes: Shares
    of_invoices: Shares
    payment_states: Mapping[int, str | None]


NOBODY_KNOWS = Share(Decimal(0), Decimal(0), Decimal(0))


def _document(note: Row, share: Share, lines: list[Document]) -> Document:
    """With what no line says as a row of its own: an allowance made by hand, or what rounding the taxes makes."""
    rest = share.total - sum((line["amount"] for line in lines), Decimal(0))
    others = [{"key": None, "kind": "other", "quantity": Decimal(0), "amount": rest}] if rest else []
    return {
        "id": note["id"],
        "name": text(note["name"]),
        "state": note["state"],
        "date": text(note["invoice_date"]),
        "reason": text(note["ref"]),
        "currency": note["currency_id"][1],
        "total": share.total,
        "tax": share.tax,
        "certain": share is not NOBODY_KNOWS,
        "lines": [*lines, *others],
    }


def _taken_back(note: Row, order: int, shares: Taken) -> Document:
    """The invoice that a credit note takes back, if it says so and that is the order's, and how far that is paid."""
    id = _reversed(note)
    parts = shares.of_invoices.get(id, {})
    if order not in parts:
        return {"invoice": None, "invoice_payment_state": None}
    theirs = f"{id}/{order}" if len(parts) > 1 else str(id)
    return {"invoice": theirs, "invoice_payment_state": shares.payment_states[id]}


def _reversed(note: Row) -> int:
    """The id of the invoice that a credit note takes back; 0, which is no id, where it names none."""
    return int(note["reversed_entry_id"][0]) if note["reversed_entry_id"] else 0


def _of_order(order: Billing) -> Document:
    return {"sale": order.sale, "order_invoiced": order.invoiced, "order_credited": order.credited}


def _kind(key: str | None) -> str:
    parts = read_external_id(key) if key else None
    found = parts[-1].partition("-")[0] if parts else ""
    return found if found in CHARGES else "line" if key else "other"
