"""Whether a product is sold: archived in Odoo, or active; what we have archived ourselves comes back by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.product.identity import MODEL
from integration.connectors.odoo.product.refusals import Refusals

STATUS = "product_status"
"""The crossref: our id of the product, and its record with what we last made of it, archived or active."""
ARCHIVED, ACTIVE = "archived", "active"

Row = dict[str, Any]


class Status:
    """The status of one product; its id there is that of a record, or "template/60" for one with variants."""

    def __init__(self, client: Client, work: Work, key: str) -> None:
        self._client = client
        self._work = work
        self._key = key

    def archive(self, theirs: str) -> None:
        """Archives the record, or every variant of the template; what is not there any more needs nothing."""
        *of_several, id = theirs.split("/")
        domain = [["product_tmpl_id" if of_several else "id", "=", int(id)], ["active", "=", True]]
        rows = self._client.call(MODEL, "search_read", domain=domain, fields=["product_tmpl_id", "active"], order="id")
        if rows:
            self._turn(rows, theirs, ARCHIVED, "action_archive")

    def activate(self, rows: Sequence[Row], theirs: str, refusals: Refusals) -> None:
        """Takes archived records back; `Hold` unless we have archived them, or a person says so."""
        if not rows:
            return
        if self._work.known(STATUS, self._key) != f"{theirs} {ARCHIVED}":
            refusals.check_archived(rows[0])
        self._turn(rows, theirs, ACTIVE, "action_unarchive")

    def _turn(self, rows: Sequence[Row], theirs: str, status: str, method: str) -> None:
        """With its last variant a template is archived, and with its first it comes back (Odoo 14 to 19)."""
        self._work.remember(STATUS, self._key, f"{theirs} {status}")
        request = self._client.request(MODEL, method, [row["id"] for row in rows])
        self._work.perform(f"product.{status}", request, self._client.send)
