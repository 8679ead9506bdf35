"""By how much the invoices of an order may differ from it: each is rounded for itself, as the order is (Odoo 19.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from integration.canonical.rounding import most
from integration.connectors.odoo.amounts import PER_LINE, Line, Tax, roundings
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.order.rows import tax_field

ORDER = ("amount_total", "currency_id", "company_id", "order_line")
"""The fields of an order that `BilledAmounts.rounding` needs."""
PRICED = ("price_unit", "discount")


class BilledAmounts:
    """Counts the roundings in an order of Odoo's and in its invoices."""

    def __init__(self, client: Client, catalog: Catalog) -> None:
        self._client = client
        self._catalog = catalog

    def rounding(self, order: Row, invoices: Mapping[int, bool]) -> Decimal:
        """The largest difference, in whole minor units, that rounding makes between an order and all its invoices.

        ``invoices`` says of each whether it bills other orders, too: of such the order's part is the sum of its lines,
        each rounded for itself.  With *n* roundings in the order and in the invoices together it is *n* halves.
        """
        method, currency = self._catalog.rounding_method(order["company_id"][0]), order["currency_id"][1]
        tax = tax_field(self._catalog.fields("sale.order.line"))
        ordered = self._client.call(
            "sale.order.line", "read", order["order_line"], fields=["product_uom_qty", *PRICED, tax], load=None
        )
        billed = self._client.call(
            "account.move.line",
            "search_read",
            domain=[["move_id", "in", sorted(invoices)], ["sale_line_ids", "in", order["order_line"]]],
            fields=["move_id", "quantity", *PRICED, "tax_ids"],
            order="id",
        )
        used = {id for row in ordered for id in row[tax]} | {id for row in billed for id in row["tax_ids"]}
        taxes = self._taxes(used)
        count = roundings([_line(row, row["product_uom_qty"], row[tax], taxes) for row in ordered], currency, method)
        for invoice, shared in invoices.items():
            rows = [row for row in billed if row["move_id"][0] == invoice]
            lines = [_line(row, row["quantity"], row["tax_ids"], taxes) for row in rows]
            count += roundings(lines, currency, PER_LINE if shared else method)
        return most(count, currency)

    def _taxes(self, ids: Iterable[int]) -> dict[int, Tax]:
        asked = sorted(ids)
        fields = ["amount", "price_include"]
        rows = self._client.call("account.tax", "read", asked, fields=fields) if asked else []
        return {row["id"]: Tax(exact(row["amount"]), bool(row["price_include"]), row["id"]) for row in rows}


def _line(row: Row, quantity: Any, taxes: Iterable[int], known: Mapping[int, Tax]) -> Line:
    price, discount = Decimal(row["price_unit"]), exact(row["discount"])
    return Line.of(exact(quantity), price, discount, [known[id] for id in taxes if id in known])
