"""A fake Oracle Fusion pod over real HTTP, held against example exchanges.

It plays what carrying orders needs: the token endpoint, sales orders that age until they are shipped, billed and paid,
receivables invoices, and the look-ups of contacts, account sites and items.  Everything else it answers with 501.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from flask import Blueprint

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion import pricing
from integration.sandbox.fusion.api import Api
from integration.sandbox.fusion.failures import Failure, Failures
from integration.sandbox.fusion.fulfilment import Fulfilment, Manner
from integration.sandbox.fusion.items import Items
from integration.sandbox.fusion.orders import Orders
from integration.sandbox.fusion.parties import parties, party_name
from integration.sandbox.fusion.records import FIRST_ID, Records, now
from integration.sandbox.fusion.schema import ACCOUNT_ACTIVITY, ACCOUNT_SITE, INVOICE, ITEM, ORDER
from integration.sandbox.fusion.seed import STAMP, seed

__all__ = ["Failure", "Fusion", "Manner"]

Row = dict[str, Any]


class Fusion:
    """One pod with its records in ``data_dir``; ``blueprint`` is to be mounted under a prefix of its own."""

    def __init__(self, data_dir: Path, config: FusionConfig) -> None:
        self._records = Records(data_dir / "fusion.sqlite3")
        self._failures = Failures()
        self._business_unit = config.business_unit
        self._fulfilment = Fulfilment(self._records, config)
        orders = Orders(self._records, config)
        if not self._records.all("itemsV2"):
            self.reset()
        self.blueprint: Blueprint = Api(self._records, config, orders, self._fulfilment, self._failures).blueprint()

    def advance(self, keys: list[str] | None = None, steps: int = 1, manner: Manner | None = None) -> list[Row]:
        """Moves the open orders (with these OrderKeys) on by ``steps``; the ledger's rows of those that moved."""
        with self._records.transaction():
            return [_account(order) for order in self._fulfilment.advance(keys, steps, manner or Manner())]

    def correct_account(self, number: str, fields: Row) -> int:
        """Changes what Receivables shows of an account, as people do there; of how many bill-to sites."""
        with self._records.transaction():
            sites = [row for row in self._records.all(ACCOUNT_ACTIVITY.name) if row["AccountNumber"] == number]
            for site in sites:
                changed = {**site, **fields, "LastUpdateDate": now()}
                self._records.put(ACCOUNT_ACTIVITY.name, site["BillToSiteUseId"], changed)
        return len(sites)

    def correct_item(self, number: str, fields: Row) -> int:
        """Changes an item, as people do there, in every organization that it is in; of how many."""
        items = Items(self._records)
        with self._records.transaction():
            rows = [row for row in self._records.all(ITEM.name) if row["ItemNumber"] == number]
            for code in sorted(row["OrganizationCode"] for row in rows):  # the master is the first
                items.change(self._records.find(ITEM.name, f"{code}/{number}") or {}, fields)
        return len(rows)

    def fail_next(self, failure: Failure) -> None:
        self._failures.plant(failure)

    def ledger(self) -> dict[str, Any]:
        """What took effect: orders in their newest revision, invoices, and the parties, accounts and items written.

        ``submissions`` counts how often the order was submitted, ``refused_duplicates`` how often it was posted again,
        ``created`` the orders with its SourceTransactionNumber (2: it was created twice).  Amounts are in the order's
        currency, without tax where they are a line's.
        """
        with self._records.transaction():
            self._fulfilment.catch_up()
            rows = self._records.all(ORDER.name)
            newest = [order for order in rows if order["StatusCode"] != "DOO_REFERENCE"]
            created = Counter(order["SourceTransactionNumber"] for order in newest)
            orders = [{**_account(order), "created": created[order["SourceTransactionNumber"]]} for order in newest]
            invoices = [_invoice(invoice) for invoice in self._records.all(INVOICE.name)]
            written = [_party(row) for row in parties(self._records) if row["LastUpdateDate"] != STAMP]
            made = [site for site in self._records.all(ACCOUNT_SITE.name) if site["SiteUseId"] >= FIRST_ID]
            items = [_item(row) for row in self._records.all(ITEM.name) if row["LastUpdateDateTime"] != STAMP]
        accounts = [_site(site) for site in made]
        books = {"orders": orders, "invoices": invoices, "parties": written, "account_sites": accounts}
        return {**books, "items": items}

    def reset(self) -> None:
        """Forgets every order and invoice; the numbers go on, as fleets remember ids."""
        self._failures.clear()
        with self._records.transaction():
            self._records.clear()
            seed(self._records, self._business_unit)


def _account(order: Row) -> Row:
    names = {
        "source_system": "SourceTransactionSystem",
        "source_id": "SourceTransactionId",
        "source_number": "SourceTransactionNumber",
        "revision": "SourceTransactionRevisionNumber",
        "key": "OrderKey",
        "number": "OrderNumber",
        "status": "StatusCode",
        "message": "MessageText",
        "purchase_order": "CustomerPONumber",
        "currency": "TransactionalCurrencyCode",
    }
    return {
        **{name: order.get(of) for name, of in names.items()},
        "submissions": order["sandbox"]["submissions"],
        "refused_duplicates": order["sandbox"]["duplicates"],
        "lines": [_line(line) for line in order["lines"]],
        "totals": {name: str(amount) for name, amount in pricing.totals(order).items()},
    }


def _line(line: Row) -> Row:
    shipments = [detail for detail in line["lineDetails"] if detail["TaskType"] == "Shipment"]
    bills = [detail for detail in line["lineDetails"] if detail["TaskType"] == "Invoice"]
    return {
        "id": line["SourceTransactionLineId"],
        "fulfill_line_id": line["FulfillLineId"],
        "sku": line["ProductNumber"],
        "quantity": line["OrderedQuantity"],
        "status": line["StatusCode"],
        "tracking": [detail["TrackingNumber"] for detail in shipments],
        "invoices": [detail["BillingTransactionNumber"] for detail in bills],
        "amount": line["ExtendedAmount"],
    }


def _party(party: Row) -> Row:
    """A party that somebody has made or changed over the interface."""
    return {
        "number": party["PartyNumber"],
        "name": party_name(party),
        "email": party.get("EmailAddress"),
        "phone": party.get("RawPhoneNumber"),
        "addresses": [{"number": row["AddressNumber"], "lines": row.get("Address1")} for row in party["Address"]],
    }


def _site(site: Row) -> Row:
    """One use, made over the interface, of one site of an account."""
    names = {"account": "AccountNumber", "party": "PartyNumber", "use": "SiteUseCode", "address": "PartySiteNumber"}
    return {name: site[of] for name, of in names.items()}


def _item(item: Row) -> Row:
    """An item in one organization that was made or changed since the pod was new."""
    names = {
        "organization": "OrganizationCode",
        "number": "ItemNumber",
        "id": "ItemId",
        "description": "ItemDescription",
        "status": "ItemStatusValue",
        "unit": "PrimaryUOMValue",
        "weight": "UnitWeightQuantity",
    }
    return {name: item.get(of) for name, of in names.items()}


def _invoice(invoice: Row) -> Row:
    orders = sorted({line["SalesOrder"] for line in invoice["receivablesInvoiceLines"]})
    return {
        "number": invoice["TransactionNumber"],
        "business_unit": invoice["BusinessUnit"],
        "orders": orders,
        "currency": invoice["InvoiceCurrencyCode"],
        "amount": invoice["EnteredAmount"],
        "balance": invoice["InvoiceBalanceAmount"],
    }
