"""Sets payments off against invoices: never more than what is left of either, and the same again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact

INVOICE, LINE = "account.move", "account.move.line"

Row = dict[str, Any]


class Matching:
    """The open invoices of an order, and what is left of the payments that are set off against them."""

    def __init__(self, client: Client, work: Work) -> None:
        self._client = client
        self._work = work

    def match(self, entry: int, invoices: Iterable[int]) -> None:
        """Sets what is left of a payment's journal entry off against those of the invoices that are open.

        The oldest comes first.  What is left then stays with the customer as an outstanding credit, which an invoice
        that is posted later shows (Odoo 19).
        """
        for invoice in self._open(invoices):
            line = self._credit(entry)
            if line is None:
                return
            # Odoo takes the smaller of the two, and nothing where either is settled: a repeat has no effect.
            request = self._client.request(INVOICE, "js_assign_outstanding_line", [invoice["id"]], line_id=line)
            self._work.perform(f"payment.match:{invoice['id']}", request, self._client.send)

    def _open(self, invoices: Iterable[int]) -> list[Row]:
        """Those that are posted and not paid in full, oldest first."""
        domain = [
            ["id", "in", sorted(invoices)],
            ["move_type", "=", "out_invoice"],
            ["state", "=", "posted"],
            ["payment_state", "in", ["not_paid", "partial"]],
        ]
        fields, order = ["amount_residual"], "invoice_date,id"
        rows = self._client.call(INVOICE, "search_read", domain=domain, fields=fields, order=order)
        return [row for row in rows if exact(row["amount_residual"]) > Decimal(0)]

    def _credit(self, entry: int) -> int | None:
        """The line of the customer's account that a payment's entry has; None where nothing is left of it."""
        domain = [["move_id", "=", entry], ["account_type", "=", "asset_receivable"], ["reconciled", "=", False]]
        rows = self._client.call(LINE, "search_read", domain=domain, fields=["amount_residual_currency"], order="id")
        left = [row["id"] for row in rows if exact(row["amount_residual_currency"]) < Decimal(0)]
        return int(left[0]) if left else None
