"""Receivables invoices of our orders: what each comes to, and whether all of an order is billed.

An order names its invoices in the details of its lines, an invoice its orders in its own lines.  Numbers of invoices
are unique in a business unit only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from integration.canonical.rounding import most
from integration.connectors.answers import to_number
from integration.connectors.contract import Change, Document, Page
from integration.connectors.fusion.changed_rows import Listing
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.decode import moment
from integration.connectors.fusion.errors import AccessRefused, InvoicesRefused, NoSuchResource
from integration.connectors.fusion.invoice.shares import TAXES, by_order, share
from integration.connectors.fusion.order.difference import is_canceled
from integration.connectors.fusion.order.sales_orders import DETAILS, SalesOrder, SalesOrders, quantity, text
from integration.errors import Reject

logger = structlog.get_logger(__name__)

RESOURCE = "receivablesInvoices"
LINES = "receivablesInvoiceLines"
BILLED = ("BILLED", "CLOSED")
INCOMPLETE = "Incomplete"
"""The status of an invoice that is still being made out; the others are Complete and Frozen."""
SHOWN = ("TransactionNumber", "TransactionDate", "DueDate", "BusinessUnit", "InvoiceStatus", "InvoiceCurrencyCode")

Row = dict[str, Any]


class Invoices:
    """Reads the invoices of one business unit; ``business_unit`` is its name, or its id, as orders have it.

    ``carries_rounding`` is false where an order's invoices have to come to it exactly (``FUSION_ROUNDING=hold``).
    """

    def __init__(self, client: Client, orders: SalesOrders, business_unit: str, *, carries_rounding: bool) -> None:
        self._client = client
        self._orders = orders
        self._path = client.path(RESOURCE)
        self._listing = Listing(client, self._path, "CustomerTransactionId")
        self._carries_rounding = carries_rounding
        self._unit_id = business_unit if business_unit.isdigit() else None
        self._unit = None if self._unit_id else business_unit

    def changed(self, since: datetime, page: Document | None) -> Page:
        """The invoices that changed, for each order of ours in them; with them that order's other ones.

        Raises `InvoicesRefused` when the user may not read invoices at all.
        """
        where = f"BusinessUnit = {quoted(self._unit)}" if self._unit else ""
        try:
            batch = self._listing.changed(since, page, where, expand=LINES)
            rows = [self._with_lines(row) for row in batch.rows]
        except (NoSuchResource, AccessRefused) as refused:
            raise InvoicesRefused(refused.reason) from refused
        found: dict[str, list[Row]] = defaultdict(list)
        for invoice in rows:
            for number in _orders_in(invoice):
                found[number].append(invoice)
        changes: list[Change] = []
        for number, invoices in found.items():
            if order := self._orders.by_number(number):
                changes += self.of(order, invoices)
        return Page(tuple(sorted(changes, key=lambda change: change.at)), batch.seen, batch.next)

    def of(self, order: SalesOrder, known: Iterable[Row] = ()) -> list[Change]:
        """Every invoice of an order: those that its lines name, and of the ``known`` ones those that name it.

        ``order_complete`` says that every line which is not cancelled is billed, and each invoice it names was found
        and is made out; ``order_invoiced`` is what those that are made out come to.
        """
        named, unit = _named_by(order), self._unit_of(order)
        rows = [row for row in known if _is_of(row, unit)]
        for number in sorted(named - {str(row.get("TransactionNumber")) for row in rows}):
            rows += self._by_number(number, unit)
        bills = [self._bill(row, order) for row in _without_namesakes(rows, order, named)]
        made_out = [bill for bill in bills if bill.is_made_out]
        invoiced = sum((bill.entered or Decimal(0) for bill in made_out), Decimal(0))
        found = named <= {bill.number for bill in made_out}
        complete = found and bool(order.lines) and all(map(_is_billed, order.lines))
        rounding = self._rounding(made_out, order)
        of_order = {"order_invoiced": invoiced, "order_complete": complete, "order_rounding": rounding}
        return [_change(bill, order, of_order) for bill in bills]

    def _rounding(self, bills: list[Bill], order: SalesOrder) -> Decimal:
        """By how much the invoices may differ from their order: Receivables rounds each line of an invoice and its tax.

        In Fusion the order itself has whole minor units only, and where one invoice bills all of it, that has, too.
        """
        if len(bills) < 2 or not self._carries_rounding:
            return Decimal(0)
        lines = [line for bill in bills for line in bill.row[LINES] if line.get("SalesOrder") in (None, order.number)]
        return most(2 * len(lines), str(bills[0].row.get("InvoiceCurrencyCode")))

    def _unit_of(self, order: SalesOrder) -> str | None:
        """The name of our business unit.  Invoices show no other; where only its id is set, an order has it."""
        name = text(order.header.get("BusinessUnitName"))
        if self._unit is None and text(order.header.get("BusinessUnitId")) == self._unit_id:
            self._unit = name
        return self._unit or name

    def _by_number(self, number: str, unit: str | None) -> list[Row]:
        q = f"TransactionNumber={quoted(number)}" + (f" and BusinessUnit={quoted(unit)}" if unit else "")
        rows = self._client.items(self._path, q=q, expand=LINES)
        return [
            self._with_lines(row) for row in rows if _is_of(row, unit) and text(row.get("TransactionNumber")) == number
        ]

    def _with_lines(self, invoice: Row) -> Row:
        return {**invoice, LINES: self._client.children(invoice, LINES, self._item(invoice))}

    def _bill(self, invoice: Row, order: SalesOrder) -> Bill:
        """What of an invoice is this order's."""
        entered, balance = (to_number(invoice.get(name)) for name in ("EnteredAmount", "InvoiceBalanceAmount"))
        if len(_orders_in(invoice)) < 2:
            return Bill(invoice, entered, balance, str(invoice.get("CustomerTransactionId")))
        parts = by_order(invoice[LINES])
        if sum(parts.values()) != entered:
            parts = by_order(self._with_taxes(invoice))
        currency, number = invoice.get("InvoiceCurrencyCode"), order.number or ""
        id = f"{invoice.get('CustomerTransactionId')}/{order.key}"
        return Bill(invoice, share(entered, parts, number, currency), share(balance, parts, number, currency), id)

    def _with_taxes(self, invoice: Row) -> list[Row]:
        """The lines with their tax lines; without, where a pod does not show them."""
        try:
            return list(self._client.items(f"{self._item(invoice)}/child/{LINES}", expand=TAXES))
        except (NoSuchResource, AccessRefused, Reject):
            lines: list[Row] = invoice[LINES]
            return lines

    def _item(self, invoice: Row) -> str:
        return self._client.path(RESOURCE, str(invoice.get("CustomerTransactionId")))


@dataclass(frozen=True)
class Bill:
    """An invoice, or what of it is one order's; an amount is None where Fusion's lines do not say whose it is."""

    row: Row
    entered: Decimal | None
    balance: Decimal | None
    id: str

    @property
    def number(self) -> str | None:
        return text(self.row.get("TransactionNumber"))

    @property
    def is_made_out(self) -> bool:
        return self.entered is not None and self.row.get("InvoiceStatus") != INCOMPLETE


def _change(bill: Bill, order: SalesOrder, of_order: Document) -> Change:
    document = {
        "CustomerTransactionId": text(bill.row.get("CustomerTransactionId")),
        **{name: text(bill.row.get(name)) for name in SHOWN},
        "EnteredAmount": bill.entered,
        "InvoiceBalanceAmount": bill.balance,
        "OrderKey": order.key,
        "OrderNumber": order.number,
        **of_order,
    }
    at = moment(bill.row.get("LastUpdateDate")) or order.at
    return Change("invoice.changed", bill.id, at, bill.number, order.parent, document)


def _named_by(order: SalesOrder) -> set[str]:
    """The numbers of the invoices that an order's lines name."""
    details = [detail for line in order.lines for detail in line[DETAILS]]
    return {number for detail in details if (number := text(detail.get("BillingTransactionNumber")))}


def _is_of(invoice: Row, unit: str | None) -> bool:
    return unit is None or invoice.get("BusinessUnit", unit) == unit


def _orders_in(invoice: Row) -> list[str]:
    """The numbers of the orders that an invoice's lines name."""
    return list(by_order(invoice[LINES]))


def _without_namesakes(rows: list[Row], order: SalesOrder, named: set[str]) -> list[Row]:
    """The order's own of the invoices that were found by number: where lines name orders, those that name it."""
    ours = [row for row in rows if order.number in _orders_in(row)]
    for number in sorted(named - {str(row.get("TransactionNumber")) for row in ours}):
        others = [row for row in rows if text(row.get("TransactionNumber")) == number and not _orders_in(row)]
        if len(others) == 1:
            ours += others
        else:
            logger.warning("poll.invoice_skipped", number=number, order=order.key)
    return ours


def _is_billed(line: Row) -> bool:
    """Whether nothing of a line is left to be billed: by its status, or a pod of its own statuses, by what was."""
    ordered = quantity(line, "OrderedQuantity")
    details = [detail for detail in line[DETAILS] if detail.get("BillingTransactionNumber")]
    billed = sum((quantity(detail, "Quantity") for detail in details), Decimal(0))
    return is_canceled(line) or line.get("StatusCode") in BILLED or billed >= ordered
