"""The products behind lines that are no goods: shipping, discounts, fees."""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import AccessRefused
from integration.connectors.odoo.external import find, load_all, xmlid
from integration.errors import Hold, Reject

NAMES = {"shipping": "Shipping", "discount": "Discount", "fee": "Fee", "service": "Service", "rounding": "Rounding"}
WRITTEN: dict[str, Any] = {
    "type": "service",
    "invoice_policy": "order",
    "taxes_id/.id": [],
    "supplier_taxes_id/.id": [],
    "list_price": 0,
    "sale_ok": True,
    "purchase_ok": False,
    "is_storable": False,
    "tracking": "none",
    "expense_policy": "no",
    "service_tracking": "no",
    "company_id/.id": None,
}
"""Everything that Odoo would else take from its own defaults (Odoo 19).

A company that bills what is delivered makes that the default policy; nobody delivers a service, so it would never be
billed.  Without a company the product is for all of them.
"""


class Services:
    """One product per service, known by the external id ``__clarity__.service__<service>``."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, *, verify: bool = False) -> None:
        """``verify``: what is remembered is looked at before it is believed."""
        self._client = client
        self._catalog = catalog
        self._work = work
        self._verify = verify

    def product(self, service: str) -> int:
        """The id of the service's product, created where it is missing.

        `Hold` when we may not create it, or a mapping names a service that is none of `NAMES`.
        """
        if service not in NAMES:
            raise Hold(
                f"the mapping makes a line of the service {service!r}, and there is no such service",
                hint=f"In mappings/odoo/out/order.json name one of these: {', '.join(NAMES)}; then run "
                "`fleet mapping publish`. {again}",
                code="no_such_service",
            )
        name = xmlid("service", service)
        theirs = self._work.known("service", service)
        if theirs and (not self._verify or self._exists(int(theirs))):
            return int(theirs)
        id = find(self._client, name)
        if theirs and id:
            self._work.relink("service", service, theirs, str(id))
            return id
        if id is None:
            id = self._create(service, name, theirs)
        self._work.remember("service", service, str(id))
        return id

    def _exists(self, id: int) -> bool:
        return bool(self._client.call("product.product", "read", [id], fields=["active"]))

    def _create(self, service: str, name: str, gone: str | None) -> int:
        if gone is None:
            self._work.reserve("service", service)
        effect = f"{service}_product.load" + (f":after-{gone}" if gone else "")
        known = self._catalog.fields("product.product")
        row = {"id": name, "name": NAMES[service]}
        row |= {column: value for column, value in WRITTEN.items() if column.partition("/")[0] in known}
        try:
            return load_all(self._client, self._work, effect, "product.product", [row])[name]
        except (AccessRefused, Reject) as refused:
            raise Hold(
                f"there is no product for {service} lines, and the integration user may not create it",
                hint=f"In Odoo create a product “{NAMES[service]}” of type Service, without taxes and with the "
                "Invoicing Policy Ordered quantities, export it with its External ID, then import it with the External "
                f"ID {name}; or let the integration user create products (Products / Creation) once. {{again}}",
                code="no_service_product",
            ) from refused
