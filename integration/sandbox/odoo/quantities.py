"""How much of a product is there: what was counted, less what has left, and what transfers have reserved.

The fake keeps no quants: one warehouse, nobody else's goods.  Only of products whose stock is kept is anything counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from integration.sandbox.odoo.environment import COMPANY_ID, Environment
from integration.sandbox.odoo.records import Row

_OPEN = ("waiting", "confirmed", "assigned", "partially_available")
COUNTED = "counted"
"""Of a move without transfer: by how much an inventory adjustment has changed what is there."""


def on_hand(env: Environment, product: Row) -> float:
    return float(round(sum(_change(env, move) for move in _moves(env, product) if move["state"] == "done"), 2))


def planned(env: Environment, product: Row) -> float:
    """What transfers will take out, reserved or not."""
    return float(round(sum(move["product_uom_qty"] for move in _leaving(env, product)), 2))


def free(env: Environment, product: Row) -> float:
    """What no transfer has reserved."""
    return float(round(on_hand(env, product) - sum(move["quantity"] for move in _leaving(env, product)), 2))


def count(env: Environment, sku: str, quantity: float) -> int:
    """An inventory adjustment: so much of the product is there now.  The id of its move; 0 where nothing changes."""
    [id] = env.records("product.product").search([["default_code", "=", sku]])
    product = env.records("product.product").existing(id)
    change = quantity - on_hand(env, product)
    if not change:
        return 0
    values = {"product_id": id, "product_uom": product["uom_id"], "product_uom_qty": abs(change), "state": "done"}
    move = env.records("stock.move").create_one({**values, "quantity": abs(change), "company_id": COMPANY_ID})
    env.database.update("stock.move", move, {COUNTED: change})
    return move


def _moves(env: Environment, product: Row) -> Iterator[Row]:
    if product.get("is_storable"):
        yield from map(env.records("stock.move").existing, env.database.find("stock.move", "product_id", product["id"]))


def _leaving(env: Environment, product: Row) -> Iterator[Row]:
    for move in _moves(env, product):
        if move["state"] in _OPEN and _change(env, move) < 0:
            yield move


def _change(env: Environment, move: Row) -> float:
    """By how much the move changes what is there, once it is done."""
    if COUNTED in move:
        return float(move[COUNTED])
    picking = env.records("stock.picking").row(move.get("picking_id") or 0) or {}
    quantity = float(move["quantity"] if move["state"] == "done" else move["product_uom_qty"])
    return quantity if picking.get("picking_type_code") == "incoming" else -quantity
