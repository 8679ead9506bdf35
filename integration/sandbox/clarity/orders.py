"""Clarity's orders: how they are created and changed, and the history of each change.

Every change raises the version, moves ``updatedDate`` and records the webhook that reports it, in one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from integration.sandbox.clarity import customers, events, inventory, money
from integration.sandbox.clarity.problems import Problem, invalid, missing
from integration.sandbox.clarity.records import Document, Records, next_number, now, save, storable

FIRST_ORDER = 1001

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "pending": ("confirmed", "on_hold", "cancelled"),
    "confirmed": ("processing", "on_hold", "backordered", "cancelled"),
    "on_hold": ("confirmed", "cancelled"),
    "backordered": ("processing", "cancelled"),
    "processing": ("ready_for_pickup", "partially_shipped", "shipped", "on_hold", "cancelled"),
    "partially_shipped": ("shipped",),
    "ready_for_pickup": ("completed",),
    "shipped": ("completed",),
    "completed": (),
    "cancelled": (),
    "void": (),
}
FULFILLMENT = {"partially_shipped": "partial", "shipped": "fulfilled", "completed": "fulfilled"}


def create(db: sqlite3.Connection, given: Document, actor: str) -> Document:
    """Stores an order and reports it (``order.created``); id, number, version and dates are filled in if absent."""
    at = now()
    id = given.get("id") or str(next_number(db, "order", FIRST_ORDER))
    defaults = {"number": f"WEB-{id}", "version": 1, "status": "confirmed", "placedAt": at, "createdDate": at}
    order = {"id": id, **defaults, "updatedDate": at} | given | {"id": id, "updatedDate": at}
    if not storable(id):
        raise invalid(("/id", "is not a text that can be stored"))
    if db.execute("SELECT 1 FROM objects WHERE kind = 'order' AND id = ?", (id,)).fetchone():
        raise invalid(("/id", "is in use"))
    save(db, "order", order)
    inventory.sell(db, order)
    customers.keep(db, order.get("customer"))
    _remember(db, order, actor)
    events.record(db, "order.created", order)
    return order


def merge(db: sqlite3.Connection, order: Document, patch: Document, actor: str, *, settle: bool = False) -> Document:
    """Applies a merge patch (RFC 7396, but null stays as null: absent) and reports it (``order.updated``).

    With ``settle`` every amount is computed anew from the patched parts.
    """
    changed = _merged(order, patch) | {name: order[name] for name in ("id", "version", "createdDate")}
    if settle:
        money.settle(changed)
    return _changed(db, changed, "order.updated", actor, new_status=changed["status"] != order["status"])


def set_status(db: sqlite3.Connection, order: Document, status: Any, actor: str) -> bool:
    """Moves an order to a status; False when it is there already.  Raises `Problem` for a move that is not allowed.

    Reports it by ``order.cancelled`` or ``order.status_changed``, also to the API client whose push it was.
    """
    if status not in TRANSITIONS:
        raise invalid(("/status", f"is one of {', '.join(TRANSITIONS)}"))
    if status == order["status"]:
        return False
    if status not in TRANSITIONS.get(order["status"], ()):
        raise Problem(409, "invalid_transition", f"An order that is {order['status']} cannot become {status}.")
    order["status"] = status
    if status in FULFILLMENT and order.get("fulfillmentStatus") != "fulfilled":
        order["fulfillmentStatus"] = FULFILLMENT[status]
    event = "order.cancelled" if status == "cancelled" else "order.status_changed"
    _changed(db, order, event, actor, new_status=True)
    return True


def follow(db: sqlite3.Connection, order: Document, **statuses: str) -> None:
    """Sets the statuses that follow from its shipments and invoices, and reports them if they are new."""
    if any(order.get(name) != status for name, status in statuses.items()):
        _changed(db, order | statuses, "order.updated", "api", new_status=False)


def existing(records: Records, id: str) -> Document:
    """The order, or a 404 `Problem`."""
    order = records.find("order", id)
    if order is None:
        raise missing("order")
    return order


def record_push(
    db: sqlite3.Connection, order_id: str, status: str, *, changed: bool, external_ref: str | None, key: str
) -> None:
    """Remembers an accepted status push."""
    db.execute(
        "INSERT INTO pushes (order_id, at, status, changed, external_ref, idempotency_key, replayed)"
        " VALUES (?, ?, ?, ?, ?, ?, 0)",
        (order_id, now(), status, changed, external_ref, key),
    )


def record_replay(db: sqlite3.Connection, key: str) -> None:
    """Remembers that a status push was answered a second time from memory, without effect."""
    db.execute(
        "INSERT INTO pushes (order_id, at, status, changed, external_ref, idempotency_key, replayed)"
        " SELECT order_id, ?, status, 0, external_ref, idempotency_key, 1 FROM pushes"
        " WHERE idempotency_key = ? AND NOT replayed",
        (now(), key),
    )


def truth(records: Records) -> dict[str, Any]:
    """What really took effect in Clarity, for the ledger."""
    pushes = [dict(row) for row in records.rows("SELECT * FROM pushes ORDER BY seq")]
    history: dict[str, list[Document]] = {}
    for row in records.rows("SELECT order_id, at, status, actor FROM history ORDER BY seq"):
        history.setdefault(row["order_id"], []).append({key: row[key] for key in ("at", "status", "actor")})
    orders = {
        row["id"]: {
            "number": row["number"],
            "status": row["status"],
            "status_history": history.get(row["id"], []),
            "external_refs": [],
        }
        for row in records.rows("SELECT id, number, status FROM objects WHERE kind = 'order' ORDER BY created, id")
    }
    for push in pushes:
        push["changed"], push["replayed"] = bool(push["changed"]), bool(push["replayed"])
        refs = orders[push["order_id"]]["external_refs"]
        if push["external_ref"] and push["external_ref"] not in refs:
            refs.append(push["external_ref"])
    return {"orders": orders, "status_pushes": pushes}


def _changed(db: sqlite3.Connection, order: Document, event: str, actor: str, *, new_status: bool) -> Document:
    order |= {"version": order["version"] + 1, "updatedDate": now()}
    save(db, "order", order)
    inventory.sell(db, order)
    if new_status:
        _remember(db, order, actor)
    events.record(db, event, order)
    return order


def _remember(db: sqlite3.Connection, order: Document, actor: str) -> None:
    values = (order["id"], order["updatedDate"], str(order["status"]), actor)
    db.execute("INSERT INTO history (order_id, at, status, actor) VALUES (?, ?, ?, ?)", values)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        result[key] = _merged(result.get(key), value)
    return result
