"""The models an order points at: products, their categories, countries, currencies, users, and the external ids."""

from __future__ import annotations

from typing import Any

from integration.sandbox.odoo import rights
from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import VALIDATION_ERROR, OdooError, value_error
from integration.sandbox.odoo.records import Records, Row, on_model, on_records
from integration.sandbox.odoo.rights import GROUPS
from integration.sandbox.odoo.schema import Field

INVOICE_POLICY = "default_invoice_policy"
"""The setting, and where the company's row keeps it (Odoo itself: in ``ir.default``)."""


_BARCODE_TAKEN = (
    'Barcode(s) already assigned:\n\n- Barcode "{barcode}" already assigned to product(s): {products}\n\n'
    "Note: products that you don't have access to will not be shown above."
)


class Product(Records):
    """product.product; its template is not faked for itself: it has the id and the fields of its first variant."""

    def defaults(self, values: Row) -> Row:
        company = self.env.database.row("res.company", COMPANY_ID) or {}
        default = {
            "type": "consu",
            "is_storable": False,
            "tracking": "none",
            "sale_ok": True,
            "purchase_ok": True,
            "invoice_policy": company.get(INVOICE_POLICY, "order"),
            "expense_policy": "no",
            "service_type": "manual",
            "service_tracking": "no",
            "uom_id": 1,
            "uom_ids": [],
            "product_tmpl_id": 1,
            "list_price": 1.0,
            "taxes_id": [company["account_sale_tax_id"]] if company.get("account_sale_tax_id") else [],
        }
        return super().defaults({**default, **values})

    def create_one(self, values: Row) -> int:
        template = values.get("product_tmpl_id")
        id = super().create_one({name: value for name, value in values.items() if name != "product_tmpl_id"})
        self.env.database.update("product.product", id, {"product_tmpl_id": template or id})
        self._check_barcode(id)
        return id

    def write_one(self, id: int, values: Row) -> None:
        super().write_one(id, values)
        if values.get("barcode"):
            self._check_barcode(id)

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

    def compute_product_variant_count(self, row: Row) -> int:
        variants = self.env.database.find("product.product", "product_tmpl_id", row["product_tmpl_id"])
        return sum(bool(self.existing(id)["active"]) for id in variants)

    def label(self, row: Row) -> str:
        return f"[{row['default_code']}] {row['name']}" if row.get("default_code") else str(row["name"])

    def label_of(self, field: Field, id: int) -> str:
        if field.name == "product_tmpl_id":
            return self.label(self.existing(id))
        return super().label_of(field, id)

    @property
    def owner(self) -> tuple[str, str]:
        return "product.template", "Product"

    def compute_lst_price(self, row: Row) -> float:
        return float(row["list_price"])

    def compute_currency_id(self, _row: Row) -> int:
        return int(self.env.records("res.company").existing(COMPANY_ID)["currency_id"])


class Category(Records):
    def label(self, row: Row) -> str:
        return self.compute_complete_name(row)

    def compute_complete_name(self, row: Row) -> str:
        above = f"{self.label(self.existing(row['parent_id']))} / " if row.get("parent_id") else ""
        return f"{above}{row['name']}"


class Settings(Records):
    """res.config.settings, the window of the settings: a record that is made and then executed."""

    @on_records
    def execute(self) -> Row:
        for id in self.ids:
            self.env.database.update("res.company", COMPANY_ID, {INVOICE_POLICY: self.existing(id)[INVOICE_POLICY]})
        return {"type": "ir.actions.client", "tag": "reload"}


class Country(Records):
    """Found by its code as well as by its name."""

    def _name_domain(self, name: str, operator: str) -> list[Any]:
        if len(name) == 2 and self.env.database.find("res.country", "code", name.upper()):
            return [["code", "=", name.upper()]]
        return super()._name_domain(name, operator)


class State(Records):
    def label(self, row: Row) -> str:
        return f"{row['name']} ({self.env.records('res.country').existing(row['country_id'])['code']})"


class Currency(Records):
    def compute_decimal_places(self, row: Row) -> int:
        return max(0, len(f"{row['rounding']:.6f}".rstrip("0").partition(".")[2]))


class Pricelist(Records):
    def label(self, row: Row) -> str:
        return f"{row['name']} ({self.env.records('res.currency').existing(row['currency_id'])['name']})"

    def defaults(self, values: Row) -> Row:
        company = self.env.records("res.company").existing(COMPANY_ID)
        default = {"sequence": 16, "currency_id": company["currency_id"], "company_id": COMPANY_ID}
        return super().defaults({**default, **values})


class User(Records):
    @on_model
    def context_get(self) -> Row:
        user = self.existing(self.env.uid)
        return {"lang": user["lang"], "tz": user.get("tz", False), "uid": self.env.uid}

    @on_records
    def has_group(self, group_ext_id: str) -> bool:
        return group_ext_id in GROUPS


class ExternalIds(Records):
    """ir.model.data: closed to the integration user but for the check of one external id."""

    @on_model
    def check_object_reference(self, module: str, xml_id: str, raise_on_access_error: bool = False) -> tuple[str, int]:
        """(model, id); the id is False for an archived record that the context does not ask for.

        So it is when Odoo's cache remembers what an undone import had made.
        """
        del raise_on_access_error  # every record here may be read
        found = self.env.find_external_id(f"{module}.{xml_id}")
        if found is not None:
            row = self.env.records(found[0]).existing(found[1])
            hidden = self.env.context.get("active_test", True) and not row.get("active", True)
            return found[0], False if hidden else found[1]
        if model := self.env.database.stale_external_ids.get(f"{module}.{xml_id}"):
            return model, False
        raise value_error(f"External ID not found in the system: {module}.{xml_id}")
