"""What a new fake starts with: one company in euro, and the catalogue an order points at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from babel import Locale
from babel.numbers import get_currency_precision, get_currency_symbol

from integration.sandbox.odoo.database import Database
from integration.sandbox.odoo.states import states_of

INTEGRATION_USER = 5
"""The user's id: 1 is Odoo's own, 2 the administrator, 3 and 4 are its templates."""
OTHER_COMPANY_ID = 2
"""A second company, in which the integration user may work, too: Odoo shows the records of both."""

CURRENCIES = (
    "EUR USD GBP JPY KWD PLN CHF CAD SEK NOK DKK CZK HUF RON AUD NZD CNY HKD SGD KRW INR BRL MXN ZAR AED SAR TRY"
)
PRICELISTS = "EUR USD GBP JPY KWD PLN CHF CAD SEK"
TAX_RATES = (0.0, 5.0, 6.25, 7.0, 8.0, 8.25, 10.0, 19.0, 20.0, 21.0, 22.0, 23.0, 25.0)
PAYMENT_TERMS = ("Immediate Payment", "15 Days", "21 Days", "30 Days", "45 Days", "60 Days")
CARRIERS = ("FEDEX_PRIORITY", "FEDEX_GROUND", "UPS_STANDARD", "STANDARD", "PICKUP")
CATEGORIES = ("Goods", "Expenses", "Services", "Deliveries")
PRODUCTS = (
    ("SHIRT-BLUE-M", "T-shirt, blue, M", "consu", 19.9),
    ("MUG-01", "Coffee mug", "consu", 8.5),
    ("EBOOK-01", "E-book", "service", 12.0),
    ("GIFTCARD-50", "Gift card 50", "service", 50.0),
    ("INSTALL-SVC", "Installation service", "service", 80.0),
)
_EXTERNAL_COUNTRY = {"GB": "uk"}
_NO_COUNTRY = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
"""Babel's territories that no address is in."""


class _Seeding:
    """Inserts records as the installation would have, without the checks a caller's records go through."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        self._stamp = {"create_date": now, "create_uid": 1, "write_date": now, "write_uid": 1, "active": True}

    def add(self, model: str, external_id: str = "", /, **values: Any) -> int:
        id = self._database.insert(model, {**self._stamp, **values})
        if external_id:
            names = {"complete_name": f"base.{external_id}", "target": f"{model},{id}"}
            self._database.insert("ir.model.data", {"model": model, "res_id": id, **names})
        return id

    def own_template(self, product: int) -> None:
        self._database.update("product.product", product, {"product_tmpl_id": product})


def seed(database: Database, username: str) -> None:
    """Fills an empty ``database``; ``username`` is the integration user's login."""
    records = _Seeding(database)
    currencies = _money(records)
    countries = _countries(records)
    _company(records, username, euro=currencies["EUR"], country=countries["DE"])
    _trade(records, currencies, countries["DE"])
    _products(records)
    _other_company(records, euro=currencies["EUR"], country=countries["DE"])


def _money(records: _Seeding) -> dict[str, int]:
    names = Locale("en").currencies
    return {
        code: records.add(
            "res.currency",
            name=code,
            full_name=names[code],
            symbol=get_currency_symbol(code, "en"),
            rounding=float(f"1e-{get_currency_precision(code)}"),
            position="after",
        )
        for code in CURRENCIES.split()
    }


def _countries(records: _Seeding) -> dict[str, int]:
    names = {str(code): name for code, name in Locale("en").territories.items()}
    countries = {}
    for code in sorted(code for code in names if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY):
        countries[code] = records.add(
            "res.country", _EXTERNAL_COUNTRY.get(code, code.lower()), name=names[code], code=code
        )
        for state, name in states_of(code):
            records.add("res.country.state", name=name, code=state, country_id=countries[code])
    return countries


def _company(records: _Seeding, username: str, *, euro: int, country: int) -> None:
    contact = {"type": "contact", "lang": "en_US"}
    records.add("res.partner", "main_partner", name="My Company", is_company=True, country_id=country, **contact)
    records.add(
        "res.company",
        name="My Company",
        partner_id=1,
        currency_id=euro,
        country_id=country,
        tax_calculation_rounding_method="round_per_line",
        account_price_include="tax_excluded",
    )
    for id, login in ((1, "__system__"), (2, "admin"), (3, "template"), (4, "public"), (INTEGRATION_USER, username)):
        partner = records.add("res.partner", name=login, is_company=False, **contact)
        user = records.add(
            "res.users",
            login=login,
            name=login,
            company_id=1,
            company_ids=[1, OTHER_COMPANY_ID] if id == INTEGRATION_USER else [1],
            partner_id=partner,
            lang="en_US",
            active=id in (2, INTEGRATION_USER),
        )
        assert user == id


def _other_company(records: _Seeding, *, euro: int, country: int) -> None:
    """Another company that has the same SKU, payment term and carrier as the first."""
    contact = {"type": "contact", "lang": "en_US", "country_id": country}
    partner = records.add("res.partner", name="Second Company", is_company=True, **contact)
    id = records.add(
        "res.company",
        name="Second Company",
        partner_id=partner,
        currency_id=euro,
        country_id=country,
        tax_calculation_rounding_method="round_globally",
        account_price_include="tax_excluded",
    )
    assert id == OTHER_COMPANY_ID
    _product(records, "MUG-01", "Coffee mug of the second company", "consu", 9.9, company=id)
    records.add("account.payment.term", name="30 Days", sequence=99, company_id=id)
    records.add("delivery.carrier", name="FEDEX_GROUND", product_id=1, sequence=99, company_id=id, fixed_price=0.0)


def _trade(records: _Seeding, currencies: dict[str, int], country: int) -> None:
    whole = {"relative_factor": 1.0, "factor": 1.0, "rounding": 0.01}
    units = records.add("uom.uom", name="Units", sequence=100, **whole)
    six = {"relative_factor": 6.0, "factor": 6.0, "rounding": 0.01, "relative_uom_id": units}
    records.add("uom.uom", name="Pack of 6", sequence=600, **six)
    for base, larger, size in (("Hours", "Days", 8.0), ("g", "kg", 1000.0)):
        smaller = records.add("uom.uom", name=base, sequence=100, **whole)
        sizes = {"relative_factor": size, "factor": size, "rounding": 0.01, "relative_uom_id": smaller}
        records.add("uom.uom", name=larger, sequence=100, **sizes)
    gift_cards = (8, "Gift Cards", "GIFT", "cash")
    for sequence, name, code, type in ((5, "Sales", "INV", "sale"), (7, "Bank", "BNK1", "bank"), gift_cards):
        records.add("account.journal", name=name, code=code, type=type, sequence=sequence, company_id=1)
    records.add("crm.team", name="Sales", company_id=1, sequence=10)
    records.add("stock.warehouse", name="My Company", code="WH", company_id=1)
    for name, usage in (("WH/Stock", "internal"), ("Customers", "customer")):
        records.add("stock.location", name=name.rpartition("/")[2], complete_name=name, usage=usage)
    for name, code, to in (("Receipts", "incoming", 1), ("Delivery Orders", "outgoing", 2)):
        place = {"default_location_dest_id": to, "return_picking_type_id": 1}
        records.add("stock.picking.type", name=name, code=code, warehouse_id=1, company_id=1, **place)
    for number, code in enumerate(PRICELISTS.split(), start=1):
        name = "Default" if number == 1 else code
        records.add("product.pricelist", name=name, currency_id=currencies[code], company_id=1, sequence=number)
    for rate in TAX_RATES:
        for included in (False, True):
            _tax(records, rate, country, included=included)
    _tax(records, 0.0, country, included=False, name="0% Exports")
    for number, name in enumerate(PAYMENT_TERMS, start=1):
        records.add("account.payment.term", name=name, sequence=number)


def _tax(records: _Seeding, rate: float, country: int, *, included: bool, name: str = "") -> None:
    records.add(
        "account.tax",
        name=name or f"{rate:g}% {'incl' if included else 'excl'}",
        amount=rate,
        amount_type="percent",
        type_tax_use="sale",
        price_include=included,
        price_include_override="tax_included" if included else "tax_excluded",
        include_base_amount=False,
        is_base_affected=True,
        sequence=1,
        company_id=1,
        country_id=country,
    )


def _products(records: _Seeding) -> None:
    numbered = tuple((f"SKU-{number}", f"Product {number}", "consu", 10.0 + number) for number in range(1, 61))
    for name in CATEGORIES:
        records.add("product.category", name=name)
    delivery = ("DELIVERY", "Delivery", "service", 0.0)
    for code, name, type, price in (delivery, *numbered, *PRODUCTS):
        _product(records, code, name, type, price)
    for number, name in enumerate(CARRIERS, start=1):
        fixed = {"delivery_type": "fixed", "integration_level": "rate_and_ship", "fixed_price": 0.0}
        records.add("delivery.carrier", name=name, product_id=1, sequence=number, company_id=False, **fixed)


def _product(records: _Seeding, code: str, name: str, type: str, price: float, company: int | bool = False) -> None:
    id = records.add(
        "product.product",
        name=name,
        default_code=code,
        company_id=company,
        type=type,
        is_storable=False,
        list_price=price,
        uom_id=1,
        taxes_id=[],
        sale_ok=True,
        purchase_ok=True,
        invoice_policy="order",
        service_tracking="no",
    )
    records.own_template(id)
