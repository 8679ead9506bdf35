"""What the integration user may not do, in Odoo's words.

The user has the groups an integration needs (sales, all documents; stock user; contact creation; product creation);
recorded from Odoo 19.0 Community, 2026-11-21.  What is not listed is allowed.
"""

from __future__ import annotations

from integration.sandbox.odoo.errors import OdooError, access_error
from integration.sandbox.odoo.schema import Model

GROUPS = frozenset({
    "account.group_account_invoice", "base.group_partner_manager", "base.group_user", "product.group_product_manager",
    "sales_team.group_sale_salesman", "sales_team.group_sale_salesman_all_leads", "stock.group_stock_user",
})  # fmt: skip
"""The integration user's, by external id."""

_ADMINISTRATOR = ("Role / Administrator",)
_ACCESS_RIGHTS = ("Access Rights",)
_ACCOUNTING = ("Accounting/Administrator",)
_SALES = ("Sales/Administrator",)
_STOCK = ("Inventory/Administrator",)
_CHANGES = ("create", "write", "unlink")

_DENIED: dict[tuple[str, str], tuple[str, ...]] = {
    **{("ir.model.data", what): _ACCESS_RIGHTS for what in ("read", *_CHANGES)},
    **{("ir.config_parameter", what): _ADMINISTRATOR for what in ("read", *_CHANGES)},
    **{("account.tax", what): _ACCOUNTING for what in _CHANGES},
    **{("account.payment.term", what): _ACCOUNTING for what in _CHANGES},
    **{("delivery.carrier", what): _STOCK + _SALES for what in _CHANGES},
    **{("res.country", what): _ADMINISTRATOR for what in _CHANGES},
    **{("res.currency", what): _ACCOUNTING + _ADMINISTRATOR for what in _CHANGES},
    **{("res.company", what): _ACCESS_RIGHTS for what in _CHANGES},
    **{("res.users", what): _ACCESS_RIGHTS for what in _CHANGES},
    **{("crm.team", what): _SALES for what in _CHANGES},
    **{("stock.warehouse", what): _STOCK for what in _CHANGES},
    **{("stock.picking.type", what): _STOCK for what in _CHANGES},
    **{("stock.location", what): _STOCK for what in _CHANGES},
    ("sale.order", "unlink"): _SALES,
}
_VERBS = {"read": "access", "create": "create", "write": "modify", "unlink": "delete"}

WITHOUT_FIELDS = {
    "res.partner": ("rtc_session_ids", "Mail RTC session", "discuss.channel.rtc.session"),
    "res.users": ("log_ids", "Users Log", "res.users.log"),
}
"""Models that cannot be read without naming fields: one of all of them is for administrators (its model's name, id)."""


def allows(model: Model, operation: str) -> bool:
    """Whether the integration user may ``operation`` (read, create, write, unlink)."""
    return (model.name, operation) not in _DENIED


def check(model: Model, operation: str) -> None:
    """Raises Odoo's AccessError when the integration user may not ``operation`` (read, create, write, unlink)."""
    groups = _DENIED.get((model.name, operation))
    if groups is not None:
        raise denied(_VERBS[operation], model.description, model.name, groups)


def denied(verb: str, description: str, model: str, groups: tuple[str, ...] = _ADMINISTRATOR) -> OdooError:
    allowed = "".join(f"\n\t- {group}" for group in groups)
    return access_error(
        f"You are not allowed to {verb} '{description}' ({model}) records.\n\n"
        f"This operation is allowed for the following groups:{allowed}\n\n"
        "Contact your administrator to request access if necessary."
    )


def unreadable_field(model: str) -> OdooError:
    """What reading all fields of such a model ends in."""
    field, description, related = WITHOUT_FIELDS[model]
    error = denied("access", description, related)
    return access_error(f"Failed to read field {model}.{field}\n{error.message}")
