"""An order document as the rows that ``load()`` reads: the order's own columns in the first, a line in each."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from integration.connectors.contract import Document
from integration.connectors.odoo.external import MODULE, xmlid

Row = dict[str, Any]


def order_rows(document: Document, fields: frozenset[str]) -> list[Row]:
    """The rows of ``sale.order.load()``; ``fields`` are those of this Odoo's ``sale.order.line``."""
    ids = document["ids"]
    first: Row = {
        "id": xmlid("order", document["key"]),
        "partner_id/.id": ids["partner"],
        "partner_invoice_id/.id": ids["invoice"],
        "partner_shipping_id/.id": ids["delivery"],
        # Always there, if empty: Odoo refuses this column on a confirmed order, and the partner's own would decide
        # the currency otherwise.
        "pricelist_id/.id": ids["pricelist"],
        **order_fields(document),
    }
    for reference in ("payment_term", "carrier"):
        if ids[reference] is not None:
            first[f"{reference}_id/.id"] = ids[reference]
    lines = [{f"order_line/{column}": value for column, value in row.items()} for row in line_rows(document, fields)]
    return [{**first, **line} for line in lines[:1] or [{}]] + lines[1:]


def order_fields(document: Document) -> Row:
    """The plain fields of the order.  A carrier that Odoo does not know is written into the note."""
    plain = {field: value for field, value in document["order"].items() if value is not None}
    if document["carrier"] and document["ids"]["carrier"] is None:
        carrier = f"Carrier: {html.escape(document['carrier'])}"
        plain["note"] = f"{plain['note']}<br>{carrier}" if plain.get("note") else carrier
    return plain


def line_rows(document: Document, fields: frozenset[str]) -> list[Row]:
    """A row for each line, by the columns of ``sale.order.line``."""
    own_units = any(line.get("uom") for line in document["lines"])
    rows = []
    for place, (line, ids) in enumerate(zip(document["lines"], document["ids"]["lines"], strict=True), start=1):
        row: Row = {"id": line_id(document, line), "sequence": place, "product_id/.id": ids["product"]}
        row |= line_fields(line)
        row[f"{tax_field(fields)}/.id"] = ids["taxes"]
        if own_units:
            row[f"{uom_field(fields)}/.id"] = ids["uom"]
        if "is_delivery" in fields:  # comes with the app for deliveries
            row["is_delivery"] = line["service"] == "shipping"
        rows.append(row)
    return rows


def line_fields(line: Mapping[str, Any]) -> Row:
    """The plain fields of a line; its attributes are below its name, which Odoo prints on every document."""
    plain = {field: value for field, value in line["fields"].items() if value is not None}
    if attributes := line.get("attributes"):
        plain["name"] = "\n".join(filter(None, (plain.get("name"), *attributes)))
    return plain


def line_id(document: Document, line: Mapping[str, Any]) -> str:
    """The external id of a line."""
    return xmlid("order_line", document["key"], line["key"])


def is_ours(name: str) -> bool:
    """Whether an external id is one of an order line of ours."""
    return name.startswith(f"{MODULE}.order_line__")


def tax_field(fields: frozenset[str]) -> str:
    """The taxes of a line: ``tax_ids`` since 19, ``tax_id`` before."""
    return "tax_ids" if "tax_ids" in fields else "tax_id"


def uom_field(fields: frozenset[str]) -> str:
    """The unit of measure of a line: ``product_uom_id`` since 19, ``product_uom`` before."""
    return "product_uom_id" if "product_uom_id" in fields else "product_uom"
