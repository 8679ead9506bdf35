"""What is looked up in Odoo for nearly every order and changes slowly; kept in memory for a short while.

Whatever is not found is looked up afresh before anybody is bothered, so a correction in Odoo works at once.  Where it
bothers nobody, that it is not there is remembered, too, for a shorter while.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.errors import NotInstalled
from integration.errors import Hold
from integration.settings import System

SLOW_SECONDS = 600.0
ABSENT_SECONDS = 60.0
"""For so long nothing is remembered to be there."""
MOST_KEPT = 50_000
CARRIER = "delivery.carrier"
OF_COMPANIES = (CARRIER, "account.payment.term", "account.journal")
"""Models that are looked up by name, and whose records may be one company's."""

Row = dict[str, Any]
T = TypeVar("T")


class Unit(NamedTuple):
    """A unit of measure: how many of its family's reference unit it is; only within a family units convert."""

    size: Decimal
    family: int


class Catalog:
    """Products, categories, taxes, places, currencies, carriers, payment terms and field names of one Odoo."""

    def __init__(self, client: Client, system: System) -> None:
        self._client = client
        self._system = system
        self._kept: dict[str, tuple[float, Any]] = {}

    def company(self, fresh: bool = False) -> Row:
        """The company in which our user works: ``id`` and ``currency``."""

        def fetch() -> Row:
            uid = self._client.call("res.users", "context_get")["uid"]
            user = self._client.call("res.users", "read", [uid], fields=["company_id"])[0]
            id = user["company_id"][0]
            company = self._client.call("res.company", "read", [id], fields=["currency_id"])[0]
            return {"id": id, "currency": company["currency_id"][1]}

        return self._keep("company", fetch, fresh)

    def open_to_us(self) -> list[Any]:
        """The condition that a record is our company's, or open to all: Odoo shows a user those of all its companies.

        An order with another company's record is refused (Odoo 19: "no company crossover is allowed").
        """
        return ["|", ["company_id", "=", False], ["company_id", "=", self.company()["id"]]]

    def forget(self) -> None:
        """Whatever is known was wrong in one place: everything is looked up afresh."""
        self._kept.clear()

    def products(self, skus: Iterable[str]) -> Mapping[str, int]:
        """The id of the product of each SKU (``default_code``, which Odoo does not keep unique).

        An unknown SKU gets the product of ODOO_FALLBACK_SKU, if that is set.  `Hold` names all SKUs
        that are unknown, or that several active products share.
        """
        wanted = set(skus)
        fallback = self._system.options.get("fallback_sku")
        asked = wanted | {fallback} if fallback else wanted
        # Read once: what expires while the others are fetched must not turn unknown.
        found = {sku: product for sku in asked if (product := self._recall(f"product {sku}"))}
        if missing := sorted(asked - found.keys()):
            found |= self._fetch_products(missing)
        unknown = sorted(wanted - found.keys())
        if unknown and fallback in found:
            found |= dict.fromkeys(unknown, found[fallback])
        elif unknown:
            raise Hold(
                f"unknown SKU {', '.join(unknown)}",
                hint="In Odoo (Inventory, Products) create the product with this Internal Reference, or unarchive "
                "it; or set ODOO_FALLBACK_SKU to a product for unknown ones and run `fleet restart`. {again}",
                code="unknown_sku",
            )
        return found

    def tax(self, rate: str, included: bool, named: str | None = None) -> int:
        """The sales tax of that percentage, included in the price or not; `Hold` when none or several fit.

        ``named`` chooses among those of one percentage, as a mapping's table says.
        """
        kind = "included in" if included else "on top of"
        option = f"tax_{rate.replace('.', '_')}_{'included' if included else 'excluded'}"

        def fitting(fresh: bool) -> list[Row]:
            taxes = [tax for tax in self._taxes(fresh) if tax["amount"] == Decimal(rate)]
            fitting = [tax for tax in taxes if tax["price_include"] == included]
            # Nothing of nothing is the same inside the price and on top of it.
            return fitting or [tax for tax in taxes if not tax["amount"]]

        what = f"sales tax of {rate} % {kind} the price"
        choose = (
            "of this name, or correct its name in mappings/tables and run `fleet mapping publish`"
            if named
            else f"or set ODOO_{option.upper()}=<name> to choose one and run `fleet restart`"
        )
        have = f"In Odoo (Accounting, Configuration, Taxes) have exactly one active {what}"
        return self._only(fitting, option, what, f"{have}, {choose}. {{again}}", named)

    def pricelist(self, currency: str) -> int | None:
        """The pricelist for orders in that currency; None for the company's own."""
        if currency == self.company()["currency"]:
            return None
        option = f"pricelist_{currency.lower()}"

        def fitting(fresh: bool) -> list[Row]:
            return [row for row in self._pricelists(fresh) if row["currency_id"][1] == currency]

        return self._only(
            fitting,
            option,
            f"pricelist in {currency}",
            f"In Odoo activate the currency {currency} (Accounting, Currencies), have exactly one pricelist in it "
            f"(Sales, Products, Pricelists), or set ODOO_{option.upper()}=<name> to choose one and run "
            "`fleet restart`. {again}",
        )

    def country(self, code: str) -> int:
        """The country of an ISO 3166 code; `Hold` when Odoo does not know it."""
        for country in self._countries():
            if country["code"] == code.upper():
                return int(country["id"])
        raise Hold(
            f"unknown country {code}",
            hint="Correct the country of the address in Clarity. {again}",
        )

    def country_code(self, id: int) -> str | None:
        """The ISO 3166 code of a country; None for one that has no code in Odoo."""
        for fresh in (False, True):
            for country in self._countries(fresh):
                if country["id"] == id:
                    return str(country["code"]) if country["code"] else None
        return None

    def state(self, country: int, region: str) -> int | None:
        """The state of a country by code or name; None when Odoo has none such, or several."""
        states = self._keep(
            f"states {country}",
            lambda: self._search("res.country.state", [["country_id", "=", country]], "code", "name"),
        )
        wanted = region.strip().casefold()
        for column in ("code", "name"):
            found = [state for state in states if str(state[column]).casefold() == wanted]
            if found:
                return int(found[0]["id"]) if len(found) == 1 else None
        return None

    def carrier(self, name: str) -> int | None:
        """The delivery method of that name; None when there is none, or Odoo has no app for deliveries.

        An order goes without it, so one that is made in Odoo is found a minute later.
        """

        def fetch() -> list[Row]:
            try:
                return self._named_there(CARRIER, name)
            except NotInstalled:
                return []

        rows = self._keep(f"{CARRIER} {name}", fetch)
        return int(rows[0]["id"]) if len(rows) == 1 else None

    def payment_term(self, name: str) -> int:
        """The payment term of that name; `Hold` when none or several have it."""
        return self._only(
            lambda fresh: self._named("account.payment.term", name, fresh),
            None,
            f"payment term “{name}”",
            "In Odoo (Accounting, Configuration, Payment Terms) have exactly one of this name, or correct "
            "mappings/tables/payment_terms.json and run `fleet mapping publish`. {again}",
        )

    def journal(self, name: str) -> int:
        """The journal of that name; `Hold` when none or several have it."""
        return self._only(
            lambda fresh: self._named("account.journal", name, fresh),
            None,
            f"journal “{name}”",
            "In Odoo (Accounting, Configuration, Journals) have exactly one of this name, of type Bank, Cash or Credit "
            "Card; or correct mappings/tables/odoo_journals.json and run `fleet mapping publish`. {again}",
        )

    def category(self, name: str) -> int:
        """The product category of that full name ("Goods / Tools"); `Hold` when none or several have it."""
        return self._of_full_name("product.category", name, "product category", "Product Categories", "odoo_categories")

    def location(self, name: str) -> int:
        """The location of that full name ("WH/Repair"); `Hold` when none or several have it."""
        return self._of_full_name("stock.location", name, "location", "Locations", "return_reasons")

    def _of_full_name(self, model: str, name: str, noun: str, menu: str, table: str) -> int:
        return self._only(
            lambda fresh: self._named(model, name, fresh, by="complete_name"),
            None,
            f"{noun} “{name}”",
            f"In Odoo (Inventory, Configuration, {menu}) have exactly one of this full name, or correct "
            f"mappings/tables/{table}.json and run `fleet mapping publish`. {{again}}",
        )

    def taxes_included(self, taxes: Collection[int] | None) -> set[bool]:
        """Whether these sales taxes are in the price (of a product that has several of each kind: both).

        None: those that a new product gets, the company's.  Taxes of nothing do not count.
        """
        field = "account_sale_tax_id"
        if taxes is None and field not in self.fields("res.company"):
            return set()
        if taxes is None:
            (company,) = self._client.call("res.company", "read", [self.company()["id"]], fields=[field])
            taxes = company[field][:1] if company[field] else ()
        return {bool(tax["price_include"]) for tax in self._taxes(False) if tax["id"] in taxes and tax["amount"]}

    def uom(self, name: str) -> int:
        """The unit of measure of that name; `Hold` when none or several have it."""
        return self._only(
            lambda fresh: self._named("uom.uom", name, fresh),
            None,
            f"unit of measure “{name}”",
            "In Odoo (Inventory, Configuration, Units of Measure) have exactly one of this name, or correct "
            "mappings/tables/uoms.json and run `fleet mapping publish`. {again}",
        )

    def own_uom(self, product: int) -> int:
        """The id of the product's own unit of measure."""
        return int(self._sold_in(product)["uom_id"])

    def uom_of(self, name: str, product: int) -> int:
        """The unit of that name, in which the product is sold; `Hold` when none has the name, or it is not sold in it.

        A product is sold in its own unit, in its packagings (since 19), and in what converts into its own unit.  Odoo
        itself takes any unit, and makes 2 pieces of 2 kg of a product that is kept in pieces (Odoo 19.0).
        """
        uom = self.uom(name)
        for fresh in (False, True):
            sold_in = self._sold_in(product, fresh)
            own = sold_in["uom_id"]
            if uom in (own, *sold_in.get("uom_ids", ())) or self._unit(uom).family == self._unit(own, fresh).family:
                return uom
        raise Hold(
            f"a line is in “{name}”, but the product #{product} is not sold in that unit",
            hint="In Odoo (Inventory, Products) add the unit to the product's Packagings, or say on the unit how many "
            "of the product's own unit it holds; or correct the unit in Clarity, or in mappings/tables/uoms.json and "
            "run `fleet mapping publish`. {again}",
            code="unit_differs",
        )

    def converted(self, quantity: Decimal, uom: int, into: int) -> Decimal:
        """The quantity in another unit of measure of the same kind, exact to 6 decimals."""
        if uom == into:
            return quantity
        return exact(quantity * self._unit(uom).size / self._unit(into).size)

    def rounding_method(self, company: int, fresh: bool = False) -> str:
        """Where the company rounds taxes, per line or globally: its ``tax_calculation_rounding_method``."""
        field = "tax_calculation_rounding_method"
        rows = self._keep(
            f"rounding of {company}",
            lambda: self._client.call("res.company", "read", [company], fields=[field]),
            fresh,
        )
        return str(rows[0][field])

    def fields(self, model: str, fresh: bool = False) -> frozenset[str]:
        """The names of a model's fields, which differ between versions and installed apps; none where it is absent."""

        def fetch() -> frozenset[str]:
            try:
                return frozenset(self._client.call(model, "fields_get", attributes=["type"]))
            except NotInstalled:
                return frozenset()

        return self._keep(f"fields {model}", fetch, fresh)

    def _fetch_products(self, skus: list[str]) -> dict[str, int]:
        by_sku: dict[str, list[Row]] = defaultdict(list)
        domain = [["default_code", "in", sorted(skus)], *self.open_to_us()]
        for row in self._search("product.product", domain, "default_code", "company_id"):
            by_sku[row["default_code"]].append(row)
        doubled = sorted(sku for sku, rows in by_sku.items() if len(rows) > 1)
        if doubled:
            raise Hold(
                f"several products have the SKU {', '.join(doubled)}",
                hint="In Odoo give these products different Internal References. {again} Archive "
                "one only if nobody sells it: a product without company is that of every company of this Odoo.",
                code="ambiguous_sku",
            )
        found = {sku: int(rows[0]["id"]) for sku, rows in by_sku.items()}
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        self._kept.update({f"product {sku}": (time.monotonic(), id) for sku, id in found.items()})
        return found

    def _sold_in(self, product: int, fresh: bool = False) -> Row:
        columns = sorted({"uom_id", "uom_ids"} & self.fields("product.product"))
        rows = self._keep(
            f"units of {product}",
            lambda: self._client.call("product.product", "read", [product], fields=columns, load=None),
            fresh,
        )
        return dict(rows[0])

    def _unit(self, id: int, fresh: bool = False) -> Unit:
        units = self._keep("units", self._units, fresh)
        return units[id] if id in units else self._keep("units", self._units, fresh=True)[id]

    def _units(self) -> dict[int, Unit]:
        """Since 19 the ``factor`` is the size, and units are so many of another; before, it was the inverse."""
        since_19 = "relative_factor" in self.fields("uom.uom")
        columns = ("factor", "relative_uom_id" if since_19 else "category_id")
        rows = {row["id"]: row for row in self._search("uom.uom", [["active", "in", [True, False]]], *columns)}
        if since_19:
            return {id: Unit(Decimal(row["factor"]), _root(rows, id)) for id, row in rows.items()}
        return {id: Unit(1 / Decimal(row["factor"]), row["category_id"][0]) for id, row in rows.items()}

    def _countries(self, fresh: bool = False) -> list[Row]:
        return self._keep("countries", lambda: self._search("res.country", [], "code"), fresh)

    def _taxes(self, fresh: bool) -> list[Row]:
        company = self.company(fresh)["id"]
        domain = [
            ["type_tax_use", "=", "sale"],
            ["amount_type", "=", "percent"],
            ["company_id", "=", company],
        ]
        columns = ("name", "amount", "price_include")
        return self._keep("taxes", lambda: self._search("account.tax", domain, *columns), fresh)

    def _pricelists(self, fresh: bool) -> list[Row]:
        return self._keep(
            "pricelists",
            lambda: self._search("product.pricelist", self.open_to_us(), "name", "currency_id"),
            fresh,
        )

    def _named(self, model: str, name: str, fresh: bool, by: str = "name") -> list[Row]:
        return self._keep(f"{model} {name}", lambda: self._named_there(model, name, by), fresh)

    def _named_there(self, model: str, name: str, by: str = "name") -> list[Row]:
        domain = [[by, "=", name], *(self.open_to_us() if model in OF_COMPANIES else ())]
        return self._search(model, domain, "name")

    def _only(
        self, rows: Callable[[bool], list[Row]], option: str | None, what: str, hint: str, named: str | None = None
    ) -> int:
        """The id of the one row; of several the one that is ``named``, or whose name the option gives."""
        name = named or (self._system.options.get(option) if option else None)
        for fresh in (False, True):
            found = rows(fresh)
            if name:
                found = [row for row in found if row["name"] == name]
            if len(found) == 1:
                return int(found[0]["id"])
        if name:
            what = f"{what} named “{name}”"
        if found:
            raise Hold(f"more than one {what}", hint=hint, code="ambiguous_at_target")
        raise Hold(f"no {what}", hint=hint, code="not_found_at_target")

    def _search(self, model: str, domain: list[Any], *fields: str) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=list(fields))
        return rows

    def _recall(self, key: str) -> Any:
        at, kept = self._kept.get(key, (float("-inf"), None))
        return kept if time.monotonic() - at < (SLOW_SECONDS if kept else ABSENT_SECONDS) else None

    def _keep(self, key: str, fetch: Callable[[], T], fresh: bool = False) -> T:
        kept: T | None = None if fresh else self._recall(key)
        if kept is None:
            kept = fetch()
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), kept)
        return kept


def _root(units: Mapping[int, Row], id: int) -> int:
    """The unit that this one is so many of, in the end."""
    larger = units[id]["relative_uom_id"]
    return _root(units, larger[0]) if larger else id
