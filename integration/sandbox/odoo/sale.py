"""sale.order and sale.order.line: amounts, confirmation, cancellation."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import not_faked, user_error, value_error
from integration.sandbox.odoo.partner import Partner
from integration.sandbox.odoo.records import Records, Row, on_records
from integration.sandbox.odoo.stock import cancel_pickings, deliver
from integration.sandbox.odoo.tax import LineAmounts, Tax, line_amounts, order_amounts, to_unit

_LINE_REMOVAL = (
    "Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets invoiced "
    "or delivered).\n                Set the quantity to 0 instead."
)
_BELOW_DELIVERED = (
    "The ordered quantity of a sale order line cannot be decreased below the amount already delivered. Instead, create "
    "a return in your inventory."
)
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
        self.settle_later(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        order = self.existing(id)
        if order["state"] == "sale" and "pricelist_id" in values:
            raise user_error("You cannot change the pricelist of a confirmed order !")
        super().write_one(id, values)
        partner = self.existing(id)["partner_id"]
        if partner != order["partner_id"]:
            addresses = self._addresses({"partner_id": partner})
            self.store(id, {name: found for name, found in addresses.items() if name not in values})
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

    def compute_invoice_status(self, row: Row) -> str:
        lines = self._lines_of([row])
        due = any(line["product_uom_qty"] > line.get("qty_invoiced", 0.0) for line in lines if line.get("product_id"))
        return "to invoice" if row["state"] == "sale" and due else "no"

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
        company = self.env.records("res.company").existing(COMPANY_ID)
        unit = Decimal(str(self.env.records("res.currency").existing(self.compute_currency_id(order))["rounding"]))
        per_line = company["tax_calculation_rounding_method"] == "round_per_line"
        lines = [line for line in self._lines_of([order]) if not line.get("display_type")]
        amounts = [self._line_amounts(line, unit, per_line=per_line) for line in lines]
        for line, amount in zip(lines, amounts, strict=True):
            subtotal, total = map(float, amount.rounded(unit))
            prices = {"price_subtotal": subtotal, "price_total": total, "price_tax": total - subtotal}
            self.env.records("sale.order.line").store_changed(line["id"], prices)
        untaxed, tax = order_amounts(amounts, unit)
        totals = {"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": untaxed + tax}
        self.store_changed(id, {name: float(amount) for name, amount in totals.items()})
        if order["state"] == "sale":
            deliver(self.env, order, lines)

    def _line_amounts(self, line: Row, unit: Decimal, *, per_line: bool) -> LineAmounts:
        price, discount, quantity = (
            Decimal(repr(line[name])) for name in ("price_unit", "discount", "product_uom_qty")
        )
        taxes = [self._tax(id) for id in line["tax_ids"]]
        return line_amounts(price, discount, quantity, taxes, unit, per_line=per_line)

    def _tax(self, id: int) -> Tax:
        row = self.env.records("account.tax").existing(id)
        if row["amount_type"] != "percent" or row.get("include_base_amount"):
            raise not_faked(f"taxes of type {row['amount_type']} or that count into the base of others")
        return Tax(id, Decimal(repr(row["amount"])), bool(row["price_include"]))


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
        self._order().settle_later(self.existing(id)["order_id"])
        return id

    def write_one(self, id: int, values: Row) -> None:
        line = self.existing(id)
        self._check_changes(line, self._order().existing(line["order_id"]), values)
        super().write_one(id, values)
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
        moves = map(self.env.records("stock.move").existing, self._move_ids(row))
        return float(sum(move["quantity"] for move in moves if move["state"] == "done"))

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
