"""product.product and what it is made of: templates, attributes and variants, and the categories of products.

A product without attributes is its own template, which has its id.  One with variants has a row of its own in
product.template; what it shares with its variants is kept in each of them.
"""

from __future__ import annotations

from itertools import product as combinations
from typing import Any

from integration.sandbox.odoo import quantities, rights
from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import VALIDATION_ERROR, OdooError
from integration.sandbox.odoo.records import Records, Row, on_records
from integration.sandbox.odoo.schema import Field

FIRST_TEMPLATE = 1_000_001
"""From here on are the ids of templates with variants: beyond those of products, which are their own."""
SHARED = (
    *("name", "list_price", "description_sale", "categ_id", "type", "is_storable", "uom_id"),
    *("hs_code", "country_of_origin", "image_1920"),
)
VALUES = "product_template_attribute_value_ids"
_BARCODE_TAKEN = (
    'Barcode(s) already assigned:\n\n- Barcode "{barcode}" already assigned to product(s): {products}\n\n'
    "Note: products that you don't have access to will not be shown above."
)
_COMBINED = (
    'duplicate key value violates unique constraint "product_product_combination_unique"\n'
    "DETAIL:  Key (product_tmpl_id, combination_indices) already exists.\n"
)


class Product(Records):
    """product.product."""

    def defaults(self, values: Row) -> Row:
        company = self.env.database.row("res.company", COMPANY_ID) or {}
        default = {
            "type": "consu",
            "is_storable": False,
            "tracking": "none",
            "sale_ok": True,
            "purchase_ok": True,
            "invoice_policy": company.get("default_invoice_policy", "order"),
            "expense_policy": "no",
            "service_type": "manual",
            "service_tracking": "no",
            "uom_id": 1,
            "uom_ids": [],
            "product_tmpl_id": values["id"],
            "list_price": 1.0,
            "taxes_id": [company["account_sale_tax_id"]] if company.get("account_sale_tax_id") else [],
        }
        return super().defaults({**default, **values})

    def create_one(self, values: Row) -> int:
        template = self.env.database.row("product.template", values.get("product_tmpl_id", 0)) or {}
        shared = {name: template[name] for name in SHARED if name in template}
        own = {name: value for name, value in values.items() if name != "product_tmpl_id"}
        id = super().create_one({**shared, **own})
        if template:
            self.env.database.update("product.product", id, {"product_tmpl_id": template["id"]})
        self._check_barcode(id)
        self._check_combination(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        """What belongs to the template is written to all of its variants."""
        super().write_one(id, values)
        shared = {name: value for name, value in values.items() if name in SHARED}
        for other in self.siblings(id) - {id} if shared else ():
            super().write_one(other, shared)
        if values.get("barcode"):
            self._check_barcode(id)

    def siblings(self, id: int) -> set[int]:
        """All variants of its template, itself among them."""
        return set(self.env.database.find("product.product", "product_tmpl_id", self.existing(id)["product_tmpl_id"]))

    @on_records
    def action_archive(self) -> None:
        self._turn(False)

    @on_records
    def action_unarchive(self) -> None:
        self._turn(True)

    def _turn(self, active: bool) -> None:
        """Those that are it already keep their write_date; the template goes with its last variant."""
        rights.check(self.model, "write")
        for id in self.ids:
            if bool(self.existing(id)["active"]) != active:
                self.write_one(id, {"active": active})

    def _check_barcode(self, id: int) -> None:
        """No two products have one barcode, archived ones included."""
        barcode = self.existing(id).get("barcode")
        alike = sorted(self.env.database.find("product.product", "barcode", barcode)) if barcode else []
        if len(alike) > 1:
            named = " and ".join(self.label(self.existing(each)) for each in alike)
            raise OdooError(VALIDATION_ERROR, _BARCODE_TAKEN.format(barcode=barcode, products=named))

    def _check_combination(self, id: int) -> None:
        """No two active variants of a template have the same values."""
        values = self.existing(id).get(VALUES, [])
        rows = [self.existing(each) for each in self.siblings(id) - {id}]
        if any(row["active"] and row.get(VALUES, []) == values for row in rows):
            raise OdooError(VALIDATION_ERROR, _COMBINED)

    def label(self, row: Row) -> str:
        return f"[{row['default_code']}] {row['name']}" if row.get("default_code") else str(row["name"])

    def label_of(self, field: Field, id: int) -> str:
        if field.name == "product_tmpl_id" and id < FIRST_TEMPLATE:
            return self.label(self.existing(id))
        return super().label_of(field, id)

    @property
    def owner(self) -> tuple[str, str]:
        return "product.template", "Product"

    def compute_lst_price(self, row: Row) -> float:
        values = self.env.records("product.template.attribute.value")
        return float(row["list_price"]) + sum(values.existing(id).get("price_extra") or 0 for id in row.get(VALUES, ()))

    def compute_qty_available(self, row: Row) -> float:
        return quantities.on_hand(self.env, row)

    def compute_outgoing_qty(self, row: Row) -> float:
        return quantities.planned(self.env, row)

    def compute_free_qty(self, row: Row) -> float:
        return quantities.free(self.env, row)

    def compute_currency_id(self, _row: Row) -> int:
        return int(self.env.records("res.company").existing(COMPANY_ID)["currency_id"])

    def compute_product_variant_count(self, row: Row) -> int:
        return sum(bool(self.existing(id)["active"]) for id in self.siblings(row["id"]))


class Template(Records):
    """product.template, of products with variants only."""

    def defaults(self, values: Row) -> Row:
        default = {"type": "consu", "is_storable": False, "uom_id": 1, "list_price": 1.0, "categ_id": False}
        return super().defaults({**default, **values})

    def create_one(self, values: Row) -> int:
        """Its variants are made at the end of the call, when all of its attributes are there."""
        if not self.env.database.rows("product.template"):
            while self.env.database.next_id("product.template") < FIRST_TEMPLATE - 1:
                pass
        id = super().create_one(values)
        self.env.later(("variants", id), lambda: self.make_instant_variants(id))
        return id

    def write_one(self, id: int, values: Row) -> None:
        super().write_one(id, values)
        shared = {name: value for name, value in values.items() if name in SHARED}
        if variants := sorted(self.env.database.find("product.product", "product_tmpl_id", id)):
            self.env.records("product.product").write_one(variants[0], shared)

    def make_instant_variants(self, id: int) -> None:
        """Makes every combination of values at once, unless an attribute is made dynamically."""
        lines = [self.env.records("product.template.attribute.line").existing(line) for line in self._lines(id)]
        attributes = self.env.records("product.attribute")
        if any(attributes.existing(line["attribute_id"]).get("create_variant") == "dynamic" for line in lines):
            return
        values = [sorted(self.env.database.find(TemplateValue.NAME, "attribute_line_id", line["id"])) for line in lines]
        products = self.env.records("product.product")
        for combination in combinations(*values):
            products.create_one({"product_tmpl_id": id, VALUES: [[6, 0, list(combination)]]})

    def _lines(self, id: int) -> list[int]:
        return sorted(self.env.database.find("product.template.attribute.line", "product_tmpl_id", id))


class AttributeLine(Records):
    """product.template.attribute.line: which values of an attribute a template has."""

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        self._make_values(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        super().write_one(id, values)
        self._make_values(id)

    def _make_values(self, id: int) -> None:
        """The template's own record of each value that has none; one that is taken away is not faked."""
        line, of_template = self.existing(id), self.env.records(TemplateValue.NAME)
        there = self.env.database.find(TemplateValue.NAME, "attribute_line_id", id)
        known = {of_template.existing(each)["product_attribute_value_id"] for each in there}
        for value in set(line["value_ids"]) - known:
            of = {"product_tmpl_id": line["product_tmpl_id"], "attribute_line_id": id, "ptav_active": True}
            of_template.create_one({**of, "product_attribute_value_id": value})


class TemplateValue(Records):
    """product.template.attribute.value: one value of a template's attribute, and what it adds to the price."""

    NAME = "product.template.attribute.value"

    def label(self, row: Row) -> str:
        return self.env.records("product.attribute.value").label(
            self.env.records("product.attribute.value").existing(row["product_attribute_value_id"])
        )


class Attribute(Records):
    def defaults(self, values: Row) -> Row:
        return super().defaults({"create_variant": "always", "sequence": 20, **values})


class AttributeValue(Records):
    def label(self, row: Row) -> str:
        return f"{self.env.records('product.attribute').existing(row['attribute_id'])['name']}: {row['name']}"


class Category(Records):
    def label(self, row: Row) -> str:
        return self.compute_complete_name(row)

    def compute_complete_name(self, row: Row) -> str:
        above = f"{self.label(self.existing(row['parent_id']))} / " if row.get("parent_id") else ""
        return f"{above}{row['name']}"


CLASSES: dict[str, type[Any]] = {
    "product.attribute": Attribute,
    "product.attribute.value": AttributeValue,
    "product.category": Category,
    "product.product": Product,
    "product.template": Template,
    "product.template.attribute.line": AttributeLine,
    TemplateValue.NAME: TemplateValue,
}
