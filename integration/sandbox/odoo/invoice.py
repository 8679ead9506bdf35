"""account.move and account.move.line: invoices and refunds of orders, their numbers, and what is left to be paid.

Of the lines only those of products are kept; the real Odoo has lines for taxes and payment terms beside them.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from textwrap import shorten
from typing import Any

from integration.sandbox.odoo import amounts, set_off
from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import not_faked, user_error
from integration.sandbox.odoo.records import Records, Row, on_records

PREFIXES = {"out_invoice": "INV", "out_refund": "RINV"}
_SALES = 1
_POSTED = (
    "You can't delete a posted journal item. Don’t play games with your accounting records; reset the journal entry to "
    "draft before deleting it."
)


class Invoice(Records):
    """States: draft → posted → cancel or draft.  ``payments`` of a row is what was paid of it."""

    @on_records
    def action_post(self) -> bool:
        """Gives the number and the date; a refund is set off against its invoice at once.  False, as it succeeds."""
        for move in map(self.existing, self.ids):
            if move["state"] != "draft":
                raise user_error(f"The entry {move['name'] or '/'} (id {move['id']}) must be in draft.")
            if not self.value(move, "invoice_line_ids"):
                raise user_error("You need to add a line before posting.")
        for id in self.ids:
            self._post(id)
        return False

    @on_records
    def button_draft(self) -> None:
        for id in self._existing_ids():
            set_off.release(self, id)
            unpaid = {"payment_state": "not_paid", "paid": 0.0, "reversed": 0.0}
            self.store(id, {**unpaid, "state": "draft", "amount_residual": self.existing(id)["amount_total"]})

    @on_records
    def button_cancel(self) -> None:
        """Cancels a draft, or a posted one by way of draft."""
        self.button_draft()
        for id in self.ids:
            self.store(id, {"state": "cancel"})

    def pay(self, id: int, amount: float) -> None:
        """``amount`` of a posted invoice comes in; more than is left is not taken."""
        self._settle_off(id, amount, "paid")

    @on_records
    def js_assign_outstanding_line(self, line_id: int) -> None:
        """Sets a payment off against the invoice, as far as both reach."""
        from integration.sandbox.odoo.payments import set_off  # it needs Invoice, so it cannot come first

        [id] = self._existing_ids()
        set_off(self.env, self, id, line_id)

    def open_again(self, id: int, amount: float) -> None:
        """``amount`` that had come in is taken back."""
        move = self.existing(id)
        left = Decimal(repr(move["amount_residual"])) + Decimal(repr(amount))
        paid = Decimal(repr(move.get("paid", 0.0))) - Decimal(repr(amount))
        state = "partial" if paid > 0 else "not_paid"
        self.store(id, {"amount_residual": float(left), "paid": float(paid), "payment_state": state})

    def reverse(self, id: int, on: str, reason: str) -> int:
        """The draft of a refund of the whole invoice."""
        move = self.existing(id)
        reference = ", ".join(part for part in (f"Reversal of: {move['name']}", reason) if part)
        changed = {"move_type": "out_refund", "reversed_entry_id": id, "invoice_date": on, "date": on, "ref": reference}
        return self.copy_of(id, {**changed, "invoice_origin": move.get("invoice_origin", False)})

    def copy_of(self, id: int, changed: Row) -> int:
        """A draft with the same lines."""
        move, lines = self.existing(id), self.env.records("account.move.line")
        kept = ("partner_id", "partner_shipping_id", "currency_id", "invoice_payment_term_id", "invoice_user_id")
        copied = ("sequence", "name", "product_id", "product_uom_id", "quantity", "price_unit", "discount")
        rows = [lines.existing(line) for line in self.value(move, "invoice_line_ids")]
        commands = [
            [0, 0, {**{name: row[name] for name in (*copied, "tax_ids", "sale_line_ids") if row.get(name)}}]
            for row in rows
        ]
        values = {name: move[name] for name in kept if move.get(name)}
        return self.create_one({**values, **changed, "invoice_line_ids": commands})

    def defaults(self, values: Row) -> Row:
        company = self.env.records("res.company").existing(COMPANY_ID)
        today = self.env.now[:10]
        default = {
            "name": False,
            "state": "draft",
            "move_type": "entry",
            "payment_state": "not_paid",
            "posted_before": False,
            "journal_id": _SALES,
            "date": today,
            "currency_id": company["currency_id"],
            "company_id": COMPANY_ID,
            "invoice_date": False,
            **dict.fromkeys(("amount_untaxed", "amount_tax", "amount_total", "amount_residual"), 0.0),
        }
        row = super().defaults({**default, **values})
        if row["move_type"] not in PREFIXES:
            raise not_faked(f"entries of type {row['move_type']}")
        return {**row, "invoice_date_due": row.get("invoice_date_due") or self._due(row)}

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        self.settle_later(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        super().write_one(id, values)
        self.settle_later(id)

    def unlink_one(self, id: int) -> None:
        if self.existing(id)["state"] == "posted":
            raise user_error(_POSTED)
        for line in self.value(self.existing(id), "invoice_line_ids"):
            self.env.database.delete("account.move.line", line)
        super().unlink_one(id)

    def label(self, row: Row) -> str:
        draft = {"out_invoice": "Draft Invoice", "out_refund": "Draft Credit Note"}.get(row["move_type"], "Draft Entry")
        reference = f"({shorten(row['ref'], 50)})" if row.get("ref") else ""
        return " ".join(filter(None, (draft if row["state"] == "draft" else "", row["name"], reference)))

    def compute_status_in_payment(self, row: Row) -> str:
        if row["state"] != "posted":
            return str(row["state"])
        return "posted" if row["payment_state"] == "not_paid" else str(row["payment_state"])

    def settle_later(self, id: int) -> None:
        """The amounts of a draft, when the call ends."""
        self.env.later(("settle invoice", id), lambda: self.settle(id))

    def settle(self, id: int) -> None:
        move, records = self.row(id), self.env.records("account.move.line")
        if move is None or move["state"] != "draft":
            return
        rows = [records.existing(line) for line in self.value(move, "invoice_line_ids")]
        lines = [row for row in rows if row["display_type"] == "product"]
        untaxed, tax = amounts.settle(self.env, "account.move.line", lines, "quantity", move["currency_id"])
        total = float(untaxed + tax)
        sums = {"amount_untaxed": float(untaxed), "amount_tax": float(tax), "amount_total": total}
        self.store_changed(id, {**sums, "amount_residual": total})

    def _post(self, id: int) -> None:
        self.settle(id)
        move = self.existing(id)
        move = {**move, "invoice_date": move.get("invoice_date") or self.env.now[:10]}
        changed = {
            "name": move["name"] or self._number(move),
            "state": "posted",
            "posted_before": True,
            "invoice_date": move["invoice_date"],
            "date": move["invoice_date"],
            "invoice_date_due": self._due(move),
        }
        self.store(id, {**changed, "payment_state": "not_paid" if move["amount_total"] else "paid"})
        if original := move.get("reversed_entry_id"):
            left = min(move["amount_residual"], self.existing(original)["amount_residual"])
            self.set_off(original, id, left)

    def compute_invoice_payments_widget(self, row: Row) -> Row | bool:
        return set_off.widget(self, row)

    @on_records
    def js_remove_outstanding_partial(self, partial_id: int) -> None:
        """Takes a payment or a refund back that was set off against the invoice."""
        [id] = self._existing_ids()
        set_off.remove(self, id, partial_id)

    def set_off(self, invoice: int, refund: int, amount: float) -> None:
        """A refund lowers what is left of an invoice, which settles both."""
        if amount:
            self._settle_off(invoice, amount, "reversed", by=refund)
            self._settle_off(refund, amount, "paid", by=invoice)

    def _settle_off(self, id: int, amount: float, how: str, by: int = 0) -> None:
        """Takes ``amount`` off what is left; all of it taken by a refund: reversed."""
        move = self.existing(id)
        left = Decimal(repr(move["amount_residual"]))
        taken = min(Decimal(repr(amount)), left)
        if not taken:
            return
        whole = "reversed" if how == "reversed" and not move.get("paid") else "paid"
        state = whole if taken == left else "partial"
        sums = {"amount_residual": float(left - taken), how: move.get(how, 0.0) + float(taken)}
        self.store(id, {**sums, "payment_state": state, **set_off.noted(self, move, float(taken), how, by)})

    def _number(self, move: Row) -> str:
        prefix = f"{PREFIXES[move['move_type']]}/{move['invoice_date'][:4]}"
        return f"{prefix}/{self.env.database.insert(f'sandbox.number.{prefix}', {'move': move['id']}):05d}"

    def _due(self, move: Row) -> str:
        """By the payment term, whose name begins with its days."""
        term = self.env.records("account.payment.term").row(move.get("invoice_payment_term_id") or 0) or {}
        days = str(term.get("name", "")).partition(" ")[0]
        start = date.fromisoformat(move.get("invoice_date") or move["date"])
        return str(start + timedelta(days=int(days) if days.isdigit() else 0))


class InvoiceLine(Records):
    """A line of an invoice; ``sale_line_ids`` are the order lines it bills."""

    def defaults(self, values: Row) -> Row:
        default: dict[str, Any] = {
            "sequence": 100,
            "display_type": "product",
            "quantity": 1.0,
            "price_unit": 0.0,
            "discount": 0.0,
            "tax_ids": [],
            "sale_line_ids": [],
            "price_subtotal": 0.0,
            "price_total": 0.0,
        }
        if values.get("product_id"):
            product = self.env.records("product.product").existing(values["product_id"])
            default |= {"product_uom_id": product["uom_id"], "price_unit": product["list_price"]}
            default["name"] = self.env.records("product.product").label(product)
        move = self._move(values)
        return super().defaults({**default, "currency_id": move["currency_id"], "company_id": COMPANY_ID, **values})

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        self._settle_later(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        super().write_one(id, values)
        self._settle_later(id)

    def label(self, row: Row) -> str:
        move = self._move(row)
        return " ".join(filter(None, (move["name"], move.get("ref") and f"({move['ref']})", row.get("name"))))

    def compute_account_type(self, row: Row) -> str:  # noqa: ARG002 - of a line of a product it is always this
        return "income"

    def compute_move_name(self, row: Row) -> str | bool:
        return self._move(row)["name"] or False

    def compute_parent_state(self, row: Row) -> str:
        return str(self._move(row)["state"])

    def compute_date(self, row: Row) -> str:
        return str(self._move(row)["date"])

    def _move(self, row: Row) -> Row:
        return self.env.records("account.move").existing(row["move_id"])

    def _settle_later(self, id: int) -> None:
        moves = self.env.records("account.move")
        assert isinstance(moves, Invoice)
        moves.settle_later(self.existing(id)["move_id"])
