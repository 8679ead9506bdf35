"""How Odoo shows an order, under the names that its document has, for a person to compare."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import find, xmlid
from integration.connectors.odoo.order.difference import same
from integration.connectors.odoo.order.rows import Row, is_ours, line_fields, line_id

Fields = dict[str, Any]


def shown_order(client: Client, document: Document, work: Work) -> Document | None:
    """The order's plain fields, its lines by ours, and its total; None when it does not stand there."""
    id = work.known("order", document["key"]) or find(client, xmlid("order", document["key"]))
    if id is None:
        return None
    columns = ["name", "state", "amount_total", "currency_id", "order_line", *document["order"]]
    rows = client.call("sale.order", "read", [int(id)], fields=columns)
    if not rows:
        return None
    (order,) = rows
    theirs = _lines(client, document, order["order_line"])
    lines = [
        {"key": line["key"], "fields": _line_as_ours(line, theirs[name])} if name in theirs else None
        for line in document["lines"]
        for name in (line_id(document, line),)
    ]
    wanted = {line_id(document, line) for line in document["lines"]}
    return {
        "amount_total": _as_ours(document, {"amount_total": Decimal(round(order["amount_total"], 6))})["amount_total"],
        "currency": order["currency_id"][1],
        "order": _as_ours(document["order"], order),
        "lines": lines + [{"key": name, "fields": line} for name, line in theirs.items() if name not in wanted],
    }


def _lines(client: Client, document: Document, ids: list[int]) -> dict[str, Row]:
    """Our lines by their external ids, with the fields that the document's lines have."""
    columns = sorted({field for line in document["lines"] for field in {**line["fields"], **line_fields(line)}})
    rows = client.call("sale.order.line", "read", ids, fields=columns, load=None) if ids else []
    names = client.call("sale.order.line", "get_external_id", ids) if ids else {}
    return {
        name: {field: row[field] for field in columns} for row in rows if is_ours(name := str(names[str(row["id"])]))
    }


def _line_as_ours(line: Document, theirs: Fields) -> Fields:
    """As `_as_ours`; of a name with attributes below it, the name alone where Odoo has both."""
    sent = {**line["fields"], **line_fields(line)}
    found = _as_ours(sent, theirs)
    return {
        field: line["fields"].get(field, value) if value == sent[field] else value for field, value in found.items()
    }


def _as_ours(ours: Fields, theirs: Fields) -> Fields:
    """Their values; where they mean the same as ours, ours."""
    return {
        name: value if same(value, theirs[name]) else theirs[name] for name, value in ours.items() if name in theirs
    }
