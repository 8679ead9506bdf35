"""A fake Clarity shop, by our sandbox contract (not the vendor's): API, records, signed webhooks, made-up orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint

from integration.sandbox.clarity import (
    catalogue,
    customers,
    events,
    inventory,
    invoices,
    orders,
    payments,
    products,
    records,
    refunds,
    shipments,
)
from integration.sandbox.clarity import returns as returned
from integration.sandbox.clarity.api import Api
from integration.sandbox.clarity.customers import CUSTOMERS
from integration.sandbox.clarity.products import PRODUCTS
from integration.sandbox.clarity.records import Document, Records
from integration.sandbox.clarity.webhooks import Sender
from integration.sandbox.config import ClarityConfig
from integration.sandbox.faults import Faults

__all__ = ["Clarity"]


class Clarity:
    """One shop with its records in ``data_dir``.  `start` begins the sending of webhooks."""

    def __init__(self, data_dir: Path, config: ClarityConfig, faults: Faults) -> None:
        self._records = Records(data_dir / "clarity.sqlite3")
        self._sender = Sender(self._records, config, faults)
        with self._records.transaction() as db:
            events.ensure_subscription(db)
            catalogue.stock(db)
        self.blueprint: Blueprint = Api(self._records, self._sender, config).blueprint()

    def start(self) -> None:
        self._sender.start()

    def place(self, drafts: list[Document], *, in_stock: bool = False) -> list[Document]:
        """Stores orders as customers would place them, all or none; a webhook reports each.

        With ``in_stock`` none that wants more than Clarity shows: a `Problem`.
        """
        with self._records.transaction() as db:
            placed = []
            for draft in drafts:
                if in_stock:
                    inventory.check_in_stock(self._records, draft)
                placed.append(orders.create(db, draft, "shop"))
        self._sender.wake()
        return placed

    def change(self, id: str, patch: Document, *, settle: bool) -> Document:
        """Changes any part of an order, right or wrong, as an employee in Clarity might; `orders.merge` says how."""
        with self._records.transaction() as db:
            order = orders.merge(db, orders.existing(self._records, id), patch, "shop", settle=settle)
        self._sender.wake()
        return order

    def cancel(self, id: str) -> Document:
        """Cancels an order; a `Problem` when its status does not allow it."""
        with self._records.transaction() as db:
            order = orders.existing(self._records, id)
            orders.set_status(db, order, "cancelled", "shop")
        self._sender.wake()
        return order

    def register(self, given: Document) -> Document:
        """Stores a new customer, as one who registers at Clarity."""
        with self._records.transaction() as db:
            customer = CUSTOMERS.create(db, given)
        self._sender.wake()
        return customer

    def correct(self, id: str, fields: Document) -> Document:
        """Changes any part of a customer, as people at Clarity do."""
        with self._records.transaction() as db:
            customer = CUSTOMERS.change(db, CUSTOMERS.existing(self._records, id), fields)
        self._sender.wake()
        return customer

    def merge(self, id: str, others: list[str]) -> Document:
        """Merges customers into the one that stays."""
        with self._records.transaction() as db:
            merged = [CUSTOMERS.existing(self._records, other) for other in others]
            customer = customers.merge(db, CUSTOMERS.existing(self._records, id), merged)
        self._sender.wake()
        return customer

    def offer(self, given: Document) -> Document:
        """Stores a new product, as people at Clarity do who begin to sell it."""
        with self._records.transaction() as db:
            product = PRODUCTS.create(db, given)
        self._sender.wake()
        return product

    def invent_products(self, count: int, seed: int) -> list[Document]:
        """Stores made-up products."""
        with self._records.transaction() as db:
            made = products.invent(db, count, seed)
        self._sender.wake()
        return made

    def revise(self, id: str, fields: Document) -> Document:
        """Changes any part of a product, right or wrong, as people at Clarity do."""
        with self._records.transaction() as db:
            product = PRODUCTS.change(db, PRODUCTS.existing(self._records, id), fields)
        self._sender.wake()
        return product

    def withdraw(self, id: str) -> Document:
        """Deletes a product."""
        with self._records.transaction() as db:
            product = products.delete(db, PRODUCTS.existing(self._records, id))
        self._sender.wake()
        return product

    def ask_return(self, order_id: str, given: Document) -> Document:
        """Stores the return that a customer asks for."""
        with self._records.transaction() as db:
            made = returned.request(db, orders.existing(self._records, order_id), given)
        self._sender.wake()
        return made

    def decide_return(self, id: str, fields: Document) -> Document:
        """Changes any part of a return, as people at Clarity do who approve or reject it."""
        with self._records.transaction() as db:
            changed = returned.change(db, returned.existing(self._records, id), fields)
        self._sender.wake()
        return changed

    def take_payments(self, id: str, given: Document) -> list[Document]:
        """Takes the payment given for an order; without one all that the order lists."""
        with self._records.transaction() as db:
            order = orders.existing(self._records, id)
            made = [payments.take(db, order, given)] if given else payments.report(db, order)
        self._sender.wake()
        return made

    def set_payment_status(self, id: str, status: Any) -> Document:
        """Captures, voids or fails a payment, or has it charged back."""
        with self._records.transaction() as db:
            payment = payments.set_status(db, payments.existing(self._records, id), status)
        self._sender.wake()
        return payment

    def ledger(self) -> dict[str, Any]:
        """What really took effect here."""
        return {
            **orders.truth(self._records),
            "customers": CUSTOMERS.truth(self._records),
            "products": PRODUCTS.truth(self._records),
            "shipments": shipments.truth(self._records),
            "invoices": invoices.truth(self._records),
            "returns": returned.truth(self._records),
            "refunds": refunds.truth(self._records),
            "levels": inventory.levels(self._records),
            "webhooks": events.counts(self._records),
        }

    def latest(self, count: int) -> list[Document]:
        """The newest orders."""
        rows = self._records.rows(
            "SELECT id FROM objects WHERE kind = 'order' ORDER BY created DESC, length(id) DESC, id DESC LIMIT ?", count
        )
        return [orders.existing(self._records, row["id"]) for row in rows]

    def reset(self) -> None:
        """Forgets all that was placed, posted and sent; the numbers go on, as fleets remember ids."""
        with self._records.transaction() as db:
            records.clear(db)
            catalogue.stock(db)
