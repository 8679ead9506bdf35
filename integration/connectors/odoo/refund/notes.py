"""Credit notes of Odoo (``account.move`` of type ``out_refund``) beside the invoices that they take back (Odoo 19.0).

One that is posted is set off against its invoice at once, as far as that is unpaid: the invoice is *partial* then, as
if some of it were paid, and *reversed* if credit notes alone have settled it.  One of a paid invoice stays due until it
is paid back.  Its lines lower what is invoiced of the order's lines, which are due again by that; a draft's do, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integration.connectors.odoo.changed_rows import Row
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact

INVOICE, NOTE = "out_invoice", "out_refund"
REVERSED = "reversed"
WIDGET = "invoice_payments_widget"
"""What has settled an invoice: a document since 16, a text of JSON before."""


class CreditNotes:
    """Reads what credit notes have done to invoices and orders; nothing is asked where there are none."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def with_notes(self, ids: Collection[int], fields: Sequence[str]) -> list[Row]:
        """These invoices and credit notes, and those made of them, as far as they are drafts or posted."""
        domain = [
            *("|", ["id", "in", sorted(ids)], ["reversed_entry_id", "in", sorted(ids)]),
            ["move_type", "in", [INVOICE, NOTE]],
            ["state", "in", ["draft", "posted"]],
        ]
        names = ["state", "payment_state", "move_type", "reversed_entry_id", *fields]
        rows: list[Row] = self._client.call("account.move", "search_read", domain=domain, fields=names, order="id")
        return rows

    def credited(self, invoices: Iterable[Row], notes: Collection[int]) -> dict[int, Decimal]:
        """What of each invoice these credit notes have settled."""
        asked = [row["id"] for row in invoices if row["state"] == "posted"] if notes else []
        rows = self._client.call("account.move", "read", asked, fields=[WIDGET]) if asked else []
        return {row["id"]: sum((each for id, each in _settled(row[WIDGET]) if id in notes), Decimal(0)) for row in rows}

    def explain_what_is_due(self, order_lines: Sequence[int], notes: Collection[int]) -> bool:
        """Whether all that is still to be invoiced of an order's lines was invoiced, and then credited."""
        if not notes:
            return False
        credited: dict[int, Decimal] = defaultdict(Decimal)
        for line in self.lines(notes):
            credited[line["sale_line_ids"][0]] += exact(line["quantity"])
        fields = ["qty_to_invoice"]
        rows = self._client.call("sale.order.line", "read", sorted(order_lines), fields=fields)
        return all(exact(row["qty_to_invoice"]) <= credited[row["id"]] for row in rows)

    def lines(self, notes: Collection[int]) -> list[Row]:
        """Those lines of credit notes that are of a line of an order."""
        domain = [["move_id", "in", sorted(notes)], ["sale_line_ids", "!=", False]]
        fields = ["move_id", "sale_line_ids", "quantity", "price_total"]
        rows: list[Row] = self._client.call(
            "account.move.line", "search_read", domain=domain, fields=fields, order="id"
        )
        return rows


def billed(found: Iterable[Row]) -> dict[int, Row]:
    """The invoices among what was found that bill something: without those that credit notes alone have settled."""
    return {row["id"]: row for row in found if row["move_type"] == INVOICE and row["payment_state"] != REVERSED}


def standing(found: Sequence[Row]) -> dict[int, Row]:
    """The posted credit notes that count: without those of an invoice that bills nothing because of them."""
    void = {row["id"] for row in found if row["payment_state"] == REVERSED}
    return {
        row["id"]: row
        for row in found
        if row["move_type"] == NOTE
        and row["state"] == "posted"
        and not (row["reversed_entry_id"] and row["reversed_entry_id"][0] in void)
    }


def _settled(widget: Any) -> list[tuple[int, Decimal]]:
    """Which moves have settled an invoice by how much."""
    shown: Mapping[str, Any] = (json.loads(widget) if isinstance(widget, str) else widget) or {}
    return [(each["move_id"], exact(each["amount"])) for each in shown.get("content", ())]
