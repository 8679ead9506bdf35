"""account.payment: money of customers, its journal entry, and how that is set off against invoices.

As Odoo 19 Community does it.  Of an entry only the line of the customer's account is kept.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import user_error
from integration.sandbox.odoo.invoice import Invoice
from integration.sandbox.odoo.records import Records, Row, on_records
from integration.sandbox.odoo.schema import Field

OUTSTANDING = 1
"""The one account of the company for what was paid and is not in a bank statement yet."""
MONEY = ("bank", "cash", "credit")
_NO_METHOD = "Please define a payment method line on your payment."
_ONLY_DRAFTS = "Only draft journal entries can be cancelled."


class Payment(Records):
    """States: draft → in_process (with its entry) → paid, once its invoices are; or canceled.

    ``matches`` of a row is what each invoice took of it.
    """

    @on_records
    def action_post(self) -> None:
        """Posts drafts; nothing happens to others, and one without outstanding account gets no journal entry."""
        for payment in [self.existing(id) for id in self.ids]:
            if payment["state"] == "draft":
                entry = self._entry(payment) if payment.get("outstanding_account_id") else {"name": self._number("PAY")}
                self.store(payment["id"], {**entry, "state": "in_process"})

    @on_records
    def action_cancel(self) -> None:
        """Takes the payment off its invoices without asking; a second time is refused where it has an entry."""
        for payment in [self.existing(id) for id in self.ids]:
            moves = self.env.records("account.move")
            if entry := payment.get("move_id"):
                if moves.existing(entry)["state"] != "posted":
                    raise user_error(_ONLY_DRAFTS)
                moves.store(entry, {"state": "cancel"})
            assert isinstance(moves, Invoice)
            for invoice, amount in payment.get("matches", {}).items():
                moves.open_again(int(invoice), amount)
            self.store(payment["id"], {"state": "canceled", "matches": {}, "is_reconciled": False})

    def defaults(self, values: Row) -> Row:
        banks = [row["id"] for row in self.env.database.rows("account.journal").values() if row["type"] == "bank"]
        default = {
            "name": False,
            "state": "draft",
            "payment_type": "inbound",
            "partner_type": "customer",
            "date": self.env.now[:10],
            "journal_id": min(banks, default=1),
            "company_id": COMPANY_ID,
            "is_reconciled": False,
            "is_matched": False,
            "outstanding_account_id": OUTSTANDING,
        }
        row = super().defaults({**default, **values})
        journal = self.env.records("account.journal").row(row["journal_id"])
        if journal and journal["type"] not in MONEY:
            raise user_error(_NO_METHOD)
        return row

    def write_one(self, id: int, values: Row) -> None:
        """Whoever writes the journal, be it the same, loses the outstanding account, which is the method's then."""
        super().write_one(id, values)
        if "journal_id" in values:
            self.store(id, {"outstanding_account_id": False})

    def label_of(self, field: Field, id: int) -> str:
        return "Outstanding Receipts" if field.name == "outstanding_account_id" else super().label_of(field, id)

    def compute_reconciled_invoice_ids(self, row: Row) -> list[int]:
        return [int(invoice) for invoice in row.get("matches", {})]

    def _entry(self, payment: Row) -> Row:
        """The posted journal entry of a payment, and its number."""
        database, journal = self.env.database, self.env.records("account.journal").existing(payment["journal_id"])
        name = self._number(f"P{journal['code']}/{payment['date'][:4]}")
        stamp = {"write_date": self.env.now, "create_date": self.env.now, "currency_id": payment["currency_id"]}
        entry = {"move_type": "entry", "state": "posted", "name": name, "date": payment["date"], "posted_before": True}
        move = database.insert("account.move", {**stamp, **entry, "journal_id": journal["id"], "amount_total": 0.0})
        line = {"account_type": "asset_receivable", "reconciled": False, "payment": payment["id"], "name": name}
        left = {"amount_residual_currency": -payment["amount"], "sale_line_ids": []}
        database.insert("account.move.line", {**stamp, **line, **left, "move_id": move, "display_type": "payment_term"})
        return {"move_id": move, "name": name}

    def _number(self, prefix: str) -> str:
        return f"{prefix}/{self.env.database.insert(f'sandbox.number.{prefix}', {'payment': True}):05d}"


def set_off(env: Any, invoices: Invoice, invoice: int, line: int) -> None:
    """Sets what is left of a payment's line off against an invoice; nothing where either is settled."""
    row, payments = env.records("account.move.line").existing(line), env.records("account.payment")
    left = -Decimal(repr(row.get("amount_residual_currency", 0.0)))
    taken = min(left, Decimal(repr(invoices.existing(invoice)["amount_residual"])))
    if taken <= 0:
        return
    invoices.pay(invoice, float(taken))
    rest = {"amount_residual_currency": float(taken - left), "reconciled": taken == left}
    env.database.update("account.move.line", line, rest)
    payment = payments.existing(row["payment"])
    matches = dict(payment.get("matches", {}))
    matches[str(invoice)] = matches.get(str(invoice), 0.0) + float(taken)
    paid = taken == left and all(invoices.existing(int(id))["payment_state"] == "paid" for id in matches)
    changed = {"matches": matches, "is_reconciled": taken == left, "state": "paid" if paid else payment["state"]}
    payments.store(payment["id"], changed)
