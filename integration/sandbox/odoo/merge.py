"""base.partner.merge.automatic.wizard: contacts that are one are made one (Odoo 19.0, Contacts, Actions, Merge).

Whatever points at a merged contact points at the one that stays: orders, children, external ids.  That one keeps its
own values and takes what it lacks; the others are deleted.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.odoo.environment import Environment
from integration.sandbox.odoo.errors import user_error
from integration.sandbox.odoo.records import Records, Row, on_records
from integration.sandbox.odoo.schema import SCHEMA

PARTNER = "res.partner"
MOST = 3
_TOO_MANY = (
    "For safety reasons, you cannot merge more than 3 contacts together. You can re-open the wizard several times if "
    "needed."
)
_PARENT = "You cannot merge a contact with one of his parent."
_EMAILS = "All contacts must have the same email. Only the Administrator can merge contacts with different emails."
_STAMPS = {"create_date", "create_uid", "write_date", "write_uid"}
_KEPT = {"id", "name", "active", "email_normalized", "parent_id", *_STAMPS}


class MergeContacts(Records):
    """Over RPC the window is a record that is created and then acts on a call."""

    def defaults(self, values: Row) -> Row:
        return super().defaults({"state": "option", **values})

    @on_records
    def action_merge(self) -> Row:
        [wizard] = map(self.existing, self.ids)
        partners = self.env.records(PARTNER)
        ids = [id for id in wizard.get("partner_ids") or () if partners.row(id)]
        if len(ids) > 1:
            self._merge(ids, wizard.get("dst_partner_id") or max(ids))
        shown = {"res_model": self.model.name, "res_id": wizard["id"], "view_mode": "form", "target": "new"}
        return {"type": "ir.actions.act_window", **shown}

    def _merge(self, ids: list[int], stays: int) -> None:
        partners = self.env.records(PARTNER)
        rows = [partners.existing(id) for id in ids]
        if len(ids) > MOST:
            raise user_error(_TOO_MANY)
        if {row.get("parent_id") for row in rows} & set(ids):
            raise user_error(_PARENT)
        if len({row.get("email") or False for row in rows}) > 1:
            raise user_error(_EMAILS)
        for row in rows:
            if row["id"] != stays:
                lacking = {name: value for name, value in row.items() if value and name not in _KEPT}
                kept = partners.existing(stays)
                partners.store(stays, {name: value for name, value in lacking.items() if not kept.get(name)})
                _point_elsewhere(self.env, row["id"], stays)
                self.env.database.delete(PARTNER, row["id"])


def _point_elsewhere(env: Environment, was: int, now: int) -> None:
    for name, model in SCHEMA.items():
        fields = [field.name for field in model.fields.values() if field.relation == PARTNER]
        for row in list(env.database.rows(name).values()):
            changes = {field: _pointed(row[field], was, now) for field in fields if _points(row.get(field), was)}
            if changes:
                env.database.update(name, row["id"], changes)
    for row_id in set(env.database.find("ir.model.data", "target", f"{PARTNER},{was}")):
        env.database.update("ir.model.data", row_id, {"res_id": now, "target": f"{PARTNER},{now}"})


def _points(value: Any, was: int) -> bool:
    return value == was and value is not True or isinstance(value, list) and was in value


def _pointed(value: Any, was: int, now: int) -> Any:
    return sorted({now if id == was else id for id in value}) if isinstance(value, list) else now
