"""What people do in Odoo with an order: ship, bill, be paid; by the plain calls that Odoo's screens make.

And what a poll reads of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from integration.connectors.contract import AsPosted, Change, Page, nothing_posted
from tests.connectors.odoo_targets import Target

WITHOUT_ASKING = {"lang": "en_US", "tz": "UTC", "skip_sms": True, "skip_backorder": True}


class Staff:
    """Works at one Odoo, with the rights to do so.  Ids are Odoo's; an order's may be text, as `Posted` has it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._do = target.owner
        self.since = datetime.now(UTC) - timedelta(seconds=2)

    def pages(self, stream: str, since: datetime | None = None, as_posted: AsPosted = nothing_posted) -> Iterator[Page]:
        """One run of a poll, from when the test began."""
        connector, next = self._target.connector(), None
        while True:
            page = connector.changes(stream, since or self.since, next, list, as_posted)
            yield page
            if page.next is None:
                return
            next = page.next

    def reported(self, stream: str, *orders: str | None, as_posted: AsPosted = nothing_posted) -> list[Change]:
        """What one run reads of these orders: others may use the same Odoo."""
        pages = self.pages(stream, as_posted=as_posted)
        return [change for page in pages for change in page.changes if change.parent.theirs in orders]

    def picking(self, order: str | None) -> int:
        """The order's open transfer."""
        domain = [["sale_id", "=", int(order or 0)], ["state", "not in", ["done", "cancel"]]]
        [picking] = self._do("stock.picking", "search_read", domain=domain, fields=["name"])
        return int(picking["id"])

    def moves(self, picking: int) -> list[dict[str, Any]]:
        fields = ["product_id", "product_uom_qty", "sale_line_id"]
        domain = [["picking_id", "=", picking]]
        rows = self._do("stock.move", "search_read", domain=domain, fields=fields, order="id")
        return list(rows)

    def ship(self, order: str | None, *quantities: float, rest: bool = True) -> int:
        """Ships the order's open transfer, of its moves so much each, or all.

        What is left waits in another one, unless there is to be no ``rest``.
        """
        picking = self.picking(order)
        moves = self.moves(picking)
        for move, quantity in zip(moves, quantities or [move["product_uom_qty"] for move in moves], strict=True):
            picked = {"quantity": float(quantity), "picked": quantity > 0}
            self._do("stock.move", "write", [move["id"]], vals=picked)
        context = WITHOUT_ASKING if rest else {**WITHOUT_ASKING, "picking_ids_not_to_backorder": [picking]}
        assert self._do("stock.picking", "button_validate", [picking], context=context) is True
        return picking

    def take_back(self, picking: int) -> int:
        """Receives all that had left with a transfer."""
        context = {"active_id": picking, "active_ids": [picking], "active_model": "stock.picking"}
        wizard = self._do("stock.return.picking", "create", vals_list=[{"picking_id": picking}], context=context)
        back = self._do("stock.return.picking", "action_create_returns_all", wizard)["res_id"]
        assert self._do("stock.picking", "button_validate", [back], context=WITHOUT_ASKING) is True
        return int(back)

    def copy_of(self, picking: int) -> int:
        """An empty transfer like this one."""
        fields = ["picking_type_id", "sale_id", "partner_id", "location_id", "location_dest_id", "origin"]
        return self._target.create(
            "stock.picking",
            **{
                name: value
                for name, value in self._target.one("stock.picking", picking, *fields).items()
                if name != "id"
            },
        )

    def validate(self, picking: int) -> None:
        """All that is in the transfer has moved."""
        for move in self.moves(picking):
            done = {"quantity": move["product_uom_qty"], "picked": True}
            self._do("stock.move", "write", [move["id"]], vals=done)
        assert self._do("stock.picking", "button_validate", [picking], context=WITHOUT_ASKING) is True

    def add_move(self, picking: int, sku: str, quantity: float, **values: Any) -> int:
        """Puts something into a transfer that nobody ordered."""
        product = self._do("product.product", "search_read", domain=[["default_code", "=", sku]], fields=["uom_id"])[0]
        values = {"picking_id": picking, "product_id": product["id"], "product_uom_qty": quantity, **values}
        return self._target.create("stock.move", product_uom=product["uom_id"][0], **values)

    def draft(self, *orders: str | None, method: str = "delivered", **values: Any) -> int:
        """Makes one invoice of what is due of the orders; it stays a draft."""
        ids = [int(order or 0) for order in orders]
        before = self._invoices(ids)
        wizard = {"advance_payment_method": method, "sale_order_ids": [[6, 0, ids]], **values}
        made = self._do("sale.advance.payment.inv", "create", vals_list=[wizard])
        self._do("sale.advance.payment.inv", "create_invoices", made)
        [invoice] = self._invoices(ids) - before
        return invoice

    def bill(self, *orders: str | None, **values: Any) -> int:
        invoice = self.draft(*orders, **values)
        self.post(invoice)
        return invoice

    def post(self, invoice: int) -> None:
        self._do("account.move", "action_post", [invoice])

    def receive(self, invoice: int, **values: Any) -> None:
        """A payment of the ``amount``, or of all that is due."""
        wizard = self._wizard("account.payment.register", invoice, **values)
        self._do("account.payment.register", "action_create_payments", wizard)

    def reverse(self, invoice: int) -> None:
        """Credits the whole invoice."""
        self.credit(invoice)

    def credit(self, invoice: int, *, quantity: float | None = None, post: bool = True, **values: Any) -> int:
        """A credit note of the invoice; of its first line's ``quantity`` alone, if there is one."""
        journal = self._target.one("account.move", invoice, "journal_id")["journal_id"]
        wizard = self._wizard("account.move.reversal", invoice, journal_id=journal, **values)
        note = int(self._do("account.move.reversal", "refund_moves", wizard)["res_id"])
        if quantity is not None:
            domain = [["move_id", "=", note], ["display_type", "=", "product"]]
            first, *others = self._do("account.move.line", "search", domain=domain, order="id")
            change = [[1, first, {"quantity": quantity}], *([2, line, 0] for line in others)]
            self._do("account.move", "write", [note], vals={"invoice_line_ids": change})
        if post:
            self.post(note)
        return note

    def cancel(self, invoice: int, *, posted: bool = True) -> None:
        if posted:
            self._do("account.move", "button_draft", [invoice])
        self._do("account.move", "button_cancel", [invoice])

    def _wizard(self, model: str, invoice: int, **values: Any) -> list[int]:
        context = {"active_model": "account.move", "active_ids": [invoice], "active_id": invoice}
        return list(self._do(model, "create", vals_list=[values], context=context))

    def _invoices(self, orders: list[int]) -> set[int]:
        rows = self._do("sale.order", "read", orders, fields=["invoice_ids"])
        return {id for row in rows for id in row["invoice_ids"]}
