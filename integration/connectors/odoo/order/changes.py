"""What people take back in Odoo: orders of ours that they cancel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integration.connectors.contract import Ask, Change, Document, Page, Parent
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import moment, text, written
from integration.connectors.odoo.external import our_orders
from integration.connectors.odoo.site import Site
from integration.connectors.settling import settled_before

CANCELLED: list[Any] = [["state", "=", "cancel"]]


def cancellations(site: Site, ask: Ask) -> Page:
    """Orders of ours that were cancelled in Odoo, see `Reversals`."""
    return Reversals(site.client).cancelled(ask.since, ask.page)


class Reversals:
    """The stream of ``order.reversed``: one for each cancelled order."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def cancelled(self, since: datetime, page: Document | None) -> Page:
        """Orders that have been cancelled for a while, see `settled_before`."""
        domain = [*CANCELLED, ["write_date", "<", written(settled_before())]]
        batch = changed(self._client, "sale.order", domain, ["name"], since, page)
        ours = our_orders(self._client, {row["id"] for row in batch.rows})
        changes = (
            _change(f"order/{row['id']}", row["write_date"], row, row["id"], ours[row["id"]], "cancelled", [])
            for row in batch.rows
            if row["id"] in ours
        )
        return Page(tuple(changes), batch.seen, batch.next)


def _change(id: str, at: str, row: Row, order: int, order_id: str | None, kind: str, lines: list[Document]) -> Change:
    document = {"name": text(row["name"]), "kind": kind, "lines": lines}
    return Change("order.reversed", id, moment(at), text(row["name"]), Parent("order", str(order), order_id), document)
