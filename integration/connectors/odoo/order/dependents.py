"""What Odoo made of an order's header and keeps when that changes: open transfers and draft invoices (Odoo 19.0).

They are brought along *before* the header is: as long as that shows the old values it says what they were made of, also
to the next try.  What is done or posted stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from integration.connectors.contract import Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import moment, written
from integration.connectors.odoo.errors import AccessRefused
from integration.connectors.odoo.order.difference import id_of, same
from integration.errors import Hold

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of record that belongs to an order; ``fields`` are its own by the header's, with their word for people.

    ``of_order`` is the path to the order, ``open`` the domain of what can still be changed.  ``origin`` is the field
    that names its orders, where one record may belong to several.
    """

    model: str
    effect: str
    what: str
    group: str
    of_order: str
    open: tuple[Any, ...]
    fields: Mapping[str, tuple[str, str]]
    origin: str | None = None


TRANSFERS = Kind(
    model="stock.picking",
    effect="transfers.update",
    what="transfer",
    group="Inventory / User",
    of_order="sale_id",
    open=(["state", "not in", ["done", "cancel"]], ["picking_type_code", "=", "outgoing"]),
    fields={
        "partner_shipping_id": ("partner_id", "delivery address"),
        "carrier_id": ("carrier_id", "carrier"),
        "commitment_date": ("scheduled_date", "scheduled date"),
    },
)
INVOICES = Kind(
    model="account.move",
    effect="draft_invoices.update",
    what="draft invoice",
    group="Accounting / Invoicing (Billing, until 18)",
    of_order="invoice_line_ids.sale_line_ids.order_id",
    open=(["state", "=", "draft"], ["move_type", "=", "out_invoice"]),
    origin="invoice_origin",
    fields={
        "partner_invoice_id": ("partner_id", "invoice address"),
        "partner_shipping_id": ("partner_shipping_id", "delivery address"),
        "payment_term_id": ("invoice_payment_term_id", "payment term"),
    },
)


class Dependents:
    """The open transfers and draft invoices of one confirmed order; ``header`` is the order before the change."""

    def __init__(self, client: Client, catalog: Catalog, work: Work, header: Row) -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._header = header

    def follow(self, changes: Row) -> None:
        """Brings along what shows the header's old values, for these changes of the header.

        Raises `Hold`, with the difference, for what shows neither the old nor the new value, for a draft that bills
        other orders, too, and for what the user may not change.
        """
        found = [(kind, *self._late(kind, changes)) for kind in (TRANSFERS, INVOICES)]
        for kind, rows, wanted in found:
            if rows:
                self._write(kind, rows, wanted)

    def _late(self, kind: Kind, changes: Row) -> tuple[list[Row], Row]:
        """The records that do not show the new values, and these; `Hold` for one that may not be brought along."""
        known = self._catalog.fields(kind.model)
        names = {theirs: ours for ours, (theirs, _) in kind.fields.items() if ours in changes and theirs in known}
        if not names:
            return [], {}
        wanted = {theirs: self._wanted(theirs, changes[ours]) for theirs, ours in names.items()}
        rows = self._open(kind, list(names))
        late = [row for row in rows if any(not _shows(row[name], value) for name, value in wanted.items())]
        for row in late:
            if kind.origin and row[kind.origin] != self._header["name"]:
                raise self._differs(kind, row, next(iter(names.values())), "bills other orders, too")
            for theirs, ours in names.items():
                self._check(kind, row, theirs, ours, wanted[theirs])
        return late, wanted

    def _write(self, kind: Kind, rows: list[Row], wanted: Row) -> None:
        request = self._client.request(kind.model, "write", [row["id"] for row in rows], vals=wanted)
        try:
            self._work.perform(kind.effect, request, self._client.send)
        except AccessRefused as refused:
            what = ", ".join(word for theirs, word in kind.fields.values() if theirs in wanted)
            raise AccessRefused(
                f"{self._named(kind, rows)} would keep the old {what}: {refused.reason}",
                hint=f"Give the integration user in Odoo the group {kind.group}, or change the {kind.what} by hand. "
                "{again}",
                code="access_error",
            ) from refused

    def _open(self, kind: Kind, names: list[str]) -> list[Row]:
        domain = [[kind.of_order, "=", self._header["id"]], *kind.open]
        fields = ["name", *([kind.origin] if kind.origin else []), *names]
        rows: list[Row] = self._client.call(kind.model, "search_read", domain=domain, fields=fields, order="id")
        return rows

    def _wanted(self, name: str, value: Any) -> Any:
        """The header's new value as the record has it; what is promised is scheduled earlier by the company's lead."""
        if name != "scheduled_date" or not value or "security_lead" not in self._catalog.fields("res.company"):
            return value
        company = self._header["company_id"][0]
        lead = self._client.call("res.company", "read", [company], fields=["security_lead"])[0]["security_lead"]
        return written(moment(value) - timedelta(days=float(lead)))

    def _check(self, kind: Kind, row: Row, theirs: str, ours: str, wanted: Any) -> None:
        """An empty value, and the date for which Odoo has scheduled it, are no decision of anybody's."""
        shown = row[theirs]
        if (
            shown
            and theirs != "scheduled_date"
            and not any(_shows(shown, id_of(at)) for at in (wanted, self._header[ours]))
        ):
            raise self._differs(kind, row, ours, "has yet another one")

    def _differs(self, kind: Kind, row: Row, ours: str, why: str) -> Hold:
        return Hold(
            f"the order has another {kind.fields[ours][1]} now, but {self._named(kind, [row])} {why}",
            hint=f"See the {kind.what} in Odoo and change it by hand to what the order in Clarity says. {{again}}",
            code=f"{kind.what.replace(' ', '_')}_differs",
        )

    def _named(self, kind: Kind, rows: list[Row]) -> str:
        names = ", ".join(str(row["name"] or f"#{row['id']}") for row in rows)
        return f"{kind.what} {names} of {self._header['name']}"


def _shows(theirs: Any, ours: Any) -> bool:
    return same(ours, id_of(theirs))
