"""What of a confirmed order in Odoo differs from the document, as the values to write."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document
from integration.connectors.odoo.order.rows import Row, order_fields
from integration.errors import Hold

REFERENCES = {
    "partner_invoice_id": "invoice",
    "partner_shipping_id": "delivery",
    "payment_term_id": "payment_term",
    "carrier_id": "carrier",
}
TAG = re.compile(r"<[^<>]*>")
TOGETHER = ("product_uom_qty", "price_unit", "discount")
"""Written only all three: after a quantity written alone Odoo takes its own price (Odoo 19.0, draft and confirmed)."""


def order_columns(document: Document) -> list[str]:
    """The fields of the order that are compared: `_ensure_date` sees to the date, `reassigned` to the customer."""
    references = [field for field, name in REFERENCES.items() if document["ids"][name] is not None]
    return sorted({*order_fields(document), *references} - {"date_order"})


def order_values(document: Document, theirs: Mapping[str, Any]) -> Row:
    """What the document states of the order itself.  References given by name are left as they are in Odoo."""
    values: Row = {}
    plain = order_fields(document)
    for field in order_columns(document):
        if field not in plain:
            values[field] = document["ids"][REFERENCES[field]]
        elif not isinstance(theirs[field], list):
            values[field] = plain[field]
    return values


def order_changes(document: Document, theirs: Mapping[str, Any]) -> Row:
    """The values by which their order differs."""
    stated = order_values(document, theirs)
    return {field: value for field, value in stated.items() if not same(value, id_of(theirs[field]))}


def line_columns(rows: Mapping[str, Row], tax: str) -> list[str]:
    """The fields of the lines that are compared."""
    plain = {column for row in rows.values() for column in row if "/" not in column}
    return sorted((plain | {*TOGETHER, "product_id", tax}) - {"id", "sequence", "is_delivery"})


def line_commands(rows: Mapping[str, Row], theirs: Mapping[str, Row], tax: str) -> list[Any]:
    """Commands for ``order_line``: what differs is updated, what vanished gets the quantity 0 (Odoo keeps lines).

    Raises `Hold` for another product on a line: Odoo would let it through on some lines, with its deliveries lost.
    """
    commands = []
    for name, line in theirs.items():
        changes = _line_changes(rows[name], line, tax) if name in rows else _emptied(line)
        if changes:
            commands.append([1, line["id"], changes])
    return commands


def _line_changes(row: Row, theirs: Row, tax: str) -> Row:
    if row["product_id/.id"] != theirs["product_id"][0]:
        raise Hold(
            "a line of the confirmed order has another product now",
            hint="Change the line in Odoo by hand. {again}",
            code="product_changed",
        )
    shown = {field: value for field, value in row.items() if field in theirs and field != "id"}
    changes = {field: value for field, value in shown.items() if not same(value, theirs[field])}
    if not changes.keys().isdisjoint(TOGETHER):
        changes |= {field: shown[field] for field in TOGETHER if field in shown}
    if sorted(row[f"{tax}/.id"]) != sorted(theirs[tax]):
        changes[tax] = [[6, 0, row[f"{tax}/.id"]]]
    return changes


def _emptied(line: Row) -> Row:
    if line["product_uom_qty"] == 0:
        return {}
    return {**{field: line[field] for field in TOGETHER}, "product_uom_qty": 0}


def same(ours: Any, theirs: Any) -> bool:
    """Whether Odoo shows our value: empty is false there, numbers are equal by value, text may come as HTML."""
    if isinstance(ours, bool):
        return ours == bool(theirs)
    if isinstance(ours, Decimal | int):
        return isinstance(theirs, Decimal | int) and Decimal(ours) == Decimal(theirs)
    return _text(ours) == _text(theirs)


def id_of(value: Any) -> Any:
    """The id of a many2one; any other value as it is."""
    return value[0] if isinstance(value, list) else value


def _text(value: Any) -> str:
    """What is to be read of a text: Odoo wraps a plain note into a span and rewrites tags."""
    shown = TAG.sub(" ", str(value or ""))
    with suppress(ValueError):  # a character's number of thousands of digits
        shown = html.unescape(shown)
    return " ".join(shown.split())
