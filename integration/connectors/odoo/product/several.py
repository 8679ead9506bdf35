"""A product with several variants at Odoo: one ``product.template``, and a ``product.product`` for each variant.

A variant is known by crossref, else by external id, else by its SKU; what all share is written once.  Odoo's price of
a variant is that of the product and what its value of the attribute adds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.initial import with_initial
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import load_all, our_names, xmlid
from integration.connectors.odoo.order.difference import id_of
from integration.connectors.odoo.product.attributes import Attribute, Attributes
from integration.connectors.odoo.product.columns import Columns, changes, plain
from integration.connectors.odoo.product.identity import (
    ENTITY,
    FIELDS,
    MODEL,
    NEW,
    PRODUCTS,
    VARIANT,
    Matches,
    ambiguous,
    taken,
)
from integration.connectors.odoo.product.refusals import Refusals
from integration.connectors.odoo.product.status import Status
from integration.errors import Hold
from integration.message import external_id

TEMPLATE, LINE, TEMPLATE_VALUE = (
    "product.template",
    "product.template.attribute.line",
    "product.template.attribute.value",
)
VALUES = "product_template_attribute_value_ids"
SEEN = (*FIELDS, "type", "product_tmpl_id", "product_variant_count", "taxes_id", VALUES)

Row = dict[str, Any]


class Several:
    """One post of a product with several variants."""

    def __init__(self, client: Client, columns: Columns, matches: Matches, document: Document, work: Work) -> None:
        self._client = client
        self._columns = columns
        self._matches = matches
        self._refusals = Refusals(client, columns.catalog, document, work)
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._variants: dict[str, Document] = {f"{self._key}/{each['key']}": each for each in document["variants"]}
        self._status = Status(client, work, self._key)

    def ensure(self, theirs: str | None) -> str:
        """Their id, "template/60"; ``theirs`` is the one that a crossref has.

        Raises `Hold` for what `Refusals` refuses, where variants are different products in Odoo, and for a variant
        that a product made by hand lacks.
        """
        rows = self._there(theirs)
        found = self._matched(rows)
        templates = {id_of(row["product_tmpl_id"]) for row in found.values()}
        if len(templates) > 1:
            raise self._apart(found)
        if theirs and not rows and not self._work.approved(NEW, ENTITY, self._key, theirs):
            raise self._matches.gone(theirs)
        if not found and theirs is None:
            self._work.reserve(ENTITY, self._key)
        template = templates.pop() if templates else None
        if found.keys() != self._variants.keys():
            self._refusals.check_price(None)
            template, found = self._make(template, found)
        self._ensure_same(found)
        return f"template/{template}"

    def _there(self, theirs: str | None) -> list[Row]:
        """Every variant of the template that is known; else what has one of the SKUs or barcodes."""
        if theirs:
            return self._search([["product_tmpl_id", "=", int(theirs.rpartition("/")[2])]])
        skus = [each["fields"]["default_code"] for each in self._variants.values()]
        barcodes = [each["fields"]["barcode"] for each in self._variants.values() if each["fields"].get("barcode")]
        ways: list[Any] = [["default_code", "in", skus]]
        ways = ["|", *ways, ["barcode", "in", barcodes]] if barcodes else ways
        return self._search([*ways, *self._columns.catalog.open_to_us()])

    def _search(self, domain: list[Any]) -> list[Row]:
        asked = [*domain, ["active", "in", [True, False]]]
        fields = sorted({*SEEN, "weight", *map(plain, self._stated())})
        return list(self._client.call(MODEL, "search_read", domain=asked, fields=fields, order="id"))

    def _stated(self) -> Row:
        return self._columns.of(self._document)

    def _matched(self, rows: Sequence[Row]) -> dict[str, Row]:
        """The record of each variant that has one; from now on remembered as it."""
        names = our_names(self._client, MODEL, (row["id"] for row in rows))
        by_name = {names[row["id"]]: row for row in rows if row["id"] in names}
        known = self._work.known_among(VARIANT, list(self._variants))
        by_id = {str(row["id"]): row for row in rows}
        found = {}
        for key, variant in self._variants.items():
            row = by_id.get(known.get(key, "")) or by_name.get(external_id(VARIANT, key))
            row = row or self._by_sku(key, variant, rows, names)
            if row:
                found[key] = row
        return found

    def _by_sku(self, key: str, variant: Document, rows: Sequence[Row], names: Mapping[int, str]) -> Row | None:
        sku, barcode = variant["fields"]["default_code"], variant["fields"].get("barcode")
        same = [row for row in rows if row["default_code"] == sku]
        others = self._work.taken(VARIANT, key, [str(row["id"]) for row in same]) if same else set()
        free = [
            row for row in same if not names.get(row["id"], "").startswith(PRODUCTS) and str(row["id"]) not in others
        ]
        candidates = [row for row in free if row["active"]] or free
        if len(candidates) > 1:
            raise ambiguous(sku, candidates, VARIANT, key)
        for row in rows:
            if row not in candidates and barcode and row["barcode"] == barcode:
                raise taken("barcode", row, "barcode_taken")
            if row not in candidates and row["active"] and row["default_code"] == sku:
                raise taken("SKU", row, "sku_taken")
        if candidates and not self._work.adopt(VARIANT, key, str(candidates[0]["id"])):
            raise taken("SKU", candidates[0], "sku_taken")
        return candidates[0] if candidates else None

    def _make(self, template: int | None, found: Mapping[str, Row]) -> tuple[int, dict[str, Row]]:
        """Makes what is missing: attributes, their values, the template, and its variants."""
        name = xmlid("product_template", self._key)
        if template and our_names(self._client, TEMPLATE, [template]).get(template) != name.partition(".")[2]:
            lacks = ", ".join(
                str(self._variants[key]["fields"]["default_code"]) for key in self._variants.keys() - found
            )
            raise Hold(
                f"the product lacks variants in Odoo: {lacks}",
                hint="It was made by hand there: add the variants in Odoo, each with its SKU as Internal Reference. "
                "{again}",
                code="variant_missing",
            )
        options = [each["options"] or {} for each in self._variants.values()]
        if any(each.keys() != options[0].keys() for each in options) or not options[0]:
            raise Hold(
                "the variants of the product do not differ by the same options",
                hint="Correct {origin}, so that each variant says each option. {again}",
                code="options_differ",
            )
        attributes = Attributes(self._client, self._work).ensure(options)
        id = self._load_template(name, attributes, self._lines(template))
        return id, self._load_variants(id, attributes, found)

    def _lines(self, template: int | None) -> dict[int, list[int]]:
        """The values that a template has already of each attribute."""
        domain = [["product_tmpl_id", "=", template]]
        fields = ["attribute_id", "value_ids"]
        rows = self._client.call(LINE, "search_read", domain=domain, fields=fields) if template else []
        return {id_of(row["attribute_id"]): row["value_ids"] for row in rows}

    def _load_template(self, name: str, attributes: Mapping[str, Attribute], before: Mapping[int, list[int]]) -> int:
        lines = [
            {
                "attribute_line_ids/id": xmlid("attribute_line", self._key, str(each.id)),
                "attribute_line_ids/attribute_id/.id": each.id,
                "attribute_line_ids/value_ids/.id": sorted({*each.values.values(), *before.get(each.id, ())}),
            }
            for each in attributes.values()
        ]
        stated = {"id": name, **self._columns.of(with_initial(self._document))}
        rows = [stated | lines[0], *lines[1:]]
        return load_all(self._client, self._work, "product.load", TEMPLATE, rows)[name]

    def _load_variants(
        self, template: int, attributes: Mapping[str, Attribute], found: Mapping[str, Row]
    ) -> dict[str, Row]:
        """Those that Odoo makes at once are taken as they are; what nobody sells of them is archived."""
        of = self._template_values(template)
        by_values = {frozenset(row[VALUES]): row for row in self._search([["product_tmpl_id", "=", template]])}
        rows, there = [], dict(found)
        for key, variant in self._variants.items():
            if key in found:
                continue
            ids = sorted(of[attributes[name].values[value]] for name, value in variant["options"].items())
            if row := by_values.get(frozenset(ids)):
                there[key] = row
            else:
                named = {"id": xmlid(VARIANT, key), "product_tmpl_id/.id": template, f"{VALUES}/.id": ids}
                rows.append(named | self._columns.of(variant))
        made = load_all(self._client, self._work, "variants.load", MODEL, rows) if rows else {}
        for key in self._variants:
            id = made.get(xmlid(VARIANT, key)) or there[key]["id"]
            self._work.remember(VARIANT, key, str(id))
        shown = {row["id"]: row for row in self._search([["product_tmpl_id", "=", template]])}
        return {key: shown[int(self._work.known(VARIANT, key) or 0)] for key in self._variants}

    def _template_values(self, template: int) -> dict[int, int]:
        """The template's own record of each value of an attribute."""
        domain = [["product_tmpl_id", "=", template]]
        fields = ["product_attribute_value_id"]
        rows = self._client.call(TEMPLATE_VALUE, "search_read", domain=domain, fields=fields)
        return {id_of(row["product_attribute_value_id"]): row["id"] for row in rows}

    def _ensure_same(self, found: Mapping[str, Row]) -> None:
        """Writes what Odoo has otherwise than the document states, and archives what is not sold any more."""
        first = next(iter(found.values()))
        self._refusals.check_type(first)
        self._refusals.check_price(first["taxes_id"])
        template = f"template/{id_of(first['product_tmpl_id'])}"
        self._status.activate([row for row in found.values() if not row["active"]], template, self._refusals)
        if shared := changes(self._stated(), first):
            self._write("product.update", first["id"], shared)
        for key, row in found.items():
            if own := changes(self._columns.of(self._variants[key]), row):
                self._write(f"variant.update:{row['id']}", row["id"], own)
        self._ensure_prices(found)
        sold = {row["id"] for row in found.values()}
        others = self._search([["product_tmpl_id", "=", id_of(first["product_tmpl_id"])]])
        ours = our_names(self._client, MODEL, (row["id"] for row in others if row["id"] not in sold))
        left = [
            row["id"]
            for row in others
            if row["active"]
            and row["id"] not in sold
            and (not row["default_code"] or ours.get(row["id"], "").startswith(f"{VARIANT}__"))
        ]
        if left:
            request = self._client.request(MODEL, "action_archive", left)
            self._work.perform("variants.archive", request, self._client.send)

    def _ensure_prices(self, found: Mapping[str, Row]) -> None:
        """Lets each value add to the product's price what its variant costs more; `Hold` where several values do."""
        base = self._document["fields"].get("list_price")
        prices = {key: each["price"] for key, each in self._variants.items() if each.get("price") is not None}
        if base is None or not prices:
            return
        ids = sorted({id for key in prices for id in found[key][VALUES]})
        rows = self._client.call(TEMPLATE_VALUE, "read", ids, fields=["price_extra"])
        extra = {row["id"]: Decimal(row["price_extra"]) for row in rows}
        for key, price in prices.items():
            values = found[key][VALUES]
            if sum((extra[id] for id in values), Decimal(0)) == price - base:
                continue
            if len(values) != 1:
                raise Hold(
                    "the variants have prices that Odoo cannot show: there each value of an attribute adds its part",
                    hint="Give the variants of {origin} one price; or set the extra prices of the values in Odoo, and "
                    "take the row variants.price out of odoo.out.product. {again}",
                    code="variant_price",
                )
            request = self._client.request(TEMPLATE_VALUE, "write", values, vals={"price_extra": price - base})
            self._work.perform(f"price.update:{values[0]}", request, self._client.send)

    def _write(self, effect: str, id: int, values: Row) -> None:
        self._work.perform(effect, self._client.request(MODEL, "write", [id], vals=values), self._client.send)

    def _apart(self, found: Mapping[str, Row]) -> Hold:
        skus = ", ".join(str(row["default_code"]) for row in found.values())
        return Hold(
            f"the variants are different products in Odoo: {skus}",
            hint="Keep them in Odoo by hand, and `fleet held resolve` this: orders find each by its SKU. Or archive "
            "them there and take their Internal References away, so that one product with variants is made. {again}",
            code="variants_apart",
        )
