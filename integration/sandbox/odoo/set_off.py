"""What settles an invoice: payments and refunds that are set off against it, one by one, and that are taken back.

Odoo keeps them as account.partial.reconcile and shows them in a document (``invoice_payments_widget``, Odoo 19.0).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integration.sandbox.odoo.records import Records, Row

PARTIALS = "set_off"
"""The field of a row of account.move that Odoo does not have."""


def noted(moves: Records, move: Row, amount: float, how: str, by: int) -> Row:
    """The row's field with one more; ``by`` is the refund or invoice on the other side, 0 for a payment."""
    partial = moves.env.database.insert("account.partial.reconcile", {"amount": amount})
    return {PARTIALS: [*_of(move), {"partial_id": partial, "move_id": by, "amount": amount, "how": how}]}


def widget(moves: Records, row: Row) -> Row | bool:
    """What people see below the total of an invoice."""
    if row["state"] != "posted" or not _of(row):
        return False
    content = [
        {
            "name": (moves.row(each["move_id"]) or {}).get("ref") or "Manual Payment",
            "amount": each["amount"],
            "currency_id": row["currency_id"],
            "partial_id": each["partial_id"],
            "move_id": each["move_id"] or each["partial_id"] + _PAYMENTS,
            "is_refund": bool(each["move_id"]),
        }
        for each in _of(row)
    ]
    return {"title": "Less Payment", "outstanding": False, "content": content}


def remove(moves: Records, id: int, partial: int) -> None:
    """Takes one back: so much more is left to be paid on both sides."""
    move = moves.existing(id)
    for each in _of(move):
        if each["partial_id"] == partial:
            _without(moves, move, each)
            if other := moves.row(each["move_id"]):
                for its in _of(other):
                    if its["move_id"] == id and its["amount"] == each["amount"]:
                        _without(moves, other, its)
                        break


def release(moves: Records, id: int) -> None:
    """Takes all back."""
    for each in _of(moves.existing(id)):
        remove(moves, id, each["partial_id"])


def _without(moves: Records, move: Row, taken: Row) -> None:
    left = Decimal(repr(move["amount_residual"])) + Decimal(repr(taken["amount"]))
    settled = Decimal(repr(move.get(taken["how"], 0.0))) - Decimal(repr(taken["amount"]))
    kept: list[Any] = [each for each in _of(move) if each != taken]
    state = "partial" if kept else "not_paid"
    moves.store(
        move["id"],
        {"amount_residual": float(left), taken["how"]: float(settled), "payment_state": state, PARTIALS: kept},
    )


def _of(move: Row) -> list[Row]:
    return list(move.get(PARTIALS) or ())


_PAYMENTS = 1_000_000
"""Payments have no entry here; their moves are numbered beyond all others."""
