"""The products behind lines that are no goods: shipping, discounts, fees."""

from __future__ import annotations

from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import AccessRefused
from integration.connectors.odoo.external import find, load_all, xmlid
from integration.errors import Hold, Reject

NAMES = {"shipping": "Shipping", "discount": "Discount", "fee": "Fee", "rounding": "Rounding"}


class Services:
    """One product per service, known by the external id ``__clarity__.service__<service>``."""

    def __init__(self, client: Client, work: Work) -> None:
        self._client = client
        self._work = work

    def product(self, service: str) -> int:
        """The id of the service's product, created where it is missing; `Hold` when we may not create it."""
        if theirs := self._work.known("service", service):
            return int(theirs)
        name = xmlid("service", service)
        id = find(self._client, name)
        if id is None:
            self._work.reserve("service", service)
            id = self._create(service, name)
        self._work.remember("service", service, str(id))
        return id

    def _create(self, service: str, name: str) -> int:
        row = {"id": name, "name": NAMES[service], "type": "service", "taxes_id/.id": []}
        try:
            return load_all(self._client, self._work, f"{service}_product.load", "product.product", [row])[name]
        except (AccessRefused, Reject) as refused:
            raise Hold(
                f"there is no product for {service} lines, and the integration user may not create it",
                hint=f"In Odoo create a product “{NAMES[service]}” of type Service without taxes and export it with "
                f"its External ID, then import it with the External ID {name}; or let the integration user create "
                "products (Products / Creation) once. Then send the order again.",
                code="no_service_product",
            ) from refused
