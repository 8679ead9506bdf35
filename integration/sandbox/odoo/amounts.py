"""Amounts of the lines of an order or an invoice, and of all of them together."""

from __future__ import annotations

from decimal import Decimal

from integration.sandbox.odoo.environment import COMPANY_ID, Environment
from integration.sandbox.odoo.errors import not_faked
from integration.sandbox.odoo.records import Row
from integration.sandbox.odoo.tax import LineAmounts, Tax, line_amounts, order_amounts


def settle(env: Environment, model: str, lines: list[Row], quantity: str, currency: int) -> tuple[Decimal, Decimal]:
    """Stores the amounts of ``lines`` of ``model``; (untaxed, tax) of all, in units of ``currency``.

    ``quantity`` is the field that counts.  Each invoice is rounded for itself, as an order is, so that the invoices of
    its parts may come to a cent more or less than the order.
    """
    unit = Decimal(str(env.records("res.currency").existing(currency)["rounding"]))
    company = env.records("res.company").existing(COMPANY_ID)
    per_line = company["tax_calculation_rounding_method"] == "round_per_line"
    amounts = [_of_line(env, line, quantity, unit, per_line=per_line) for line in lines]
    records = env.records(model)
    for line, amount in zip(lines, amounts, strict=True):
        subtotal, total = map(float, amount.rounded(unit))
        prices = {"price_subtotal": subtotal, "price_total": total, "price_tax": total - subtotal}
        known = {name: price for name, price in prices.items() if name in records.model.fields}
        records.store_changed(line["id"], known)
    return order_amounts(amounts, unit)


def _of_line(env: Environment, line: Row, quantity: str, unit: Decimal, *, per_line: bool) -> LineAmounts:
    price, discount, counted = (Decimal(repr(line[name])) for name in ("price_unit", "discount", quantity))
    taxes = [_tax(env, id) for id in line["tax_ids"]]
    return line_amounts(price, discount, counted, taxes, unit, per_line=per_line)


def _tax(env: Environment, id: int) -> Tax:
    row = env.records("account.tax").existing(id)
    if row["amount_type"] != "percent" or row.get("include_base_amount"):
        raise not_faked(f"taxes of type {row['amount_type']} or that count into the base of others")
    return Tax(id, Decimal(repr(row["amount"])), bool(row["price_include"]))
