"""sale.order and sale.order.line: amounts, confirmation, cancellation."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from integration.sandbox.odoo import amounts, kits
from integration.sandbox.odoo.companies import check_companies
from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import user_error, value_error
from integration.sandbox.odoo.partner import Partner
from integration.sandbox.odoo.records import Records, Row, on_records
from integration.sandbox.odoo.stock import by_order, came_back, cancel_pickings, converted, deliver, promise
from integration.sandbox.odoo.tax import to_unit

_LINE_REMOVAL = (
    "Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets invoiced "
    "or delivered).\n                Set the quantity to 0 instead."
)
_BELOW_DELIVERED = (
    "The ordered quantity of a sale order line cannot be decreased below the amount already delivered. Instead, create "
    "a return in your inventory."
)
PARTNERS = ("partner_id", "partner_invoice_id", "partner_shipping_id")
_PROTECTED = {"product_id", "name", "price_unit", "product_uom_id", "product_uom_qty", "tax_ids", "discount"}


class Order(Records):
    """States: draft → sale → cancel → draft.  What follows from a change is settled when the call ends."""

    @on_records
    def action_confirm(self) -> bool:
        """Confirms and sets date_order to now, whatever it was; makes the transfer."""
        orders = [self.existing(id) for id in self.ids]
        if any(order["state"] not in ("draft", "sent") for order in orders):
            raise user_error("Some orders are not in a state requiring confirmation.")
        if any(not line.get("product_id") and not line.get("display_type") for line in self._lines_of(orders)):
            raise user_error("Some order lines are missing a product, you need to correct them before going further.")
        for order in orders:
            self.store(order["id"], {"state": "sale", "date_order": self.env.now[:19]})
            self.settle_later(order["id"])
        return True

    @on_records
    def action_cancel(self) -> bool:
        """Cancels in any state but locked, with what is not yet delivered."""
        orders = [self.existing(id) for id in self.ids]
        if any(order["locked"] for order in orders):
            raise user_error("You cannot cancel a locked order. Please unlock it first.")
        for order in orders:
            self.store(order["id"], {"state": "cancel"})
            cancel_pickings(self.env, order["id"])
        return True

    @on_records
    def action_draft(self) -> bool:
        for id in self.ids:
            if self.existing(id)["state"] in ("cancel", "sent"):
                self.store(id, {"state": "draft"})
        return True

    @on_records
    def action_lock(self) -> None:
        for id in self.ids:
            self.existing(id)
            self.store(id, {"locked": True})

    @on_records
    def action_unlock(self) -> None:
        for id in self.ids:
            self.existing(id)
            self.store(id, {"locked": False})

    @on_records
    def message_post(self, *, body: str = "", **kwargs: Any) -> list[int]:
        """Keeps the note and gives its id; nobody can read it here."""
        del kwargs
        [id] = self.ids
        self.existing(id)
        return [self.env.database.insert("mail.message", {"order_id": id, "body": body})]

    def defaults(self, values: Row) -> Row:
        default = {
            "name": f"S{values['id']:05d}",
            "state": "draft",
            "date_order": self.env.now[:19],
            "validity_date": str((datetime.fromisoformat(self.env.now) + timedelta(days=30)).date()),
            "company_id": COMPANY_ID,
            "user_id": self.env.uid,
            "team_id": 1,
            "warehouse_id": 1,
            "picking_policy": "direct",
            "locked": False,
            "require_signature": True,
            "pricelist_id": self._default_pricelist(),
            "amount_untaxed": 0.0,
            "amount_tax": 0.0,
            "amount_total": 0.0,
        }
        return super().defaults({**default, **self._addresses(values), **values})

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        check_companies(self, self.existing(id), *PARTNERS)
        self.settle_later(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        order = self.existing(id)
        if order["state"] == "sale" and "pricelist_id" in values:
            raise user_error("You cannot change the pricelist of a confirmed order !")
        super().write_one(id, values)
        check_companies(self, self.existing(id), *PARTNERS)
        partner = self.existing(id)["partner_id"]
        if partner != order["partner_id"]:
            taken = {**self._addresses({"partner_id": partner}), "payment_term_id": False}  # no contact has terms here
            self.store(id, {name: found for name, found in taken.items() if name not in values})
        if "commitment_date" in values:
            promise(self.env, id, values["commitment_date"])
        if {"pricelist_id", "order_line"} & set(values):
            self.settle_later(id)

    def settle_later(self, id: int) -> None:
        """Amounts, and the moves of a confirmed order, when the call ends."""
        self.env.later(("settle", id), lambda: self._settle(id))

    def compute_currency_id(self, row: Row) -> int:
        """The pricelist's currency, else the company's; a value sent for it is ignored."""
        if row.get("pricelist_id"):
            return int(self.env.records("product.pricelist").existing(row["pricelist_id"])["currency_id"])
        return int(self.env.records("res.company").existing(COMPANY_ID)["currency_id"])

    def compute_delivery_status(self, row: Row) -> str | bool:
        pickings = self.env.database.find("stock.picking", "sale_id", row["id"])
        states = {self.env.records("stock.picking").existing(id)["state"] for id in pickings}
        open_states = states - {"cancel"}
        if not open_states:
            return False
        return "full" if open_states == {"done"} else "partial" if "done" in open_states else "pending"

    def compute_effective_date(self, row: Row) -> str | bool:
        """When the first transfer left."""
        pickings = map(self.env.records("stock.picking").existing, self.value(row, "picking_ids"))
        return min((picking["date_done"] for picking in pickings if picking["state"] == "done"), default=False)

    def compute_invoice_status(self, row: Row) -> str:
        """Of its lines; what cannot be invoiced alone, as a shipping fee, is not due while other lines wait."""
        lines = self.env.records("sale.order.line")
        statuses = {
            line["id"]: lines.value(line, "invoice_status")
            for line in self._lines_of([row])
            if not line.get("display_type")
        }
        found = set(statuses.values())
        if row["state"] != "sale" or not found:
            return "no"
        if "to invoice" in found:
            due = [lines.existing(id) for id, status in statuses.items() if status == "to invoice"]
            return "no" if "no" in found and all(line["is_delivery"] for line in due) else "to invoice"
        return "invoiced" if found == {"invoiced"} else "upselling" if found <= {"invoiced", "upselling"} else "no"

    def compute_invoice_ids(self, row: Row) -> list[int]:
        lines, items = self.env.records("sale.order.line"), self.env.records("account.move.line")
        found = [id for line in self._lines_of([row]) for id in lines.value(line, "invoice_lines")]
        return list(dict.fromkeys(items.existing(id)["move_id"] for id in found))

    def _lines_of(self, orders: list[Row]) -> list[Row]:
        lines = self.env.records("sale.order.line")
        field = self.model.fields["order_line"]
        return [lines.existing(id) for order in orders for id in self.lines(order["id"], field)]

    def _converted(self, values: Row) -> Row:
        return {name: value for name, value in super()._converted(values).items() if name != "currency_id"}

    def _addresses(self, values: Row) -> Row:
        partner = values.get("partner_id")
        if not partner:
            return {}
        partners = self.env.records("res.partner")
        assert isinstance(partners, Partner)
        return {
            "partner_invoice_id": partners.address_of(partner, "invoice"),
            "partner_shipping_id": partners.address_of(partner, "delivery"),
        }

    def _default_pricelist(self) -> int | bool:
        first: list[int] = self.env.records("product.pricelist").search([], limit=1)
        return first[0] if first else False

    def _settle(self, id: int) -> None:
        order = self.row(id)
        if order is None:
            return
        lines = [line for line in self._lines_of([order]) if not line.get("display_type")]
        currency = self.compute_currency_id(order)
        untaxed, tax = amounts.settle(self.env, "sale.order.line", lines, "product_uom_qty", currency)
        totals = {"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": untaxed + tax}
        self.store_changed(id, {name: float(amount) for name, amount in totals.items()})
        if order["state"] == "sale":
            deliver(self.env, order, lines)


class OrderLine(Records):
    """A line without price, name or taxes takes the product's."""

    def defaults(self, values: Row) -> Row:
        if not values.get("order_id"):
            raise value_error("Expected singleton: sale.order()")
        product = self._product(values)
        price = values.get("price_unit", product.get("list_price", 0.0))
        default = {
            "sequence": 10,
            "product_uom_qty": 1.0,
            "price_unit": price,
            "technical_price_unit": price,
            "discount": 0.0,
            "tax_ids": product.get("taxes_id", []),
            "is_delivery": False,
            "product_uom_id": product.get("uom_id", False),
            "customer_lead": 0.0,
        }
        if product:
            default["name"] = self.env.records("product.product").label(product)
        if values.get("display_type"):
            default |= {"product_uom_qty": 0.0, "tax_ids": []}
        return super().defaults({**default, **values})

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        check_companies(self, self.existing(id), "product_id")
        self._order().settle_later(self.existing(id)["order_id"])
        return id

    def write_one(self, id: int, values: Row) -> None:
        line = self.existing(id)
        self._check_changes(line, self._order().existing(line["order_id"]), values)
        super().write_one(id, values)
        check_companies(self, self.existing(id), "product_id")
        if {"product_id", "product_uom_qty"} & set(values) and "price_unit" not in values:
            self._price_from_product(line, self.existing(id))
        self._order().settle_later(line["order_id"])

    def unlink_one(self, id: int) -> None:
        order = self._order().existing(self.existing(id)["order_id"])
        if order["state"] == "sale":
            raise user_error(_LINE_REMOVAL)
        super().unlink_one(id)
        self._order().settle_later(order["id"])

    def label(self, row: Row) -> str:
        order = self._order().existing(row["order_id"])
        partner = self.env.records("res.partner").existing(order["partner_id"])
        product = self._product(row)
        what = self.env.records("product.product").label(product) if product else row["name"].partition("\n")[0]
        return f"{order['name']} - {what} ({partner.get('ref') or partner.get('name')})"

    def compute_state(self, row: Row) -> str:
        return str(self._order().existing(row["order_id"])["state"])

    def compute_qty_delivered(self, row: Row) -> float:
        """What left of this product; a move of another one does not count, but as a part of a kit."""
        unit, delivered = row["product_uom_id"], 0.0
        moves = list(map(self.env.records("stock.move").existing, self._move_ids(row)))
        done = [
            {**move, "quantity": -move["quantity"]} if came_back(self.env, move) else move
            for move in moves
            if move["state"] == "done"
        ]
        if row.get("product_id") and (sets := kits.delivered(self.env, row["product_id"], done)) is not None:
            return converted(self.env, sets, self._product(row)["uom_id"], unit)
        for move in done:
            if move["product_id"] == row["product_id"]:
                delivered += converted(self.env, move["quantity"], move["product_uom"], unit)
        return delivered

    def compute_qty_invoiced(self, row: Row) -> float:
        """Of invoices less refunds, drafts among them."""
        moves, invoiced = self.env.records("account.move"), 0.0
        for line in map(self.env.records("account.move.line").existing, self.compute_invoice_lines(row)):
            move = moves.existing(line["move_id"])
            if move["state"] != "cancel":
                invoiced += -line["quantity"] if move["move_type"] == "out_refund" else line["quantity"]
        return invoiced

    def compute_qty_to_invoice(self, row: Row) -> float:
        """By the product's policy of what was ordered or what was delivered."""
        if self.compute_state(row) != "sale" or row.get("display_type"):
            return 0.0
        due = row["product_uom_qty"] if by_order(self._product(row)) else self.value(row, "qty_delivered")
        return float(due - self.compute_qty_invoiced(row))

    def compute_invoice_status(self, row: Row) -> str:
        if self.compute_state(row) != "sale":
            return "no"
        if self.compute_qty_to_invoice(row):
            return "to invoice"
        ordered = row["product_uom_qty"]
        if by_order(self._product(row)) and self.value(row, "qty_delivered") > ordered >= 0:
            return "upselling"
        return "invoiced" if self.compute_qty_invoiced(row) >= ordered else "no"

    def compute_invoice_lines(self, row: Row) -> list[int]:
        lines = self.env.records("account.move.line")
        ids = self.env.database.find("account.move.line", "sale_line_ids", row["id"])
        return [line["id"] for line in lines.sort([lines.existing(id) for id in ids], None)]

    def compute_order_partner_id(self, row: Row) -> int:
        return int(self._order().existing(row["order_id"])["partner_id"])

    def compute_company_id(self, row: Row) -> int:
        return int(self._order().existing(row["order_id"])["company_id"])

    def compute_currency_id(self, row: Row) -> int:
        return self._order().compute_currency_id(self._order().existing(row["order_id"]))

    def _order(self) -> Order:
        orders = self.env.records("sale.order")
        assert isinstance(orders, Order)
        return orders

    def _product(self, values: Row) -> Row:
        return self.env.records("product.product").row(values.get("product_id") or 0) or {}

    def _check_changes(self, line: Row, order: Row, values: Row) -> None:
        """What the state of the order forbids; a locked order forbids even the same value."""
        delivered, ordered = self.value(line, "qty_delivered"), line["product_uom_qty"]
        if values.get("product_id", line["product_id"]) != line["product_id"] and self._product_fixed(line, order):
            raise user_error("You cannot modify the product of this order line.")
        if order["state"] == "sale" and values.get("product_uom_qty", ordered) < min(ordered, delivered):
            raise user_error(_BELOW_DELIVERED)
        if order["locked"] and (names := sorted(_PROTECTED & set(values))):
            labels = "\n".join(self.model.fields[name].label for name in names)
            raise user_error(f"It is forbidden to modify the following fields in a locked order:\n{labels}")

    def _product_fixed(self, line: Row, order: Row) -> bool:
        states = {self.env.records("stock.move").existing(id)["state"] for id in self._move_ids(line)}
        return order["state"] == "cancel" or bool(states - {"cancel"}) or order["state"] == "sale" and order["locked"]

    def _move_ids(self, line: Row) -> set[int]:
        return self.env.database.find("stock.move", "sale_line_id", line["id"])

    def _price_from_product(self, before: Row, line: Row) -> None:
        """A change of quantity or product brings the product's price back, unless somebody changed the price since."""
        unit = Decimal("0.01")
        technical, current = (Decimal(repr(before[name])) for name in ("technical_price_unit", "price_unit"))
        product = self._product(line)
        if product and to_unit(technical, unit) == to_unit(current, unit):
            self.store(line["id"], {"price_unit": product["list_price"], "technical_price_unit": product["list_price"]})

    def _invalid_name(self, name: str) -> str:
        return f"Invalid field {name!r} on model {self.model.name!r}"
