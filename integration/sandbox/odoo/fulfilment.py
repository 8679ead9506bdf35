"""What happens to an order after it was confirmed: shipped, billed, paid, step by step.

Steps come by the clock (``age_seconds`` each) or when asked for.  An order is billed when all of it has left, by one
invoice, so that what was billed comes to the order's total; what has nothing to ship is billed at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from integration.sandbox.odoo.database import Database
from integration.sandbox.odoo.environment import Environment
from integration.sandbox.odoo.errors import OdooError
from integration.sandbox.odoo.invoice import Invoice
from integration.sandbox.odoo.records import Row
from integration.sandbox.odoo.stock import Picking
from integration.sandbox.odoo.wizards import InvoiceOrders

AGEING = "sandbox.ageing"
"""Rows of the orders that age by the clock, under the order's id: when the next step is ``due``."""

MOST_AT_ONCE = 20
"""Orders that one call moves on, lest it takes long; the next call goes on."""

WITHOUT_ASKING = {"skip_sms": True, "skip_backorder": True}


@dataclass(frozen=True)
class Manner:
    """How the steps go when somebody asks for them.

    ``split``: the order leaves in two transfers.  ``late_tracking``: the tracking number is typed in only a step after
    the transfer is done.  ``several_tracking``: two numbers, joined by a comma.  ``overship``: of everything one unit
    too many leaves.  ``substitute``: another product leaves for the first line.  ``alien``: another transfer leaves,
    which no order has.
    """

    split: bool = False
    late_tracking: bool = False
    several_tracking: bool = False
    overship: bool = False
    substitute: bool = False
    alien: bool = False


class Fulfilment:
    """Moves the orders of ``database`` on; ``enter`` gives the environment of one transaction with this context."""

    def __init__(
        self,
        database: Database,
        enter: Callable[[Row], Environment],
        age_seconds: float = 0.0,
        split_every: int = 0,
    ) -> None:
        self._database = database
        self._enter = enter
        self._age = age_seconds
        self._split_every = split_every

    def begin(self, orders: Iterable[int]) -> None:
        """From now on these confirmed orders age, in the transaction under way."""
        if self._age:
            for id in orders:
                self._database.insert(AGEING, {"id": id, "due": time.time() + self._age})

    def catch_up(self) -> None:
        """The steps that the clock has brought since the last time."""
        if not self._age:
            return
        with self._database.transaction():
            for id in self._database.until(AGEING, time.time())[:MOST_AT_ONCE]:
                if self._age_one(id):
                    self._database.update(AGEING, id, {"due": time.time() + self._age})
                else:
                    self._database.delete(AGEING, id)

    def advance(self, orders: list[str | int] | None, steps: int, manner: Manner) -> list[int]:
        """Moves the confirmed orders (these: by name, external id or id) on by ``steps``; those that it moved."""
        moved: dict[int, bool] = {}
        for _ in range(steps):
            with self._database.transaction():
                env = self._enter(WITHOUT_ASKING)
                named = self._database.rows("sale.order") if orders is None else _named(env, orders)
                for id in list(named):
                    moved[id] = _Step(env, id, manner).take() or moved.get(id, False)
                env.settle()
        return [id for id, has in moved.items() if has]

    def _age_one(self, id: int) -> bool:
        """One step; False where none is left, or where the order is one that cannot be moved on here."""
        split = bool(self._split_every) and id % self._split_every == 0
        try:
            with self._database.savepoint():
                env = self._enter(WITHOUT_ASKING)
                moved = _Step(env, id, Manner(split=split)).take()
                env.settle()
                return moved
        except OdooError:
            return False


class _Step:
    """One step of one order."""

    def __init__(self, env: Environment, order: int, manner: Manner) -> None:
        self._env = env
        self._order = env.records("sale.order").row(order)
        self._manner = manner

    def take(self) -> bool:
        """False where nothing is left to do."""
        if self._order is None or self._order["state"] != "sale":
            return False
        typed = self._type_in_tracking()
        return self._ship() or self._bill() or self._pay() or typed

    # -- transfers -------------------------------------------------------------------------------------------------

    def _transfers(self, *states: str) -> list[Row]:
        pickings = self._env.records("stock.picking")
        assert self._order
        found = sorted(self._env.database.find("stock.picking", "sale_id", self._order["id"]))
        return [row for row in map(pickings.existing, found) if row["state"] in states]

    def _type_in_tracking(self) -> bool:
        bare = [row for row in self._transfers("done") if not row.get("carrier_tracking_ref")]
        for row in bare:
            self._env.records("stock.picking").store(row["id"], {"carrier_tracking_ref": self._tracking(row)})
        return bool(bare)

    def _ship(self) -> bool:
        waiting = self._transfers("draft", "waiting", "confirmed", "assigned")
        for picking in waiting:
            self._count(picking)
            self._leave(picking)
        if waiting and self._manner.alien:
            self._leave_unasked(waiting[0])
        return bool(waiting)

    def _count(self, picking: Row) -> None:
        """Writes down how much of each move leaves."""
        records, manner = self._env.records("stock.move"), self._manner
        ids = sorted(self._env.database.find("stock.move", "picking_id", picking["id"]))
        moves = [move for move in map(records.existing, ids) if move["state"] not in ("done", "cancel")]
        quantities = [move["product_uom_qty"] for move in moves]
        if manner.split and not picking.get("backorder_id"):
            quantities = _first_part(quantities)
        for number, (move, quantity) in enumerate(zip(moves, quantities, strict=True)):
            changed: Row = {"quantity": quantity + 1 if manner.overship else quantity, "picked": quantity > 0}
            if manner.substitute and number == 0:
                changed["product_id"] = self._other_product(move["product_id"])
            records.store(move["id"], changed)

    def _leave(self, picking: Row) -> None:
        pickings = self._env.records("stock.picking")
        if not self._manner.late_tracking:
            pickings.store(picking["id"], {"carrier_tracking_ref": self._tracking(picking)})
        Picking(self._env, pickings.model, [picking["id"]]).button_validate()

    def _leave_unasked(self, like: Row) -> None:
        """A done transfer of one unit to the same customer, without an order."""
        pickings, moves = self._env.records("stock.picking"), self._env.records("stock.move")
        id = pickings.create_one({"partner_id": like["partner_id"], "state": "assigned"})
        product = moves.existing(min(self._env.database.find("stock.move", "picking_id", like["id"])))["product_id"]
        moves.create_one(
            {"picking_id": id, "product_id": product, "product_uom_qty": 1.0, "quantity": 1.0, "state": "assigned"}
        )
        self._leave(pickings.existing(id))

    def _other_product(self, product: int) -> int:
        rows = self._env.database.rows("product.product").values()
        return next(int(row["id"]) for row in rows if row["id"] != product and row["type"] == "consu")

    def _tracking(self, picking: Row) -> str:
        numbers = [f"1Z999BB{part}{picking['id']:010d}" for part in (1, 2)]
        return ", ".join(numbers if self._manner.several_tracking else numbers[:1])

    # -- invoices --------------------------------------------------------------------------------------------------

    def _invoices(self, state: str) -> list[Row]:
        invoices, orders = self._env.records("account.move"), self._env.records("sale.order")
        assert self._order
        rows = map(invoices.existing, orders.value(self._order, "invoice_ids"))
        return [row for row in rows if row["state"] == state and row["move_type"] == "out_invoice"]

    def _bill(self) -> bool:
        assert self._order
        if self._env.records("sale.order").value(self._order, "invoice_status") == "to invoice":
            wizards = self._env.records("sale.advance.payment.inv")
            made = wizards.create_one({"sale_order_ids": [[6, 0, [self._order["id"]]]]})
            InvoiceOrders(self._env, wizards.model, [made]).create_invoices()
        drafts = [row["id"] for row in self._invoices("draft")]
        Invoice(self._env, self._env.records("account.move").model, drafts).action_post()
        return bool(drafts)

    def _pay(self) -> bool:
        owed = [row for row in self._invoices("posted") if row["amount_residual"]]
        invoices = self._env.records("account.move")
        assert isinstance(invoices, Invoice)
        for row in owed:
            invoices.pay(row["id"], row["amount_residual"])
        return bool(owed)


def _first_part(quantities: list[float]) -> list[float]:
    """Half of what is several units; where nothing is, all but the last."""
    halves = [float(math.floor(quantity / 2)) if quantity >= 2 else quantity for quantity in quantities]
    if halves == quantities and len(quantities) > 1:
        return [*quantities[:-1], 0.0]
    return halves


def _named(env: Environment, orders: list[str | int]) -> list[int]:
    ids: list[int] = []
    for order in orders:
        if isinstance(order, int):
            ids.append(order)
        elif (found := env.find_external_id(order)) and found[0] == "sale.order":
            ids.append(found[1])
        else:
            ids += env.database.find("sale.order", "name", order)
    return ids
