"""A product's values as Odoo takes them, and which of them it has otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.order.difference import id_of, same
from integration.connectors.odoo.product.identity import MODEL

WITH_INVENTORY = "is_storable"
"""The field that comes with the app Inventory, since 18."""
HALF_THE_FINEST_WEIGHT = Decimal("0.005")
"""Odoo keeps a weight to the hundredth (the decimal accuracy "Stock Weight")."""

Row = dict[str, Any]


class Columns:
    """What a document states, with category and unit by the ids of one Odoo."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def of(self, document: Document) -> Row:
        """Fields, and category and unit by id, as ``load()`` takes them; nothing for what is left empty."""
        columns = {name: value for name, value in document["fields"].items() if value is not None}
        if WITH_INVENTORY in columns and WITH_INVENTORY not in self.catalog.fields(MODEL):
            del columns[WITH_INVENTORY]
        if category := document.get("category"):
            columns["categ_id/.id"] = self.catalog.category(category)
        if uom := document.get("uom"):
            columns["uom_id/.id"] = self.catalog.uom(uom)
        return columns


def plain(column: str) -> str:
    """The field of a column: that of ``categ_id/.id`` is ``categ_id``."""
    return column.removesuffix("/.id")


def changes(columns: Mapping[str, Any], row: Row) -> Row:
    """The values that the row has otherwise, as they are to be written."""
    values = {plain(column): value for column, value in columns.items()}
    return {name: value for name, value in values.items() if not is_same(name, value, row[name])}


def is_same(name: str, ours: Any, theirs: Any) -> bool:
    """Whether Odoo has our value."""
    if name == "weight":
        return abs(Decimal(ours) - Decimal(theirs)) <= HALF_THE_FINEST_WEIGHT
    return same(ours, id_of(theirs))
