"""Which lines of the order a credit note is of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


def credited(rows: Sequence[Row], ordered: Sequence[Row]) -> list[Row]:
    """What is credited: rows {order_line_id, sku, kind, quantity, amount}, of each line of the order, then the rest.

    ``rows`` are {key, kind, quantity, amount}, ``ordered`` the order's lines {id, sku, keys}.  What is of no line of
    the order, or of one but without a quantity, is an amount of its kind: certain as money, of no goods.
    """
    by_key = {key: line for line in ordered for key in line["keys"]}
    found: dict[tuple[str | None, str], Row] = {}
    for row in rows:
        line = by_key.get(row["key"]) if row["quantity"] > 0 else None
        kind = "line" if line else "other" if row["kind"] == "line" else row["kind"]
        id, sku = (line["id"], line["sku"]) if line else (None, None)
        new = {"order_line_id": id, "sku": sku, "kind": kind, "quantity": Decimal(0), "amount": Decimal(0)}
        same = found.setdefault((id, kind), new)
        same["quantity"] += row["quantity"] if line else Decimal(0)
        same["amount"] += row["amount"]
    return sorted(found.values(), key=lambda row: row["order_line_id"] is None)
