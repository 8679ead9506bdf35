"""The models and fields this fake knows, as Odoo's own ``fields_get`` describes them.

``schema.json`` was recorded from Odoo 19.0 Community (Debian odoo-19 19.0.0+dfsg-1) on 2026-11-21.  ``fields`` are
faked; the names under ``not_faked`` exist in the real Odoo and are answered with "not faked" instead of "invalid".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REAL_PREFIXES = (
    "account.", "base.", "bus.", "choose.delivery.", "crm.", "delivery.", "digest.", "discuss.", "ir.", "mail.", "mrp.",
    "payment.", "portal.", "product.", "res.", "sale.", "sms.", "snailmail.", "stock.", "uom.", "utm.",
)  # fmt: skip
"""Model names that start so exist in Odoo with the modules of an order flow; other unknown models are a 404."""

INDEXED = {
    "res.partner": ("email_normalized", "ref", "parent_id", "name"),
    "res.country": ("code",),
    "res.country.state": ("country_id", "code"),
    "res.currency": ("name",),
    "product.product": ("default_code", "barcode", "product_tmpl_id"),
    "product.template.attribute.line": ("product_tmpl_id",),
    "product.template.attribute.value": ("product_tmpl_id", "attribute_line_id"),
    "product.attribute": ("name",),
    "product.attribute.value": ("attribute_id",),
    "product.pricelist": ("currency_id",),
    "delivery.carrier": ("name",),
    "account.payment.term": ("name",),
    "sale.order": ("client_order_ref", "origin", "name", "partner_id"),
    "sale.order.line": ("order_id",),
    "stock.picking": ("sale_id", "backorder_id"),
    "stock.move": ("picking_id", "sale_line_id", "product_id", "origin_returned_move_id"),
    "account.move": ("name", "reversed_entry_id"),
    "account.move.line": ("move_id", "sale_line_ids"),
    "mrp.bom": ("product_tmpl_id",),
    "mrp.bom.line": ("bom_id",),
    "ir.model.data": ("complete_name", "target"),
}
"""Fields found by look-up instead of a scan: what an integration searches by, and every one2many's other end."""

SORTED = {
    "stock.picking": "write_date",
    "stock.move": "write_date",
    "account.move": "write_date",
    "res.partner": "write_date",
    "product.product": "write_date",
    "sandbox.ageing": "due",
}
"""The field whose values from a bound on are found without a scan: what is polled, and what is due."""


@dataclass(frozen=True)
class Field:
    """One field; ``places`` are the decimals a stored float is rounded to (None: kept as it is)."""

    name: str
    label: str
    type: str
    required: bool
    relation: str
    inverse: str
    selection: tuple[tuple[str, str], ...]
    places: int | None
    description: dict[str, Any]


@dataclass(frozen=True)
class Model:
    name: str
    description: str
    order: str
    fields: dict[str, Field]
    not_faked: frozenset[str]


def _field(name: str, recorded: dict[str, Any]) -> Field:
    digits = recorded.get("digits")
    return Field(
        name=name,
        label=recorded["string"],
        type=recorded["type"],
        required=recorded["required"],
        relation=recorded.get("relation", ""),
        inverse=recorded.get("relation_field", ""),
        selection=tuple((value, label) for value, label in recorded.get("selection", ())),
        places=digits[1] if digits else None,
        description=recorded,
    )


def _read_schema() -> dict[str, Model]:
    recorded = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
    return {
        name: Model(
            name=name,
            description=model["description"],
            order=model["order"],
            fields={field: _field(field, described) for field, described in model["fields"].items()},
            not_faked=frozenset(" ".join(model["not_faked"]).split()),
        )
        for name, model in recorded.items()
    }


SCHEMA = _read_schema()
