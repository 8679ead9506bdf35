"""A product of Clarity at Odoo: one ``product.product`` with its template, or, with several variants, one for each.

What Clarity owns is written wherever Odoo has it otherwise.  Type, stock keeping and unit are written once, when the
product is made; cost, accounts, routes and invoicing policy never.  What Clarity leaves empty stays as it is in Odoo.
A product that is archived or deleted in Clarity is archived in Odoo.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.initial import with_initial
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import find, load_all, xmlid
from integration.connectors.odoo.product.columns import Columns, changes, is_same, plain
from integration.connectors.odoo.product.identity import ENTITY, FIELDS, MODEL, NEW, UNIQUE, VARIANT, Matches
from integration.connectors.odoo.product.refusals import Refusals
from integration.connectors.odoo.product.several import Several
from integration.connectors.odoo.product.status import Status
from integration.connectors.odoo.site import Site

SEEN = (*FIELDS, "type", "product_tmpl_id", "product_variant_count", "taxes_id")

Row = dict[str, Any]


class ProductPost:
    """One post of one product document."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._columns = Columns(catalog)
        self._matches = Matches(client, catalog, document, work)
        self._refusals = Refusals(client, catalog, document, work)
        self._status = Status(client, work, self._key)

    def ensure(self) -> Posted:
        """Makes Odoo show the document.

        Raises `Hold` with the candidates where it is not certain which record is the product, for one that is gone or
        archived there, for a SKU or barcode that another has, and for what `Refusals` refuses.
        """
        theirs = self._work.known(ENTITY, self._key)
        if self._document["archived"]:
            if theirs:
                self._status.archive(theirs)
            return Posted(theirs, None)
        variants, as_several = self._document["variants"], "/" in (theirs or "")
        several = len(variants) > 1 or (as_several and bool(variants))
        self._refusals.check_form(theirs, several=several)
        if several:
            post = Several(self._client, self._columns, self._matches, self._document, self._work)
            return Posted(post.ensure(theirs), None)
        return Posted(self._ensure_one(theirs), None)

    def _ensure_one(self, theirs: str | None) -> str:
        id = int(theirs) if theirs else self._matches.find()
        if id is None:
            self._refusals.check_price(None)
            self._work.reserve(ENTITY, self._key)
            return self._load("product.load")
        row = self._read(id)
        if row is None:
            return self._replace(str(id))
        self._ensure_same(row)
        return str(id)

    def _read(self, id: int) -> Row | None:
        fields = sorted({*SEEN, *map(plain, self._columns.of(self._document))})
        rows = self._client.call(MODEL, "read", [id], fields=fields)
        return dict(rows[0]) if rows else None

    def _ensure_same(self, row: Row) -> None:
        """Writes what Odoo has otherwise than the document states."""
        self._refusals.check_alone(row)
        self._refusals.check_type(row)
        self._refusals.check_price(row["taxes_id"])
        changed = changes(self._columns.of(self._document), row)
        if changed.keys() & UNIQUE:
            self._matches.refuse_rivals(row["id"], changed)
        if not row["active"]:
            self._status.activate([row], str(row["id"]), self._refusals)
        if changed:
            request = self._client.request(MODEL, "write", [row["id"]], vals=changed)
            self._work.perform("product.update", request, self._client.send)

    def _replace(self, before: str) -> str:
        """A new record for one that is gone, where a person has decided so."""
        if not self._work.approved(NEW, ENTITY, self._key, before):
            raise self._matches.gone(before)
        self._refusals.check_price(None)
        return self._load(f"product.load:after-{before}")

    def _load(self, effect: str) -> str:
        name = xmlid(ENTITY, self._key)
        row = {"id": name, **self._columns.of(with_initial(self._document))}
        made = load_all(self._client, self._work, effect, MODEL, [row])
        self._work.remember(ENTITY, self._key, str(made[name]))
        return str(made[name])


def post_product(site: Site, document: Document, work: Work) -> Posted:
    """See `ProductPost.ensure`."""
    return site.retried(lambda _: ProductPost(site.client, site.catalog, document, work).ensure())


def shown_product(site: Site, document: Document, work: Work) -> Document | None:
    """The plain fields of the record, or of each variant, as Odoo has them; None without one.

    Where they mean the same as ours, they are ours.
    """
    if len(document["variants"]) < 2:
        return _shown(site, document, work, ENTITY, document["key"])
    parts = [
        _shown(site, {**document, "fields": each["fields"]}, work, VARIANT, f"{document['key']}/{each['key']}")
        for each in document["variants"]
    ]
    there = [part for part in parts if part]
    first = f"{document['key']}/{document['variants'][0]['key']}"
    whole = _shown(site, document, work, VARIANT, first)
    return whole and {**whole, "variants": [{"fields": part.get("fields", {})} for part in there]}


def _shown(site: Site, document: Document, work: Work, entity: str, key: str) -> Document | None:
    client = site.client
    id = work.known(entity, key) or find(client, xmlid(entity, key))
    fields = {name: value for name, value in document["fields"].items() if value is not None}
    rows = client.call(MODEL, "read", [int(id)], fields=sorted({*fields, "active"})) if id else []
    if not rows:
        return None
    shown = {name: value if is_same(name, value, rows[0][name]) else rows[0][name] for name, value in fields.items()}
    return {"archived": not rows[0]["active"], **({} if document["archived"] else {"fields": shown})}
