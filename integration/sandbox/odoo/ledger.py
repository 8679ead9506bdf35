"""What took effect at the fake Odoo: every order with its transfers and invoices, and every writing call."""

from __future__ import annotations

from collections import Counter
from typing import Any

from integration.sandbox.odoo.environment import Environment
from integration.sandbox.odoo.records import Row


def ledger(env: Environment) -> dict[str, Any]:
    """Orders and calls, oldest first.

    ``created`` counts the orders with this one's origin and reference (2: it was created twice), ``confirmed`` its
    confirmations.
    """
    calls = list(env.database.rows("sandbox.call").values())
    confirms = [call for call in calls if (call["model"], call["method"]) == ("sale.order", "action_confirm")]
    confirmed = Counter(id for call in confirms for id in call["ids"])
    rows = list(env.database.rows("sale.order").values())
    created = Counter(map(_references, rows))
    orders = [
        {**account(env, row), "created": created[_references(row)], "confirmed": confirmed[row["id"]]} for row in rows
    ]
    return {
        "orders": orders,
        "calls": [{key: call[key] for key in ("at", "model", "method", "ids")} for call in calls],
    }


def account(env: Environment, order: Row) -> dict[str, Any]:
    """One order; amounts are in its currency."""
    orders = env.records("sale.order")
    pickings = sorted(env.database.find("stock.picking", "sale_id", order["id"]))
    return {
        "id": order["id"],
        "external_id": env.external_id("sale.order", order["id"]),
        **{key: order.get(key, False) for key in ("name", "client_order_ref", "origin", "state")},
        "amount_total": order["amount_total"],
        "currency": env.records("res.currency").existing(orders.value(order, "currency_id"))["name"],
        "pickings": [_picking(env, env.records("stock.picking").existing(id)) for id in pickings],
        "invoices": [
            _invoice(env.records("account.move").existing(id)) for id in sorted(orders.value(order, "invoice_ids"))
        ],
    }


def _picking(env: Environment, picking: Row) -> dict[str, Any]:
    moves = sorted(env.database.find("stock.move", "picking_id", picking["id"]))
    return {
        "name": picking["name"],
        "state": picking["state"],
        "tracking": picking.get("carrier_tracking_ref", False),
        "lines": [
            {
                "external_id": env.external_id("sale.order.line", move.get("sale_line_id", False)),
                "sku": env.records("product.product").existing(move["product_id"]).get("default_code", False),
                "quantity": move["quantity"],
            }
            for move in map(env.records("stock.move").existing, moves)
        ],
    }


def _invoice(invoice: Row) -> dict[str, Any]:
    shown = {"name": "name", "state": "state", "payment_state": "payment_state"}
    amounts = {"amount": "amount_total", "residual": "amount_residual"}
    return {key: invoice[name] for key, name in {**shown, **amounts}.items()}


def _references(order: Row) -> tuple[Any, Any]:
    return order.get("origin", False), order.get("client_order_ref", False)
