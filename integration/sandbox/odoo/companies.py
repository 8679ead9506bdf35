"""Several companies in one Odoo: what of one company an order of another may not name (Odoo 19.0)."""

from __future__ import annotations

from integration.sandbox.odoo.errors import user_error
from integration.sandbox.odoo.records import Records, Row

_OPENING = "Uh-oh! You’ve got some company inconsistencies here:\n"
_END = "\nTo avoid a mess, no company crossover is allowed!"


def check_companies(records: Records, row: Row, *fields: str) -> None:
    """Refuses ``row`` if a record behind one of the many2one ``fields`` is another company's; one of none is all's."""
    wrong = []
    companies = records.env.records("res.company")
    own = records.value(row, "company_id")
    for field in (records.model.fields[name] for name in fields):
        related = records.env.records(field.relation)
        other = related.row(row.get(field.name) or 0)
        if other and other.get("company_id") not in (None, False, own):
            wrong.append(
                f"- “{records.label(row)}” belongs to company “{companies.existing(own)['name']}” while "
                f"“{field.label}” ({field.name}: '{related.label(other)}') belongs to another company."
            )
    if wrong:
        raise user_error(_OPENING + "\n".join(wrong) + _END)
