"""Which record of Odoo (``product.product``) a product of Clarity is: by crossref, else by external id, else by SKU.

Odoo keeps the SKU (``default_code``) not unique, but the barcode.  An archived product has its SKU, too; it counts
where no active one has it.  What is another product of ours is no match.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import our_names
from integration.errors import Hold
from integration.message import external_id

MODEL = "product.product"
ENTITY = "product"
VARIANT = "product_variant"
PRODUCTS = (f"{ENTITY}__", f"{VARIANT}__")
"""How the external ids of products of ours begin."""
NEW = "new_product"
"""What a person may decide about a product whose record is not in Odoo any more."""
MOST_READ = 200
MOST_CANDIDATES = 10
UNIQUE = frozenset({"default_code", "barcode"})
"""What no two products of one Odoo should have."""
FIELDS = ("name", "active", "default_code", "barcode", "company_id")

Row = dict[str, Any]


class Matches:
    """Looks for the record that is one product, and for those that have its SKU or barcode and are not."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._catalog = catalog
        self._work = work
        self._key: str = document["key"]
        self._sku: str = document["sku"]
        self._barcode: str | None = document["fields"].get("barcode")

    def find(self) -> int | None:
        """The record that is this product, from now on remembered as it; None when there is none.

        Raises `Hold` with the candidates when several could be it, and where another product has its SKU or barcode.
        """
        rows = self._search()
        names = our_names(self._client, MODEL, (row["id"] for row in rows))
        own = [row for row in rows if names.get(row["id"]) == external_id(ENTITY, self._key)]
        if own:
            self._work.found("product.load", f"product {own[0]['id']} has our external id of the product")
            return int(own[0]["id"])
        free = self._free([row for row in rows if not names.get(row["id"], "").startswith(PRODUCTS)])
        candidates = [row for row in free if row["active"]] or free
        if len(candidates) > 1:
            raise ambiguous(self._sku, candidates, ENTITY, self._key)
        self._refuse(rows, candidates[0]["id"] if candidates else None)
        if not candidates:
            return None
        (row,) = candidates
        if not self._work.adopt(ENTITY, self._key, str(row["id"])):
            raise taken("SKU", row, "sku_taken")
        self._work.found("product.load", f"product {row['id']} is the product by its SKU")
        return int(row["id"])

    def refuse_rivals(self, own: int, changed: Container[str]) -> None:
        """Raises `Hold` where another record has the SKU or barcode that ``own`` is about to get.

        Who has chosen one of several with one SKU has seen the others.
        """
        self._refuse(self._search(), own, changed)

    def gone(self, theirs: str) -> Hold:
        """For a record that was deleted in Odoo: the choices, those that have its SKU or a new one."""
        rows = self._free(self._search())
        return Hold(
            "the product is not in Odoo any more",
            hint="Choose here what is right: one of the products, or a new one. What was deleted on purpose stays so "
            "unless you choose otherwise; archive the product in Clarity if it is not sold any more.",
            code="product_gone",
            candidates=(
                *_choices(rows, ENTITY, self._key),
                {"id": "new", "label": "a new product is made", "approves": NEW},
            ),
            compared=(ENTITY, self._key, theirs),
        )

    def _search(self) -> list[Row]:
        """Active and archived products of our company with the SKU or the barcode."""
        ways: list[Any] = [["default_code", "=", self._sku]]
        if self._barcode:
            ways = ["|", *ways, ["barcode", "=", self._barcode]]
        domain = [*ways, ["active", "in", [True, False]], *self._catalog.open_to_us()]
        fields, order = list(FIELDS), "id"
        found = self._client.call(MODEL, "search_read", domain=domain, fields=fields, limit=MOST_READ, order=order)
        return list(found)

    def _free(self, rows: Sequence[Row]) -> list[Row]:
        """Those with the SKU that are no other product of ours."""
        same = [row for row in rows if row["default_code"] == self._sku]
        taken = self._work.taken(ENTITY, self._key, [str(row["id"]) for row in same]) if same else set()
        return [row for row in same if str(row["id"]) not in taken]

    def _refuse(self, rows: Sequence[Row], own: int | None, changed: Container[str] = UNIQUE) -> None:
        others = [row for row in rows if row["id"] != own]
        for row in others:
            if "barcode" in changed and self._barcode and row["barcode"] == self._barcode:
                raise taken("barcode", row, "barcode_taken")
        for row in others:
            if "default_code" in changed and row["active"] and row["default_code"] == self._sku:
                raise taken("SKU", row, "sku_taken")


def label(row: Row) -> str:
    """A product as people recognise it: "Mug (#36)"."""
    return f"{row['name']} (#{row['id']}{'' if row['active'] else ', archived'})"


def ambiguous(sku: str, rows: Sequence[Row], entity: str, key: str) -> Hold:
    return Hold(
        f"several products in Odoo have the SKU {sku}",
        hint="Choose the right one here, and give the others another Internal Reference in Odoo. {again}",
        code="ambiguous_product",
        candidates=_choices(rows, entity, key),
    )


def _choices(rows: Sequence[Row], entity: str, key: str) -> tuple[dict[str, str], ...]:
    return tuple(
        {"id": str(row["id"]), "label": label(row), "entity": entity, "key": key} for row in rows[:MOST_CANDIDATES]
    )


def taken(what: str, row: Row, code: str) -> Hold:
    return Hold(
        f"another product in Odoo has this {what}: {label(row)}",
        hint=f"Give one of the two another {what}, in Odoo or in Clarity. {{again}}",
        code=code,
    )
