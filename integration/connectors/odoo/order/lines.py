"""The lines of an order, all of them: what is missing among them would be added, emptied or taken for undelivered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from integration.connectors.answers import unreadable
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import MODULE
from integration.connectors.odoo.order.rows import is_ours

Row = dict[str, Any]


def lines_of(client: Client, order: Row, fields: Collection[str]) -> list[Row]:
    """These fields of every line of the order, which was read with its ``order_line``.

    Raises `Retry` where the two answers do not name the same lines.
    """
    domain = [["order_id", "=", order["id"]]]
    columns = sorted({*fields, "order_id"})
    rows: list[Row] = client.call("sale.order.line", "search_read", domain=domain, fields=columns, order="id")
    if sorted(row["id"] for row in rows) != sorted(order["order_line"]):
        raise unreadable("Odoo shows other lines of the order than the order names")
    return rows


def our_lines(client: Client, order: Row, fields: Collection[str]) -> dict[str, Row]:
    """These fields of our lines of the order, by the lines' external ids; `Retry` as `lines_of` and `names_of`."""
    names = names_of(client, order)
    return {name: line for line in lines_of(client, order, fields) if is_ours(name := names[line["id"]])}


def names_of(client: Client, order: Row) -> dict[int, str]:
    """The external ids of the order's lines, empty for a line that has none.

    A line that is not ours is seen twice: one of ours that is taken for somebody else's would be made anew.  Raises
    `Retry` where the two answers differ.
    """
    names = _names(client, order)
    if not all(name.startswith(f"{MODULE}.") for name in names.values()) and names != _names(client, order):
        raise unreadable("Odoo shows other external ids of the order's lines the second time")
    return names


def _names(client: Client, order: Row) -> dict[int, str]:
    answer = client.call("sale.order.line", "get_external_id", order["order_line"]) if order["order_line"] else {}
    return {int(id): name for id, name in answer.items()}
