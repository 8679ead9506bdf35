"""Clarity's inventory: what an ERP says it has, and what Clarity sells of it.

A level is ``stated`` as of a moment; Clarity shows that less what it has sold itself since.  A SKU without a level is
not tracked: it may be ordered without limit.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from flask import Response, jsonify, request

from integration.sandbox.clarity.problems import Problem, invalid, json_body, missing
from integration.sandbox.clarity.records import Document, Records

LOCATIONS = ("main", "second")
MOST_AT_ONCE = 500
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
Act = Callable[[sqlite3.Connection, str], Response]


class Inventory:
    """The routes.  ``once`` lets a request with an Idempotency-Key take effect."""

    def __init__(self, records: Records, once: Callable[[Act], Response]) -> None:
        self._records = records
        self._once = once

    def routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        yield "GET", "/inventory", self.list
        yield "PUT", "/inventory/<path:sku>/locations/<location>", self.put
        yield "POST", "/inventory/adjustments", self.adjust

    def list(self) -> Response:
        """Filters ``sku`` and ``locationId``; without them all that is tracked."""
        sku, location = request.args.get("sku"), request.args.get("locationId")
        return jsonify({"items": levels(self._records, sku, location), "nextCursor": None})

    def put(self, sku: str, location: str) -> Response:
        body = {**json_body(), "sku": unquote(sku), "locationId": location}
        with self._records.transaction() as db:
            _state(db, body)
        return jsonify(levels(self._records, body["sku"], location)[0])

    def adjust(self) -> Response:
        items = json_body().get("items")
        if not isinstance(items, list) or not 0 < len(items) <= MOST_AT_ONCE:
            raise invalid(("/items", f"is a list of 1 to {MOST_AT_ONCE} levels"))
        return self._once(lambda db, _key: _results(db, items))


def levels(records: Records, sku: str | None = None, location: str | None = None) -> list[Document]:
    """What Clarity shows of each level."""
    rows = records.rows(
        "SELECT * FROM levels WHERE sku = coalesce(?, sku) AND location = coalesce(?, location) ORDER BY sku, location",
        sku,
        location,
    )
    return [
        {
            "id": f"{row['location']}/{row['sku']}",
            "sku": row["sku"],
            "locationId": row["location"],
            "available": f"{Decimal(row['stated']) - _sold_since(records, row['sku'], row['as_of']):f}",
            "stated": row["stated"],
            "asOf": row["as_of"],
            "writes": row["writes"],
        }
        for row in rows
    ]


def sell(db: sqlite3.Connection, order: Document) -> None:
    """Counts what an order takes, whether it is there or not; a cancelled order takes nothing."""
    db.execute("DELETE FROM sold WHERE order_id = ?", (order["id"],))
    if order.get("status") in ("cancelled", "void"):
        return
    for sku, quantity in _quantities(order).items():
        values = (sku, order["id"], str(order.get("placedAt") or ""), f"{quantity:f}")
        db.execute("INSERT INTO sold (sku, order_id, at, quantity) VALUES (?, ?, ?, ?)", values)


def check_in_stock(records: Records, order: Document) -> None:
    """Raises `Problem` for an order of more than is shown; what is not tracked is always there."""
    for sku, quantity in _quantities(order).items():
        shown = levels(records, sku)
        if shown and sum(Decimal(each["available"]) for each in shown) < quantity:
            raise Problem(409, "out_of_stock", f"There is not so much of {sku}.")


def _quantities(order: Document) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in order.get("lines") or ():
        try:
            found[str(line["sku"])] += Decimal(str(line["quantity"]))  # type: ignore[assignment]
        except (ArithmeticError, KeyError, TypeError):
            continue  # made-up orders have wrong lines, too
    return found


def _sold_since(records: Records, sku: str, as_of: str) -> Decimal:
    rows = records.rows("SELECT at, quantity FROM sold WHERE sku = ?", sku)
    return sum((Decimal(row["quantity"]) for row in rows if _key(row["at"]) > _key(as_of)), Decimal(0))


def _key(at: str) -> str:
    """A moment that sorts as text, with or without a fraction."""
    whole, _, fraction = at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<6}"


def _results(db: sqlite3.Connection, items: list[Any]) -> Response:
    results = []
    for item in items:
        stated = item if isinstance(item, dict) else {}
        result: Document = {"sku": stated.get("sku"), "locationId": stated.get("locationId")}
        try:
            _state(db, stated)
            results.append({**result, "status": 200})
        except Problem as problem:
            results.append({**result, "status": problem.status, "code": problem.code})
    answer = jsonify({"items": results})
    answer.status_code = 207
    return answer


def _state(db: sqlite3.Connection, item: Document) -> None:
    """Takes a level; `Problem` for a SKU or location that is not known, and for an older figure than the last."""
    sku, location, as_of = item.get("sku"), item.get("locationId"), item.get("asOf")
    if not isinstance(as_of, str) or not MOMENT.fullmatch(as_of):
        raise invalid(("/asOf", "is a moment in UTC, like 2026-11-20T10:15:29Z"))
    available = _number(item.get("available"))
    if location not in LOCATIONS:
        raise missing("location")
    if not _is_sold(db, sku):
        raise missing("product")
    before = db.execute("SELECT * FROM levels WHERE sku = ? AND location = ?", (sku, location)).fetchone()
    if before and _key(as_of) < _key(before["as_of"]):
        raise Problem(409, "stale_update", "There is a newer figure.")
    if before and (before["stated"], before["as_of"]) == (available, as_of):
        return
    db.execute(
        "INSERT INTO levels VALUES (?, ?, ?, ?, 1) ON CONFLICT (sku, location) DO UPDATE SET stated = excluded.stated,"
        " as_of = excluded.as_of, writes = writes + 1",
        (sku, location, available, as_of),
    )


def _number(stated: Any) -> str:
    try:
        number = Decimal(stated) if isinstance(stated, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0:
        raise invalid(("/available", "is a number as text, not below zero"))
    return f"{number:f}"


def _is_sold(db: sqlite3.Connection, sku: Any) -> bool:
    """Whether a product or one of its variants has the SKU."""
    query = "SELECT 1 FROM objects WHERE kind = 'product' AND number = ?"
    if db.execute(query, (sku,)).fetchone():
        return True
    variants = """SELECT 1 FROM objects, json_each(document, '$.variants') AS variant
                  WHERE kind = 'product' AND json_extract(variant.value, '$.sku') = ? LIMIT 1"""
    return bool(db.execute(variants, (sku,)).fetchone())
