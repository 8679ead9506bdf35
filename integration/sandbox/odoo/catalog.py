"""The models an order points at beside products: countries, currencies, users, and the external ids."""

from __future__ import annotations

from typing import Any

from integration.sandbox.odoo.environment import COMPANY_ID
from integration.sandbox.odoo.errors import value_error
from integration.sandbox.odoo.records import Records, Row, on_model, on_records
from integration.sandbox.odoo.rights import GROUPS

INVOICE_POLICY = "default_invoice_policy"
"""The setting, and where the company's row keeps it (Odoo itself: in ``ir.default``)."""


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
