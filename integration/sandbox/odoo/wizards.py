"""The windows in which people make invoices of orders, register payments, and take invoices back.

Over RPC each is a record that is created and then acts on a call.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.odoo.errors import not_faked, user_error
from integration.sandbox.odoo.invoice import Invoice
from integration.sandbox.odoo.records import Records, Row, on_records

_NOTHING_TO_INVOICE = """Cannot create an invoice. No items are available to invoice.

To resolve this issue, please ensure that:
   • The products have been delivered before attempting to invoice them.
   • The invoicing policy of the product is configured correctly.

If you want to invoice based on ordered quantities instead:
   • For consumable or storable products, open the product, go to the 'General Information' tab and change the \
'Invoicing Policy' from 'Delivered Quantities' to 'Ordered Quantities'.
   • For services (and other products), change the 'Invoicing Policy' to 'Prepaid/Fixed Price'.
"""
_NOTHING_TO_PAY = (
    "There's nothing left to pay for the selected journal items, so no payment registration is necessary. You've got "
    "your finances under control like a boss!"
)
_ONLY_ON_MOVES = "The register payment wizard should only be called on account.move or account.move.line records."
_MOVE_TYPES = "('move_type', 'in', ['out_invoice', 'out_refund', 'out_receipt'])"
_CREATE_FIRST = """<p class="o_view_nocontent_smiling_face">
                Create a customer invoice
              </p><p>
                Create invoices, register payments and keep track of the discussions with your customers.
              </p>
            """
_WINDOW = {"type": "ir.actions.act_window"}
_LISTS = {
    **_WINDOW,
    "id": 261,
    "display_name": "Invoices",
    "name": "Invoices",
    "xml_id": "account.action_move_out_invoice_type",
    "path": "invoicing",
    "help": _CREATE_FIRST,
    "binding_model_id": False,
    "binding_type": "action",
    "binding_view_types": "list,form",
    "view_id": [736, "account.out.invoice.list"],
    "res_model": "account.move",
    "target": "current",
    "view_mode": "list,kanban,form,activity",
    "mobile_view_mode": "kanban",
    "limit": 80,
    "group_ids": [],
    "search_view_id": [745, "account.invoice.select"],
    "embedded_action_ids": [],
    "filter": False,
    "cache": True,
}


class _Wizard(Records):
    @property
    def _invoices(self) -> Invoice:
        records = self.env.records("account.move")
        assert isinstance(records, Invoice)
        return records

    def _chosen(self, model: str) -> list[int]:
        """The records in whose window this one was opened."""
        context = self.env.context
        return list(context.get("active_ids") or ()) if context.get("active_model") == model else []


class InvoiceOrders(_Wizard):
    """sale.advance.payment.inv: one invoice of what is due of orders with the same customer and currency."""

    def defaults(self, values: Row) -> Row:
        default = {"advance_payment_method": "delivered", "sale_order_ids": self._chosen("sale.order")}
        return super().defaults({**default, "consolidated_billing": True, "deduct_down_payments": True, **values})

    @on_records
    def create_invoices(self) -> Row:
        [wizard] = map(self.existing, self.ids)
        if wizard["advance_payment_method"] != "delivered":
            raise not_faked("down payments")
        orders = self.env.records("sale.order")
        due: dict[tuple[Any, ...], list[Row]] = {}
        for order in map(orders.existing, wizard["sale_order_ids"]):
            if self._due_lines(order):
                ways = [order["partner_invoice_id"], order["partner_shipping_id"], orders.value(order, "currency_id")]
                apart = [] if wizard["consolidated_billing"] else [order["id"]]
                due.setdefault((*ways, *apart), []).append(order)
        if not due:
            raise user_error(_NOTHING_TO_INVOICE)
        return _shown([self._invoice(together) for together in due.values()], list(due.values()))

    def _due_lines(self, order: Row) -> list[Row]:
        lines = self.env.records("sale.order.line")
        rows = [lines.existing(id) for id in self.env.records("sale.order").value(order, "order_line")]
        return [row for row in rows if lines.value(row, "qty_to_invoice")]

    def _invoice(self, orders: list[Row]) -> int:
        first = orders[0]
        lines = [line for order in orders for line in self._due_lines(order)]
        values = {
            "move_type": "out_invoice",
            "ref": ", ".join(dict.fromkeys(order.get("client_order_ref") or order["name"] for order in orders)),
            "invoice_origin": ", ".join(order["name"] for order in orders),
            "partner_id": first["partner_invoice_id"],
            "partner_shipping_id": first["partner_shipping_id"],
            "currency_id": self.env.records("sale.order").value(first, "currency_id"),
            "invoice_payment_term_id": first.get("payment_term_id", False),
            "invoice_user_id": first.get("user_id", False),
            "invoice_line_ids": [[0, 0, self._line(line, number)] for number, line in enumerate(lines)],
        }
        id = self._invoices.create_one(values)
        self._invoices.settle(id)
        if self._invoices.existing(id)["amount_total"] < 0:
            raise not_faked("refunds of orders of which less is due than was invoiced")
        return id

    def _line(self, line: Row, number: int) -> Row:
        return {
            "sequence": number,
            "name": line["name"],
            "product_id": line["product_id"],
            "product_uom_id": line["product_uom_id"],
            "quantity": self.env.records("sale.order.line").value(line, "qty_to_invoice"),
            "price_unit": line["price_unit"],
            "discount": line["discount"],
            "tax_ids": line["tax_ids"],
            "sale_line_ids": [line["id"]],
        }


def _shown(ids: list[int], billed: list[list[Row]]) -> Row:
    """The window on what was made of these orders."""
    views = [[736, "list"], [False, "kanban"], [False, "activity"]]
    context: Row = {"default_move_type": "out_invoice"}
    if [len(orders) for orders in billed] == [1]:
        [[order]] = billed
        context |= {
            "default_partner_id": order["partner_id"],
            "default_partner_shipping_id": order["partner_shipping_id"],
            "default_invoice_payment_term_id": order.get("payment_term_id") or None,
        }
    if len(ids) > 1:
        rest = {"views": [views[0], views[1], [False, "form"], views[2]], "res_id": 0}
        return {**_LISTS, **rest, "domain": [["id", "in", ids]], "context": context}
    one = {"views": [[742, "form"], *views], "res_id": ids[0]}
    return {**_LISTS, **one, "domain": f"[{_MOVE_TYPES}]", "context": context}


class RegisterPayment(_Wizard):
    """account.payment.register: of one invoice any amount, of several all that is left."""

    def defaults(self, values: Row) -> Row:
        ids = self._chosen("account.move")
        if not ids:
            raise user_error(_ONLY_ON_MOVES)
        invoices = [self._invoices.existing(id) for id in ids]
        left = round(sum(invoice["amount_residual"] for invoice in invoices), 6)
        if not left:
            raise user_error(_NOTHING_TO_PAY)
        default = {
            "amount": left,
            "payment_date": self.env.now[:10],
            "communication": ", ".join(invoice["name"] or "" for invoice in invoices),
            "currency_id": invoices[0]["currency_id"],
            "payment_difference_handling": "open",
        }
        return super().defaults({**default, **values, "invoices": ids, "left": left})

    def compute_payment_difference(self, row: Row) -> float:
        return float(round(row["left"] - row["amount"], 6))

    @on_records
    def action_create_payments(self) -> Row:
        [wizard] = map(self.existing, self.ids)
        invoices = [self._invoices.existing(id) for id in wizard["invoices"]]
        if any(invoice["state"] != "posted" for invoice in invoices):
            raise not_faked("payments of invoices that are not posted")
        payments = []
        for invoice in invoices:
            amount = wizard["amount"] if len(invoices) == 1 else invoice["amount_residual"]
            self._invoices.pay(invoice["id"], amount)
            payments.append(self._payment(wizard, invoice, amount))
        shown = {"view_mode": "form", "res_id": payments[0]}
        if len(payments) > 1:
            shown = {"view_mode": "list,form", "domain": [["id", "in", payments]]}
        return {**_WINDOW, "name": "Payments", "res_model": "account.payment", "context": {"create": False}, **shown}

    def _payment(self, wizard: Row, invoice: Row, amount: float) -> int:
        return self.env.records("account.payment").create_one(
            {
                "state": "paid",
                "payment_type": "inbound",
                "amount": amount,
                "currency_id": invoice["currency_id"],
                "date": wizard["payment_date"],
                "memo": wizard["communication"],
                "partner_id": invoice["partner_id"],
            }
        )


class ReverseInvoices(_Wizard):
    """account.move.reversal: a refund's draft, or a posted refund and a draft in the invoice's place."""

    def defaults(self, values: Row) -> Row:
        chosen = {"move_ids": self._chosen("account.move"), "date": self.env.now[:10]}
        return super().defaults({**chosen, **values})

    @on_records
    def refund_moves(self) -> Row:
        return self.reverse_moves()

    @on_records
    def modify_moves(self) -> Row:
        return self.reverse_moves(is_modify=True)

    @on_records
    def reverse_moves(self, is_modify: bool = False) -> Row:
        [wizard] = map(self.existing, self.ids)
        [original] = wizard["move_ids"]
        made = self._invoices.reverse(original, wizard["date"], wizard.get("reason") or "")
        if is_modify:
            Invoice(self.env, self._invoices.model, [made]).action_post()
            made = self._invoices.copy_of(original, {"move_type": "out_invoice"})
        shown = {"view_mode": "form", "res_id": made}
        context = {"default_move_type": self._invoices.existing(made)["move_type"]}
        return {**_WINDOW, "name": "Reverse Moves", "res_model": "account.move", **shown, "context": context}
