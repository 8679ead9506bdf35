"""What has to be true of a product in Odoo before Clarity's values are written there; a person decides otherwise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.initial import initial, with_initial
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.product.identity import label
from integration.errors import Hold

KEEP_TYPE, AS_IT_IS, UNARCHIVE = "keep_type", "price_as_it_is", "unarchive_product"
"""What a person may decide: the type stays, the price is written whatever tax is in it, the product is sold again."""
KIT = "phantom"
"""The type of a bill of materials that makes its product a kit (mrp.bom, app Manufacturing)."""

Row = dict[str, Any]


class Refusals:
    """The checks of one product document at one Odoo."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._key: str = document["key"]

    def check_form(self, theirs: str | None, *, several: bool) -> None:
        """Raises `Hold` for one that is known, as ``theirs``, and has variants in Clarity now, or none any more."""
        if theirs and several != ("/" in theirs):
            is_now, was = ("several variants", "one product") if several else ("one product", "several variants")
            raise Hold(
                f"the product is {is_now} in Clarity now, and {was} in Odoo",
                hint="Change it in Odoo by hand, each variant with its SKU as Internal Reference, and `fleet held "
                "resolve` this: orders find them. Or make it a new product in Clarity, and archive this one.",
                code="form_differs",
            )

    def check_alone(self, row: Row) -> None:
        """Raises `Hold` for one of several variants in Odoo: its name and price are those of all."""
        if row["product_variant_count"] > (1 if row["active"] else 0):
            raise Hold(
                f"the product with this SKU is one of several variants in Odoo: {label(row)}",
                hint="Name, price and category there are those of all variants: keep them in Odoo by hand, and "
                "`fleet held resolve` this; or give the product in Clarity a SKU of its own. {again}",
                code="one_of_several",
            )

    def check_type(self, row: Row) -> None:
        """Raises `Hold` for goods that are a service there, or the other way round; a kit is what it is."""
        ours, theirs = initial(self._document).get("fields", {}).get("type"), row["type"]
        if ours in (None, theirs) or self._work.approved(KEEP_TYPE, self._key, ours, theirs) or self._is_kit(row):
            return
        raise Hold(
            f"the product is of type {theirs} in Odoo and {ours} by Clarity",
            hint="Correct the kind in Clarity; or the Product Type in Odoo, which it allows as long as nothing was "
            "moved; or choose here that both stay. {again}",
            code="type_differs",
            candidates=({"id": "keep", "label": "the type in Odoo stays", "approves": KEEP_TYPE},),
            compared=(self._key, ours, theirs),
        )

    def check_price(self, taxes: Collection[int] | None) -> None:
        """Raises `Hold` for a price in another currency than Odoo's, or with the tax in it where Odoo adds it.

        ``taxes`` are those of the product; None: it is not made yet, and gets the company's.
        """
        document = with_initial(self._document) if taxes is None else self._document
        if document["fields"].get("list_price") is None:
            return
        currency, own = self._document["currency"], self._catalog.company()["currency"]
        if currency != own:
            raise Hold(
                f"the price is in {currency}, and Odoo's sales prices are in {own}",
                hint="Leave the price to Odoo: take the row fields.list_price out of odoo.out.product and run "
                "`fleet mapping publish`; or give the product a price in that currency in Clarity. {again}",
                code="currency_differs",
            )
        included = self._document["tax_included"]
        odd = included is not None and (not included) in self._catalog.taxes_included(taxes)
        if odd and not self._work.approved(AS_IT_IS, self._key, included):
            raise Hold(
                f"Clarity's price is {'with' if included else 'without'} tax, but the product's tax in Odoo "
                f"{'comes on top of it' if included else 'is included in it'}",
                hint="Give the product in Odoo a sales tax that is as Clarity's, or for new ones the company "
                "(Accounting, Settings, Default Taxes); or choose here that the price is written as it is. {again}",
                code="tax_differs",
                candidates=({"id": "write", "label": "the price is written as it is", "approves": AS_IT_IS},),
                compared=(self._key, included),
            )

    def check_archived(self, row: Row) -> None:
        """Raises `Hold` for a product that is archived in Odoo, by other than us, and sold in Clarity."""
        compared = (self._key, str(row["id"]))
        if not self._work.approved(UNARCHIVE, *compared):
            raise Hold(
                f"the product is archived in Odoo, and active in Clarity: {label(row)}",
                hint="Archive it in Clarity, too, if it is not sold any more; or choose here that it is used again.",
                code="product_archived",
                candidates=({"id": "unarchive", "label": f"{label(row)} is used again", "approves": UNARCHIVE},),
                compared=compared,
            )

    def _is_kit(self, row: Row) -> bool:
        if not self._catalog.fields("mrp.bom"):
            return False
        domain = [["product_tmpl_id", "=", row["product_tmpl_id"][0]], ["type", "=", KIT]]
        return bool(self._client.call("mrp.bom", "search_read", domain=domain, fields=["type"], limit=1))
