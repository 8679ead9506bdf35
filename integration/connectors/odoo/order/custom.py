"""Custom fields of an Odoo, which a mapping may write: those whose names begin with ``x_``, made in Studio or by hand.

Odoo's own fields are the same everywhere.  A custom field is in this Odoo or not, and Odoo says of one that is not no
more than that it does not understand.
"""

from __future__ import annotations

from collections.abc import Collection

from integration.connectors.contract import Document
from integration.connectors.odoo.catalog import Catalog
from integration.errors import Hold

PREFIX = "x_"


def require_custom(catalog: Catalog, document: Document) -> None:
    """Raises `Hold` naming the custom fields of the order document that this Odoo does not have."""
    of_lines = (name for line in document["lines"] for name in line["fields"])
    for model, named in (("sale.order", document["order"]), ("sale.order.line", of_lines)):
        if missing := _lacking(catalog, model, {name for name in named if name.startswith(PREFIX)}):
            raise Hold(
                f"{model} has no field {', '.join(missing)} in Odoo",
                hint="In Odoo create it (Studio; or Settings, Technical, Fields) with this name; or correct its row in "
                "mappings/odoo/out/order.json and run `fleet mapping publish`. {again}",
                code="unknown_field",
            )


def _lacking(catalog: Catalog, model: str, named: Collection[str]) -> list[str]:
    """Those of the fields that the model does not have, looked at afresh before anybody is bothered."""
    if not named or set(named) <= catalog.fields(model):
        return []
    return sorted(set(named) - catalog.fields(model, fresh=True))
