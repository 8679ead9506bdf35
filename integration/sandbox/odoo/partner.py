"""res.partner: contacts, companies and their addresses."""

from __future__ import annotations

import re
from email.utils import getaddresses
from typing import Any

from integration.sandbox.odoo.errors import constraint, value_error
from integration.sandbox.odoo.records import Records, Row, on_records, referenced
from integration.sandbox.odoo.vat import checked_vat

_ADDRESS = ("street", "street2", "city", "zip", "state_id", "country_id")
_COMMERCIAL = ("vat", "company_registry")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def normalized_email(text: str | bool) -> str | bool:
    """The first address in ``text``, in lower case; False when it holds none."""
    for _, address in getaddresses([text]) if isinstance(text, str) else ():
        if _EMAIL.fullmatch(address):
            return address.lower()
    return False


class Partner(Records):
    """A contact shares its company's address (a change of one changes the other); other address types keep theirs."""

    @on_records
    def address_get(self, adr_pref: list[str] | None = None) -> dict[str, int]:
        """Per wanted type the child of that type, else the record itself."""
        [id] = self.ids
        return {wanted: self.address_of(id, wanted) for wanted in {*(adr_pref or []), "contact"}}

    def address_of(self, id: int, type: str) -> int:
        """The nearest address of ``type``: of the record itself, its children, then of its company."""
        row = self.existing(id)
        if row.get("type") == type or type == "contact":
            return id
        for child in self._children(id):
            if child.get("type") == type:
                return int(child["id"])
        if row.get("is_company") or not row.get("parent_id"):
            return id
        above = self.address_of(row["parent_id"], type)
        return id if above == row["parent_id"] and row.get("type") == "contact" else above

    def defaults(self, values: Row) -> Row:
        row = {"type": "contact", "lang": "en_US", "is_company": False, "trust": "normal", **values}
        row["email_normalized"] = normalized_email(row.get("email", False))
        return super().defaults(row)

    def create_one(self, values: Row) -> int:
        id = super().create_one(values)
        self._check_name(id)
        self._check_vat(id)
        self._share_address(id, created=True)
        return id

    def write_one(self, id: int, values: Row) -> None:
        if values.get("parent_id") == id:
            raise value_error("Recursion Detected.")
        super().write_one(id, values)
        self._check_name(id)
        if {"vat", "country_id"} & set(values):
            self._check_vat(id)
        if "email" in values:
            self.env.database.update(
                "res.partner", id, {"email_normalized": normalized_email(self.existing(id)["email"])}
            )
        if {*_ADDRESS, *_COMMERCIAL, "parent_id", "type"} & set(values):
            self._share_address(id, created=False)

    def unlink_one(self, id: int) -> None:
        if error := referenced(self, id, "sale.order", "partner_id"):
            raise error
        super().unlink_one(id)

    def label(self, row: Row) -> str:
        """Company and name; an address without a name is called by its type."""
        parent = row.get("parent_id") and self.row(row["parent_id"])
        if not parent or row.get("is_company"):
            return str(row.get("name") or "")
        kinds = dict(self.model.fields["type"].selection)
        return f"{parent['name']}, {row.get('name') or kinds.get(row.get('type') or '', '')}"

    def compute_complete_name(self, row: Row) -> str:
        return self.label(row)

    def compute_company_type(self, row: Row) -> str:
        return "company" if row.get("is_company") else "person"

    def compute_commercial_partner_id(self, row: Row) -> int:
        while row.get("parent_id") and not row.get("is_company"):
            row = self.existing(row["parent_id"])
        return int(row["id"])

    def compute_country_code(self, row: Row) -> str | bool:
        country = self.env.database.row("res.country", row.get("country_id") or 0)
        return country["code"] if country else False

    def _check_name(self, id: int) -> None:
        row = self.existing(id)
        if row.get("type") == "contact" and not row.get("name"):
            raise constraint("Contacts require a name")

    def _check_vat(self, id: int) -> None:
        row = self.existing(id)
        if row.get("vat"):
            country = self.compute_country_code(row) or ""
            self.store_changed(id, {"vat": checked_vat(row["vat"], str(country), str(row.get("name") or ""))})

    def _children(self, id: int) -> list[Row]:
        rows = map(self.existing, self.env.database.find("res.partner", "parent_id", id))
        return sorted(rows, key=lambda row: row["id"])

    def _share_address(self, id: int, *, created: bool) -> None:
        row = self.existing(id)
        if parent_id := row.get("parent_id"):
            self._share_with_parent(row, self.existing(parent_id), created=created)
        self._share_with_children(self.existing(id))

    def _share_with_parent(self, row: Row, parent: Row, *, created: bool) -> None:
        """A new contact takes the company's address, and gives it the first one; a change goes up."""
        taken: dict[str, Any] = {}
        if not row.get("is_company"):
            taken = {name: parent.get(name, False) for name in _COMMERCIAL if parent.get(name)}
        if row.get("type") == "contact":
            if created and _address(parent):
                taken |= {name: parent.get(name, False) for name in _ADDRESS}
            elif _address(row) and (not created or len(self._children(parent["id"])) == 1):
                self.store_changed(parent["id"], {name: row.get(name, False) for name in _ADDRESS})
                self._share_with_children(self.existing(parent["id"]))
        self.store_changed(row["id"], taken)

    def _share_with_children(self, row: Row) -> None:
        for child in self._children(row["id"]):
            shared = {} if child.get("is_company") else {name: row[name] for name in _COMMERCIAL if row.get(name)}
            if child.get("type") == "contact" and _address(row):
                shared |= {name: row.get(name, False) for name in _ADDRESS}
            self.store_changed(child["id"], shared)


def _address(row: Row) -> bool:
    return any(row.get(name) for name in _ADDRESS)
