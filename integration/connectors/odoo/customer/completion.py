"""What Clarity says of a known customer and its contact in Odoo lacks: the VAT number, the name.

Clarity owns both.  Whatever else the contact has is left to the people who keep it in Odoo.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.identity import another_vat, label, plain_vat
from integration.errors import Hold

WRITE, KEEP = "write_vat", "keep_vat"
"""What a person may decide about two VAT numbers."""

Row = dict[str, Any]


class Completion:
    """Fills in what is lacking of one order's customer."""

    def __init__(self, client: Client, work: Work) -> None:
        self._client = client
        self._work = work

    def ensure(self, row: Row, document: Document) -> None:
        """Writes VAT number and name where the contact ``row`` lacks them.

        Raises `Hold` for another VAT number than the contact has, and for one that Odoo refuses (its app base_vat).
        """
        partner = document["partner"]
        values = self._vat(row, partner["fields"].get("vat")) | self._name(row, partner)
        if values:
            request = self._client.request("res.partner", "write", [row["id"]], vals=values)
            self._work.perform("partner.update", request, self._client.send)

    def _vat(self, row: Row, ours: str | None) -> Row:
        if not plain_vat(ours) or row["parent_id"]:  # an employee has the number of the company
            return {}
        if not another_vat(ours, row["vat"]):
            return {} if plain_vat(row["vat"]) else {"vat": ours}
        compared = (row["id"], plain_vat(ours), plain_vat(row["vat"]))
        if self._work.approved(WRITE, *compared):
            return {"vat": ours}
        if self._work.approved(KEEP, *compared):
            return {}
        raise Hold(
            f"the customer has another VAT number in Clarity than its contact {label(row)} in Odoo",
            hint="Choose here which number is right. If it is another customer now, give it an account of its own in "
            "Clarity.",
            code="vat_differs",
            candidates=(
                {"id": "clarity", "label": "Clarity is right: its number is written to Odoo", "approves": WRITE},
                {"id": "odoo", "label": "Odoo is right: its number stays", "approves": KEEP},
            ),
            compared=compared,
        )

    @staticmethod
    def _name(row: Row, partner: Row) -> Row:
        """The name, where the contact has only a substitute for one: e-mail address, account number or id."""
        ours = partner["fields"].get("name")
        substitutes = {partner["email"], partner["key"], partner["fields"].get("ref"), False, None}
        return {"name": ours} if row["name"] in substitutes and ours not in {row["name"], *substitutes} else {}
