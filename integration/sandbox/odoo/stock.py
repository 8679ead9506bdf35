"""stock.picking and stock.move: the transfer a confirmed order makes, and what a change of the order does to it."""

from __future__ import annotations

from integration.sandbox.odoo.environment import COMPANY_ID, Environment
from integration.sandbox.odoo.records import Records, Row

_DELIVERY_ORDERS = 2
_OPEN = ("draft", "waiting", "confirmed", "assigned")


def deliver(env: Environment, order: Row, lines: list[Row]) -> None:
    """Makes the open moves of a confirmed ``order`` equal what its lines want delivered; services are not delivered."""
    for line in lines:
        product = env.records("product.product").row(line.get("product_id") or 0)
        if product is None or product["type"] == "service":
            continue
        ids = env.database.find("stock.move", "sale_line_id", line["id"])
        moves = [env.records("stock.move").existing(id) for id in ids]
        wanted = line["product_uom_qty"] - sum(move["quantity"] for move in moves if move["state"] == "done")
        current = next((move for move in moves if move["state"] in _OPEN), None)
        if current is not None and current["product_uom_qty"] != wanted:
            state = current["state"] if wanted > 0 else "cancel"
            changed = {"product_uom_qty": max(wanted, 0.0), "quantity": max(wanted, 0.0), "state": state}
            env.records("stock.move").store(current["id"], changed)
        elif current is None and wanted > 0:
            _add_move(env, order, line, product, wanted)


def cancel_pickings(env: Environment, order_id: int) -> None:
    """Cancels what is not done of an order's transfers."""
    for picking in env.database.find("stock.picking", "sale_id", order_id):
        for model, ids in (
            ("stock.picking", [picking]),
            ("stock.move", list(env.database.find("stock.move", "picking_id", picking))),
        ):
            records = env.records(model)
            for id in ids:
                if records.existing(id)["state"] in _OPEN:
                    records.store(id, {"state": "cancel"})


def _add_move(env: Environment, order: Row, line: Row, product: Row, quantity: float) -> None:
    # Goods that are not counted are always there; counted ones wait, because the fake keeps no stock.
    state = "confirmed" if product.get("is_storable") else "assigned"
    picking = env.records("stock.picking").existing(_open_picking(env, order, state))
    env.records("stock.move").create_one(
        {
            "picking_id": picking["id"],
            "product_id": product["id"],
            "product_uom": product["uom_id"],
            "product_uom_qty": quantity,
            "quantity": quantity if state == "assigned" else 0.0,
            "state": state,
            "sale_line_id": line["id"],
            "origin": order["name"],
            "reference": picking["name"],
            "date": picking["scheduled_date"],
        }
    )


def _open_picking(env: Environment, order: Row, state: str) -> int:
    pickings = env.records("stock.picking")
    for id in env.database.find("stock.picking", "sale_id", order["id"]):
        if pickings.existing(id)["state"] in _OPEN:
            return id
    return pickings.create_one(
        {
            "state": state,
            "origin": order["name"],
            "sale_id": order["id"],
            "partner_id": order["partner_shipping_id"],
            "carrier_id": order.get("carrier_id", False),
        }
    )


class Picking(Records):
    def defaults(self, values: Row) -> Row:
        now = self.env.now[:19]
        default = {
            "name": f"WH/OUT/{values['id']:05d}",
            "state": "draft",
            "picking_type_id": _DELIVERY_ORDERS,
            "picking_type_code": "outgoing",
            "move_type": "direct",
            "priority": "0",
            "scheduled_date": now,
            "date_deadline": now,
            "company_id": COMPANY_ID,
        }
        return super().defaults({**default, **values})


class Move(Records):
    def defaults(self, values: Row) -> Row:
        default = {"picked": False, "company_id": COMPANY_ID, "sequence": 10, "quantity": 0.0, "state": "draft"}
        return super().defaults({**default, **values})

    def label(self, row: Row) -> str:
        product = self.env.records("product.product").existing(row["product_id"])
        return f"{row.get('origin') or ''}/{product.get('default_code') or product['name']}: Stock>Customers"


class PickingType(Records):
    def label(self, row: Row) -> str:
        warehouse = self.env.database.row("stock.warehouse", row.get("warehouse_id") or 0)
        return f"{warehouse['name']}: {row['name']}" if warehouse else str(row["name"])
