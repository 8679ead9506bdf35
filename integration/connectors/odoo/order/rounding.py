"""The total of an order in Odoo: equal to Clarity's to the minor unit before anything is confirmed, or held.

Clarity and Odoo round taxes in different places, so with taxes on top of prices the totals are often a few minor units
apart.  What that explains, a *rounding line* carries: a line of a service product without taxes, known by the external
id ``__clarity__.order_rounding__<order>``.  It is no line of the document, so nothing else here compares or removes it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from integration.canonical.money import format_money
from integration.canonical.rounding import explains, most
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.amounts import lines_of, roundings
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.errors import loaded
from integration.connectors.odoo.external import load_request, xmlid
from integration.connectors.odoo.order.lines import names_of
from integration.connectors.odoo.order.rows import Row, tax_field
from integration.connectors.odoo.order.services import NAMES, Services
from integration.errors import Hold

EFFECT = "order.rounding"
LAST = 9999
"""The place of the rounding line among the order's lines."""


class OrderTotal:
    """The total of one order; ``carries`` is false where every difference is to be held (``ODOO_ROUNDING=hold``)."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work, *, carries: bool) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._carries = carries
        self._name = xmlid("order_rounding", document["key"])

    def ensure(self, order: Row, read: Callable[[int], Row]) -> Decimal:
        """What the rounding line carries, once the totals are equal; ``read`` gives the order as Odoo has it.

        A difference that a person lets pass stays.  Raises `Hold` for another currency, for lines that are missing, and
        for a difference that rounding does not explain.
        """
        self._check_currency(order)
        self._check_lines(order)
        ours: Decimal = self._document["amount_total"]
        theirs = exact(order["amount_total"])
        extra = len(order["order_line"]) > len(self._document["lines"])
        line = self._line(order) if extra else None
        carried = exact(line["price_total"]) if line else Decimal(0)
        if ours == theirs:
            if carried:
                self._work.found(EFFECT, f"a line carries {carried:f}")
            return carried
        if not (self._carries and self._explained(order, theirs - carried)):
            if self._work.accepts(abs(theirs - ours)) or self._work.accepts(abs(theirs - ours) - self._rounding(order)):
                return carried
            raise self._differs(order, theirs)
        carried += ours - theirs
        self._carry(order, line, carried)
        order = read(order["id"])
        if exact(order["amount_total"]) != ours:
            raise self._differs(order, exact(order["amount_total"]))
        return carried

    def _explained(self, order: Row, theirs: Decimal) -> bool:
        """Whether rounding alone makes Clarity's total, and Odoo's own, what they are: see `canonical.rounding`."""
        currency, lines = self._document["currency"], lines_of(self._document)
        exactly = sum((line.total for line in lines), Decimal(0))
        if not explains(self._document.get("tax_roundings", 0), self._document["amount_total"] - exactly, currency):
            return False
        for fresh in (False, True):
            method = self._catalog.rounding_method(order["company_id"][0], fresh)
            if explains(roundings(lines, currency, method), theirs - exactly, currency):
                return True
        return False

    def _rounding(self, order: Row) -> Decimal:
        """The most by which rounding alone can make both totals differ."""
        currency = self._document["currency"]
        method = self._catalog.rounding_method(order["company_id"][0])
        ours = Decimal(self._document.get("tax_roundings", 0))
        return most(ours + roundings(lines_of(self._document), currency, method), currency)

    def _line(self, order: Row) -> Row | None:
        """The rounding line, if the order has one."""
        found = [id for id, name in names_of(self._client, order).items() if name == self._name]
        fields = ["price_total", "qty_invoiced"]
        rows = self._client.call("sale.order.line", "read", found, fields=fields) if found else []
        return rows[0] if rows else None

    def _carry(self, order: Row, line: Row | None, amount: Decimal) -> None:
        if line is None:
            row = {"id": self._name, "order_id/.id": order["id"], "sequence": LAST, **self._values(amount)}
            request = load_request(self._client, "sale.order.line", [row])
            self._work.perform(EFFECT, request, lambda frozen: loaded(self._client.send(frozen), "rounding line"))
            return
        # Its quantity, price and discount go together: after a quantity alone Odoo takes its own price.
        figures: Row = {"product_uom_qty": 1, "price_unit": amount, "discount": 0}
        if not amount and not line["qty_invoiced"]:
            figures["product_uom_qty"] = 0  # so that nobody has to bill it
        change = [1, line["id"], {**figures, self._tax: [[6, 0, []]]}]
        request = self._client.request("sale.order", "write", [order["id"]], vals={"order_line": [change]})
        self._work.perform(EFFECT, request, self._client.send)

    def _values(self, amount: Decimal) -> Row:
        values: Row = {
            "product_id/.id": Services(self._client, self._catalog, self._work).product("rounding"),
            "name": NAMES["rounding"],
            "product_uom_qty": 1,
            "price_unit": amount,
            "discount": 0,
            f"{self._tax}/.id": [],
        }
        # Odoo's mark for what is not billed alone (``_can_be_invoiced_alone``): else every order that carries some
        # cents would be due at once where goods are billed when they are delivered.
        return values | ({"is_delivery": True} if "is_delivery" in self._fields else {})

    @property
    def _fields(self) -> frozenset[str]:
        return self._catalog.fields("sale.order.line")

    @property
    def _tax(self) -> str:
        return tax_field(self._fields)

    def _check_currency(self, order: Row) -> None:
        currency, shown = self._document["currency"], order["currency_id"][1]
        if currency != shown:
            raise Hold(
                f"{order['name']} is in {shown} in Odoo, the order in Clarity in {currency}",
                hint="See who gave it another pricelist in Odoo; correct that there. {again}",
                code="currency_differs",
            )

    def _check_lines(self, order: Row) -> None:
        shown, wanted = len(order["order_line"]), len(self._document["lines"])
        if shown < wanted:
            raise Hold(
                f"{order['name']} has {shown} of the {wanted} lines in Odoo that the order has in Clarity",
                hint="See in Odoo who removed a line, or which app did, and add it there by hand. {again}",
                code="lines_missing",
            )

    def _differs(self, order: Row, theirs: Decimal) -> Hold:
        currency, ours = self._document["currency"], self._document["amount_total"]
        exactly = round(sum((line.total for line in lines_of(self._document)), Decimal(0)), 6)
        return Hold(
            f"{order['name']} comes to {format_money(theirs, currency)} in Odoo, "
            f"in Clarity to {format_money(ours, currency)}; "
            f"its lines with their taxes come to {format_money(exactly, currency)} before anything is rounded",
            hint="Likely causes: a tax's rate or price-included setting in Odoo, a quantity with more decimals than "
            "Odoo keeps, a line that somebody added or changed in Odoo; with ODOO_ROUNDING=hold also where each of "
            "them rounds. Correct it there, or the mapping and run `fleet mapping publish`. {again}",
            code="total_differs",
            difference=abs(theirs - ours),
        )
