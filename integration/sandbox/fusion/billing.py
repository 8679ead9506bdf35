"""Receivables invoices for what was shipped, and their payment.

An order that ships in parts is billed in parts: one invoice for the lines of one step, with their freight and tax.
Over all its invoices an order comes to exactly its own total.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from integration.sandbox.fusion import pricing
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import INVOICE
from integration.sandbox.fusion.seed import OTHER_BUSINESS_UNIT

Row = dict[str, Any]

FIRST_NUMBER = 70012
DAYS_TO_PAY = 30


class Billing:
    """Writes the invoices into ``records``."""

    def __init__(self, records: Records, business_unit: str) -> None:
        self._records = records
        self._business_unit = business_unit

    def bill(self, order: Row, lines: list[Row], *, namesake: bool) -> None:
        """One invoice for ``lines``, whose details get its number."""
        if not lines:
            return
        number = str(self._records.next("invoice", FIRST_NUMBER))
        invoice = self._invoice(order, lines, number)
        self._put(invoice)
        if namesake:
            other = {**invoice, "CustomerTransactionId": self._records.new_id(), "BusinessUnit": OTHER_BUSINESS_UNIT}
            other |= {"EnteredAmount": 1, "InvoiceBalanceAmount": 1, "receivablesInvoiceLines": []}
            self._put(other)
        for line in lines:
            detail = {
                "FulfillLineDetailId": self._records.new_id(),
                "TaskType": "Invoice",
                "Status": "Billed",
                "StatusCode": "BILLED",
                "StatusAsOfDate": now(),
                "Quantity": line["OrderedQuantity"],
                "BillingTransactionNumber": number,
                "BillingTransactionDate": f"{datetime.now(UTC):%Y-%m-%d}T00:00:00+00:00",
                "BillingTransactionAmount": pricing.net(line["charges"]),
                "ExceptionFlag": False,
            }
            line["lineDetails"] = [*line["lineDetails"], detail]

    def pay(self, lines: list[Row]) -> None:
        """The invoices of ``lines`` have been paid in full."""
        numbers = {detail.get("BillingTransactionNumber") for line in lines for detail in line["lineDetails"]} - {None}
        for number in numbers:
            invoice = self._records.find(INVOICE.name, f"{self._business_unit}/{number}")
            assert invoice
            [installment] = invoice["receivablesInvoiceInstallments"]
            closed = {"InstallmentStatus": "Closed", "InstallmentBalanceDue": 0, "AmountPaid": invoice["EnteredAmount"]}
            paid = {"InvoiceBalanceAmount": 0, "LastUpdateDate": now()}
            self._put({**invoice, **paid, "receivablesInvoiceInstallments": [{**installment, **closed}]})

    def _put(self, invoice: Row) -> None:
        """Numbers are unique in a business unit only."""
        self._records.put(INVOICE.name, f"{invoice['BusinessUnit']}/{invoice['TransactionNumber']}", invoice)

    def _invoice(self, order: Row, lines: list[Row], number: str) -> Row:
        rows = self._lines(order, lines)
        charges = [charge for line in lines for charge in pricing.counted(order, line)]
        freight = pricing.amount(list(filter(pricing.is_freight, charges)), pricing.NET)
        tax = sum((pricing.taxes(order, line) for line in lines), Decimal(0))
        entered = pricing.plain(sum((Decimal(str(row["LineAmount"])) for row in rows), tax))
        today = datetime.now(UTC).date()
        due = today + timedelta(days=DAYS_TO_PAY)
        return {
            "CustomerTransactionId": self._records.new_id(),
            "TransactionNumber": number,
            "TransactionDate": today.isoformat(),
            "TransactionType": "Invoice",
            "TransactionSource": "Distributed Order Orchestration",
            "BusinessUnit": self._business_unit,
            **self._payer(order),
            "InvoiceCurrencyCode": order["TransactionalCurrencyCode"],
            "EnteredAmount": entered,
            "InvoiceBalanceAmount": entered,
            "FreightAmount": pricing.plain(freight),
            "InvoiceStatus": "Complete",
            "DueDate": due.isoformat(),
            "AccountingDate": today.isoformat(),
            "PaymentTerms": order.get("PaymentTerms") or "30 Net",
            "PurchaseOrder": order.get("CustomerPONumber"),
            "CreationDate": now(),
            "LastUpdateDate": now(),
            "receivablesInvoiceLines": rows,
            "receivablesInvoiceInstallments": [self._installment(entered, due)],
        }

    def _lines(self, order: Row, lines: list[Row]) -> list[Row]:
        rows = []
        for line in lines:
            goods = {"ItemNumber": line["ProductNumber"], "Description": line["ProductDescription"], "MemoLine": None}
            rows.append({**goods, "Quantity": line["OrderedQuantity"], "LineAmount": pricing.net(line["charges"])})
            rows[-1]["UnitSellingPrice"] = line.get("UnitSellingPrice")
            for charge in pricing.counted(order, line):
                if not pricing.is_price(charge):
                    name = "Freight" if pricing.is_freight(charge) else "Fee"
                    amount = pricing.plain(pricing.amount([charge], pricing.NET))
                    memo = {"ItemNumber": None, "Description": name, "MemoLine": name, "Quantity": 1}
                    rows.append({**memo, "LineAmount": amount, "UnitSellingPrice": amount})
        shared = {"UnitOfMeasure": "Each", "SalesOrder": order["OrderNumber"], "LastUpdateDate": now()}
        return [
            {"CustomerTransactionLineId": self._records.new_id(), "LineNumber": number, **row, **shared}
            for number, row in enumerate(rows, start=1)
        ]

    def _installment(self, amount: int | float, due: date) -> Row:
        return {
            "InstallmentId": self._records.new_id(),
            "InstallmentSequenceNumber": 1,
            "InstallmentStatus": "Open",
            "OriginalAmount": amount,
            "InstallmentBalanceDue": amount,
            "AmountPaid": 0,
            "InstallmentDueDate": due.isoformat(),
        }

    def _payer(self, order: Row) -> Row:
        use = order["billToCustomer"][0]["SiteUseId"]
        site = self._records.find("customerAccountSitesLOV", use)
        assert site, "a submitted order has a site to bill to"
        names = {"BillToCustomerName": "CustomerName", "BillToCustomerNumber": "AccountNumber"}
        return {name: site[of] for name, of in names.items()} | {"BillToSite": site["PartySiteNumber"]}
