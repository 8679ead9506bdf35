"""What people do at an Odoo after an order was confirmed, over JSON-2, and what can be seen of it; no ids, no times."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

WITHOUT_ASKING = {"skip_sms": True, "skip_backorder": True}


class Reached(Protocol):
    """An Odoo that can be called."""

    def call(self, model: str, method: str, **body: Any) -> tuple[int, Any]: ...


class Clerk:
    """Ships and bills one order of lines (invoice policy, product type, quantity, price), each with a tax of 23 %."""

    def __init__(self, odoo: Reached, tax: int, lines: list[tuple[str, str, float, float]]) -> None:
        self._odoo = odoo
        partner = self.create("res.partner", name=f"Buyer {uuid.uuid4().hex}", phone="+49 30 1234567")
        commands = []
        for policy, type, quantity, price in lines:
            name = f"Product {uuid.uuid4().hex}"
            product = self.create("product.product", name=name, type=type, invoice_policy=policy, taxes_id=[])
            line = {"product_id": product, "product_uom_qty": quantity, "price_unit": price, "tax_ids": [[6, 0, [tax]]]}
            commands.append([0, 0, line])
        self.order = self.create("sale.order", partner_id=partner, order_line=commands)
        self.ask("sale.order", "action_confirm", ids=[self.order])

    def ask(self, model: str, method: str, **body: Any) -> Any:
        status, answer = self._odoo.call(model, method, **body)
        assert status == 200, answer
        return answer

    def refused(self, model: str, method: str, **body: Any) -> list[Any]:
        """Status, exception and words of a call that must fail."""
        status, answer = self._odoo.call(model, method, **body)
        assert status != 200, answer
        return [status, answer["name"], answer["message"]]

    def create(self, model: str, context: dict[str, Any] | None = None, **values: Any) -> int:
        [id] = self.ask(model, "create", vals_list=[values], context=context or {})
        return int(id)

    # -- transfers -------------------------------------------------------------------------------------------------

    def pickings(self, *conditions: list[Any]) -> list[int]:
        domain = [["sale_id", "=", self.order], *conditions]
        ids: list[int] = self.ask("stock.picking", "search", domain=domain, order="id")
        return ids

    def open_picking(self) -> int:
        [id] = self.pickings(["state", "not in", ["done", "cancel"]])
        return id

    def count(self, *changes: dict[str, Any] | None) -> None:
        """Writes to the open transfer's moves, in their order."""
        ids = self.ask("stock.move", "search", domain=[["picking_id", "=", self.open_picking()]], order="id")
        for id, values in zip(ids, changes, strict=True):
            if values:
                self.ask("stock.move", "write", ids=[id], vals=values)

    def validate(self, picking: int | None = None, context: dict[str, Any] = WITHOUT_ASKING) -> Any:
        """The answer; of a window only what it is."""
        answer = self.ask("stock.picking", "button_validate", ids=[picking or self.open_picking()], context=context)
        return answer if answer is True else sorted(answer)

    # -- invoices --------------------------------------------------------------------------------------------------

    def wizard(self) -> int:
        orders = [[6, 0, [self.order]]]
        return self.create("sale.advance.payment.inv", advance_payment_method="delivered", sale_order_ids=orders)

    def invoice(self) -> int:
        """The draft of what is due."""
        return int(self.ask("sale.advance.payment.inv", "create_invoices", ids=[self.wizard()])["res_id"])

    def post(self, invoice: int) -> Any:
        return self.ask("account.move", "action_post", ids=[invoice])

    def pay(self, invoice: int, **values: Any) -> Any:
        context = {"active_model": "account.move", "active_ids": [invoice]}
        wizard = self.create("account.payment.register", context, **values)
        return sorted(self.ask("account.payment.register", "action_create_payments", ids=[wizard]))

    def reverse(self, invoice: int, method: str) -> int:
        """The document that ``refund_moves`` or ``modify_moves`` leaves as a draft."""
        [journal] = self.ask("account.move", "read", ids=[invoice], fields=["journal_id"], load=None)
        context = {"active_model": "account.move", "active_ids": [invoice]}
        wizard = self.create("account.move.reversal", context, journal_id=journal["journal_id"], reason="wrong")
        return int(self.ask("account.move.reversal", method, ids=[wizard])["res_id"])

    # -- what is seen ----------------------------------------------------------------------------------------------

    def seen(self) -> dict[str, Any]:
        names = ["name", "state", "delivery_status", "invoice_status", "amount_total", "invoice_ids"]
        [order] = self.ask("sale.order", "read", ids=[self.order], fields=names)
        counted = ["product_uom_qty", "qty_delivered", "qty_invoiced", "qty_to_invoice", "invoice_status"]
        lines = self._rows("sale.order.line", [["order_id", "=", self.order]], counted)
        invoices = sorted(order.pop("invoice_ids"))
        return {
            **{name: order[name] for name in names[1:-1]},
            "lines": [[line[name] for name in counted] for line in lines],
            "pickings": [self._picking(id) for id in self.pickings()],
            "invoices": [self._invoice(id, order["name"]) for id in invoices],
        }

    def _picking(self, id: int) -> dict[str, Any]:
        fields = ["state", "date_done", "carrier_tracking_ref", "backorder_id", "backorder_ids", "picking_type_code"]
        [row] = self.ask("stock.picking", "read", ids=[id], fields=fields)
        pickings = self.pickings()
        counted = ["product_uom_qty", "quantity", "picked", "state"]
        moves = self._rows("stock.move", [["picking_id", "=", id]], counted)
        return {
            **{name: row[name] for name in ("state", "carrier_tracking_ref", "picking_type_code")},
            "done": bool(row["date_done"]),
            "backorder_of": row["backorder_id"] and pickings.index(row["backorder_id"][0]),
            "backorders": [pickings.index(other) for other in row["backorder_ids"]],
            "moves": [[move[name] for name in counted] for move in moves],
        }

    def _invoice(self, id: int, order: str) -> dict[str, Any]:
        stated = ["state", "move_type", "payment_state", "status_in_payment", "posted_before", "amount_untaxed",
                  "amount_tax", "amount_total", "amount_residual"]  # fmt: skip
        given = ["name", "invoice_date", "invoice_date_due", "ref", "reversed_entry_id", "invoice_origin"]
        [row] = self.ask("account.move", "read", ids=[id], fields=[*stated, *given])
        counted = ["quantity", "price_unit", "price_subtotal", "price_total", "display_type"]
        domain = [["move_id", "=", id], ["sale_line_ids", "!=", False]]
        lines = self._rows("account.move.line", domain, counted)
        return {
            **{name: row[name] for name in stated},
            **{name: bool(row[name]) for name in given},
            "series": str(row["name"]).partition("/")[0],
            "of_the_order": row["invoice_origin"] == order,
            "lines": [[line[name] for name in counted] for line in lines],
        }

    def _rows(self, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask(model, "search_read", domain=domain, fields=fields, order="id")
        return rows
