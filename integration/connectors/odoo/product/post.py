"""A product of Clarity at Odoo: one ``product.product`` with its template.

What Clarity owns is written wherever Odoo has it otherwise.  Type, stock keeping and unit are written once, when the
product is made; cost, accounts, routes and invoicing policy never.  What Clarity leaves empty stays as it is in Odoo.
A product that is archived or deleted in Clarity is archived in Odoo.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.initial import with_initial
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import find, load_all, xmlid
from integration.connectors.odoo.order.difference import id_of, same
from integration.connectors.odoo.product.identity import ENTITY, FIELDS, MODEL, NEW, UNIQUE, Matches
from integration.connectors.odoo.product.refusals import Refusals
from integration.connectors.odoo.site import Site

STATUS = "product_status"
"""The crossref: our id of the product, and its record with what we last made of it, archived or active."""
ARCHIVED, ACTIVE = "archived", "active"
SEEN = (*FIELDS, "type", "product_tmpl_id", "product_variant_count", "taxes_id")
WITH_INVENTORY = "is_storable"
"""The field that comes with the app Inventory, since 18."""
HALF_THE_FINEST_WEIGHT = Decimal("0.005")
"""Odoo keeps a weight to the hundredth (the decimal accuracy "Stock Weight")."""

Row = dict[str, Any]


class ProductPost:
    """One post of one product document."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._matches = Matches(client, catalog, document, work)
        self._refusals = Refusals(client, catalog, document, work)

    def ensure(self) -> Posted:
        """Makes Odoo show the document.

        Raises `Hold` with the candidates where it is not certain which record is the product, for one that is gone or
        archived there, for a SKU or barcode that another has, and for what `Refusals` refuses.
        """
        theirs = self._work.known(ENTITY, self._key)
        if self._document["archived"]:
            return Posted(self._archive(theirs), None)
        self._refusals.check_several()
        id = int(theirs) if theirs else self._matches.find()
        if id is None:
            return Posted(self._create(), None)
        row = self._read(id)
        if row is None:
            return Posted(self._replace(str(id)), None)
        self._ensure_same(row)
        return Posted(str(id), None)

    def _read(self, id: int) -> Row | None:
        fields = sorted({*SEEN, *(name.removesuffix("/.id") for name in self._columns(self._document))})
        rows = self._client.call(MODEL, "read", [id], fields=fields)
        return dict(rows[0]) if rows else None

    def _ensure_same(self, row: Row) -> None:
        """Writes what Odoo has otherwise than the document states."""
        self._refusals.check_alone(row)
        self._refusals.check_type(row)
        self._refusals.check_price(row["taxes_id"])
        columns = self._columns(self._document)
        values = {name.removesuffix("/.id"): value for name, value in columns.items()}
        changes = {name: value for name, value in values.items() if not _same(name, value, row[name])}
        if changes.keys() & UNIQUE:
            self._matches.refuse_rivals(row["id"], changes)
        if not row["active"]:
            if self._work.known(STATUS, self._key) != f"{row['id']} {ARCHIVED}":
                self._refusals.check_archived(row)
            self._turn(str(row["id"]), ACTIVE, "action_unarchive")
        if changes:
            request = self._client.request(MODEL, "write", [row["id"]], vals=changes)
            self._work.perform("product.update", request, self._client.send)

    def _create(self) -> str:
        self._refusals.check_price(None)
        self._work.reserve(ENTITY, self._key)
        return self._load("product.load")

    def _replace(self, before: str) -> str:
        """A new record for one that is gone, where a person has decided so."""
        if not self._work.approved(NEW, ENTITY, self._key, before):
            raise self._matches.gone(before)
        self._refusals.check_price(None)
        return self._load(f"product.load:after-{before}")

    def _load(self, effect: str) -> str:
        name = xmlid(ENTITY, self._key)
        row = {"id": name, **self._columns(with_initial(self._document))}
        made = load_all(self._client, self._work, effect, MODEL, [row])
        self._work.remember(ENTITY, self._key, str(made[name]))
        return str(made[name])

    def _archive(self, theirs: str | None) -> str | None:
        """Archives the record that a crossref names; one that is not there needs nothing."""
        rows = self._client.call(MODEL, "read", [int(theirs)], fields=["active"]) if theirs else []
        if rows and rows[0]["active"]:
            self._turn(str(rows[0]["id"]), ARCHIVED, "action_archive")
        return theirs

    def _turn(self, id: str, status: str, method: str) -> None:
        """Archives the record with its template, or takes both back (Odoo 14 to 19)."""
        self._work.remember(STATUS, self._key, f"{id} {status}")
        self._work.perform(f"product.{status}", self._client.request(MODEL, method, [int(id)]), self._client.send)

    def _columns(self, document: Document) -> Row:
        """Fields, and category and unit by id, as ``load()`` takes them."""
        columns = {name: value for name, value in document["fields"].items() if value is not None}
        if WITH_INVENTORY in columns and WITH_INVENTORY not in self._catalog.fields(MODEL):
            del columns[WITH_INVENTORY]
        if category := document.get("category"):
            columns["categ_id/.id"] = self._catalog.category(category)
        if uom := document.get("uom"):
            columns["uom_id/.id"] = self._catalog.uom(uom)
        return columns


def post_product(site: Site, document: Document, work: Work) -> Posted:
    """See `ProductPost.ensure`."""
    return site.retried(lambda _: ProductPost(site.client, site.catalog, document, work).ensure())


def shown_product(site: Site, document: Document, work: Work) -> Document | None:
    """The plain fields of the record as Odoo has them, where they mean the same as ours, ours; None without one."""
    client, key = site.client, document["key"]
    id = work.known(ENTITY, key) or find(client, xmlid(ENTITY, key))
    fields = {name: value for name, value in document["fields"].items() if value is not None}
    rows = client.call(MODEL, "read", [int(id)], fields=sorted({*fields, "active"})) if id else []
    if not rows:
        return None
    shown = {name: value if _same(name, value, rows[0][name]) else rows[0][name] for name, value in fields.items()}
    return {"archived": not rows[0]["active"], **({} if document["archived"] else {"fields": shown})}


def _same(name: str, ours: Any, theirs: Any) -> bool:
    """Whether Odoo has our value; it keeps a weight to the hundredth."""
    if name == "weight":
        return abs(Decimal(ours) - Decimal(theirs)) <= HALF_THE_FINEST_WEIGHT
    return same(ours, id_of(theirs))
