"""Odoo's JSON-2, as far as orders need it: ``load`` of any number of records, ``read``, ``search_read``, ``write``,
``action_confirm`` and the look-ups around them, of one database in memory.

What nobody here changes by hand does not change: a search by ``write_date``, as polls make it, finds nothing.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]

COMPANY, USER, UNITS, TAXES = 1, 2, 1, {23.0: 1, 8.0: 2, 5.0: 3, 0.0: 4}
COUNTRIES = ("PL", "DE", "FR", "GB", "US")
INDEXED = {"email_normalized", "default_code"}
"""What a search finds without looking at every record."""
FIELDS = {
    "sale.order.line": ("tax_ids", "product_uom_id", "name", "product_uom_qty", "price_unit", "discount", "sequence"),
    "product.product": ("uom_id", "uom_ids", "default_code", "name"),
    "uom.uom": ("relative_factor", "relative_uom_id", "factor", "name"),
}
ANY_FIELD = ("name", "write_date")
REFUSED = "It is forbidden to modify the following fields in a confirmed order: Pricelist"


class NoSuchMethod(Exception):
    """A call that no order makes."""


class Odoo:
    """One database: records by model and id, each field under its name; a many2one is an id."""

    def __init__(self) -> None:
        self._records: dict[str, dict[int, Row]] = defaultdict(dict)
        self._by_name: dict[str, tuple[str, int]] = {}
        self._names: dict[tuple[str, int], str] = {}
        self._index: dict[tuple[str, str, Any], list[int]] = defaultdict(list)
        self._last = 1000
        self._seed()
        self._methods: Mapping[str, Callable[[str, Row], Any]] = {
            "search_read": self._search_read,
            "read": lambda model, asked: self._rows(model, asked["ids"], asked),
            "web_read": self._web_read,
            "load": self._load,
            "write": self._write,
            "action_confirm": lambda model, asked: self._set(model, asked["ids"], {"state": "sale"}),
            "action_cancel": lambda model, asked: self._set(model, asked["ids"], {"state": "cancel"}),
            "get_external_id": lambda model, asked: {str(id): self._names.get((model, id), "") for id in asked["ids"]},
            "check_object_reference": self._reference,
            "fields_get": lambda model, _: {name: {} for name in FIELDS.get(model, ANY_FIELD)},
            "context_get": lambda *_: {"uid": USER, "lang": "en_US", "tz": "UTC"},
            "has_access": lambda *_: True,
            "has_group": lambda *_: True,
        }

    def call(self, model: str, method: str, asked: Row) -> Any:
        """What the method returns; raises `NoSuchMethod`."""
        if method not in self._methods:
            raise NoSuchMethod(method)
        return self._methods[method](model, asked)

    def orders(self) -> list[Row]:
        """Every order: its ``external_id``, ``origin`` and ``state``."""
        return [
            {"external_id": self._names["sale.order", id], "origin": row.get("origin"), "state": row["state"]}
            for id, row in self._records["sale.order"].items()
        ]

    def _seed(self) -> None:
        self._records["res.users"][USER] = {"login": "fleet@cheap.example", "company_id": COMPANY}
        rounding = {"tax_calculation_rounding_method": "round_per_line"}
        self._records["res.company"][COMPANY] = {"name": "Cheap", "currency_id": 1, **rounding}
        self._records["res.currency"][1] = {"name": "EUR"}
        unit = {"name": "Units", "factor": 1.0, "relative_factor": 1.0, "active": True}
        self._records["uom.uom"][UNITS] = unit
        for number, code in enumerate(COUNTRIES, 1):
            self._records["res.country"][number] = {"code": code, "name": code}
        for rate, id in TAXES.items():
            tax = {"name": f"{rate:g} %", "amount": rate, "price_include": True}
            kind = {"type_tax_use": "sale", "amount_type": "percent", "company_id": COMPANY}
            self._records["account.tax"][id] = tax | kind

    def _search_read(self, model: str, asked: Row) -> list[Row]:
        """Every SKU is a product of its own."""
        domain = asked["domain"]
        leaves = [leaf for leaf in domain if isinstance(leaf, list)]
        if any(leaf[0] == "write_date" for leaf in leaves):
            return []
        found = [leaf for leaf in leaves if leaf[0] in INDEXED and leaf[1] in ("=", "in")]
        ids: dict[int, None] = {} if found else dict.fromkeys(self._records[model])
        for field, operator, wanted in found:
            values = wanted if operator == "in" else [wanted]
            if model == "product.product":
                self._ensure_products(values)
            ids |= dict.fromkeys(id for value in values for id in self._index[model, field, value])
        records = self._records[model]
        fitting = [id for id in ids if _fits(domain, {"id": id, **records[id]})]
        return self._rows(model, fitting[: asked.get("limit")], asked)

    def _ensure_products(self, skus: Iterable[str]) -> None:
        for sku in skus:
            if not self._index["product.product", "default_code", sku]:
                id = zlib.crc32(sku.encode()) + 1
                self._records["product.product"][id] = {"uom_id": UNITS, "uom_ids": []}
                self._put("product.product", id, {"default_code": sku, "name": sku})

    def _rows(self, model: str, ids: Iterable[int], asked: Row) -> list[Row]:
        """Records as ``read`` shows them; those that are not there are left out."""
        records, pairs = self._records[model], asked.get("load", "") is not None

        def cell(field: str, value: Any) -> Any:
            if value is False or not pairs or not field.endswith("_id"):
                return value
            return [value, self._records["res.currency"][value]["name"] if field == "currency_id" else f"#{value}"]

        def row(id: int) -> Row:
            return {"id": id} | {field: cell(field, records[id].get(field, False)) for field in asked["fields"]}

        return [row(id) for id in ids if id in records]

    def _web_read(self, model: str, asked: Row) -> list[Row]:
        """Records with what they refer to: contacts, and the names of a company and a currency."""
        records = self._records

        def cell(field: str, value: Any, inner: Row) -> Any:
            if not inner or value is False:
                return value
            of = "res.partner" if field.startswith("partner") else f"res.{field.removesuffix('_id')}"
            shown = {"display_name": records[of][value].get("name"), **records[of][value]}
            return {"id": value} | {name: shown.get(name, False) for name in inner["fields"]}

        def row(id: int) -> Row:
            fields = asked["specification"].items()
            return {"id": id} | {name: cell(name, records[model][id].get(name, False), inner) for name, inner in fields}

        return [row(id) for id in asked["ids"] if id in records[model]]

    def _load(self, model: str, asked: Row) -> Row:
        """All or nothing, as Odoo's: a row with an empty external id goes on with the lines of the one before."""
        columns, ids, current = asked["fields"], [], 0
        place = next((place for place, column in enumerate(columns) if column in ("id", ".id")), -1)
        lines: dict[int, list[Row]] = defaultdict(list)
        if any(self._is_guarded(model, columns, row[place]) for row in asked["data"]):
            return {"ids": False, "messages": [{"type": "error", "message": REFUSED}], "nextrow": 0}
        for row in asked["data"]:
            cells = dict(zip(columns, row, strict=True))
            line = {name[11:]: cells.pop(name) for name in columns if name.startswith("order_line/")}
            if place < 0 or row[place]:
                current = self._upsert(model, cells)
                ids.append(current)
            if line and any(line.values()):
                lines[current].append(line)
        for id, rows in lines.items():
            self._ensure_lines(id, rows)
        return {"ids": ids, "messages": [], "nextrow": 0}

    def _is_guarded(self, model: str, columns: list[str], name: str) -> bool:
        """Whether the row would change what a confirmed order keeps."""
        known = self._by_name.get(name) if "pricelist_id/.id" in columns else None
        return bool(known) and model == "sale.order" and self._records[model][known[1]]["state"] != "draft"

    def _upsert(self, model: str, cells: Row) -> int:
        name, number = cells.pop("id", None), cells.pop(".id", None)
        known = self._by_name.get(name) if name else None
        if known or number:
            id = known[1] if known else int(number)
        else:
            self._last = id = self._last + 1
            self._records[model][id] = _fresh(model, id)
            if name:
                self._by_name[name] = (model, id)
                self._names[model, id] = name
        self._put(model, id, dict(map(self._field, cells.items())))
        return id

    def _field(self, cell: tuple[str, Any]) -> tuple[str, Any]:
        """A column and its text as a field and its value: references are ids."""
        column, text = cell
        field, _, reference = column.partition("/")
        if reference == "id":
            return field, self._by_name[text][1] if text else False
        if field.endswith("_ids"):
            return field, [int(id) for id in text.split(",")] if text else []
        if reference == ".id":
            return field, int(text) if text else False
        return field, {"True": True, "False": False}.get(text, text or False)

    def _ensure_lines(self, order: int, rows: list[Row]) -> None:
        parent = {"order_id/.id": str(order)}
        ids = [self._upsert("sale.order.line", {**row, **parent}) for row in rows]
        record = self._records["sale.order"][order]
        record["order_line"] = list(dict.fromkeys([*record["order_line"], *ids]))
        self._total(order)

    def _total(self, order: int) -> None:
        """Taxes are in the prices."""
        record, lines = self._records["sale.order"][order], self._records["sale.order.line"]
        record["amount_total"] = round(sum(_amount(lines[id]) for id in record["order_line"]), 2)

    def _write(self, model: str, asked: Row) -> bool:
        if "order_line" in asked["vals"]:
            raise NoSuchMethod("a change of lines")
        return self._set(model, asked["ids"], dict(asked["vals"]))

    def _set(self, model: str, ids: Iterable[int], values: Row) -> bool:
        for id in ids:
            self._put(model, id, values)
        return True

    def _put(self, model: str, id: int, values: Row) -> None:
        record = self._records[model][id]
        record.update(values)
        if "email" in values:
            values = {**values, "email_normalized": str(values["email"]).lower()}
            record["email_normalized"] = values["email_normalized"]
        for field in INDEXED & values.keys():
            self._index[model, field, values[field]].append(id)

    def _reference(self, _: str, asked: Row) -> Any:
        found = self._by_name.get(f"{asked['module']}.{asked['xml_id']}")
        return list(found) if found else ["", False]


def _fresh(model: str, id: int) -> Row:
    """What Odoo puts into a record that is new."""
    if model == "sale.order":
        state = {"state": "draft", "currency_id": 1, "company_id": COMPANY, "order_line": [], "amount_total": 0.0}
        return {"name": f"S{id:05}", "date_order": "2026-01-01 00:00:00", **state}
    return {"active": True, "is_company": False, "type": "contact"} if model == "res.partner" else {}


def _amount(line: Row) -> float:
    discount = float(line.get("discount") or 0)
    return round(float(line["product_uom_qty"]) * float(line["price_unit"]) * (1 - discount / 100), 2)


def _fits(domain: list[Any], row: Row) -> bool:
    """Odoo's prefix notation, read from its end: conditions without an operator all have to hold."""
    holds: list[bool] = []
    for term in reversed(domain):
        if isinstance(term, list):
            holds.append(_holds(row.get(term[0], False), term[1], term[2]))
        elif term == "!":
            holds.append(not holds.pop())
        else:
            first, second = holds.pop(), holds.pop()
            holds.append(first or second if term == "|" else first and second)
    return all(holds)


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    if operator in ("in", "not in"):
        return (value in wanted) == (operator == "in")
    if operator in ("=", "!="):
        return (value == wanted) == (operator == "=")
    return bool({">": value > wanted, ">=": value >= wanted, "<": value < wanted, "<=": value <= wanted}[operator])
