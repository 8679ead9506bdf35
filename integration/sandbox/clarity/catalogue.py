"""The products and markets that made-up orders are composed of."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from integration.sandbox.clarity.records import Document, now, save

PARTS = ("Bracket", "Hinge", "Handle", "Castor", "Gasket", "Bearing", "Coupling", "Valve", "Filter", "Clamp")
SIZES = ("XS", "S", "M", "L", "XL", "XXL")


@dataclass(frozen=True)
class Product:
    """One product; ``price`` in euros."""

    sku: str
    name: str
    kind: str
    price: Decimal


@dataclass(frozen=True)
class Market:
    """Where and how a customer buys.  ``scale`` turns a price in euros into one in the market's currency.

    ``taxes`` are the codes with their rates that apply, together, to every line and to shipping.
    """

    country: str
    city: str
    postal_code: str
    streets: tuple[str, ...]
    people: tuple[str, ...]
    company: str
    taxes: tuple[tuple[str, str], ...]
    tax_included: bool = True
    region: str | None = None
    currency: str = "EUR"
    scale: Decimal = Decimal(1)
    shipping: str = "STD"


PRODUCTS = (
    *(
        Product(
            f"SKU-{number}",
            f"{PARTS[number % 10]} {SIZES[number // 10 % 6]}",
            "physical",
            Decimal(195 + number * 137 % 4100) / 100,
        )
        for number in range(1, 61)
    ),
    Product("SHIRT-BLUE-M", "Shirt, blue, M", "physical", Decimal("24.90")),
    Product("MUG-01", "Mug", "physical", Decimal("12.30")),
    Product("EBOOK-01", "E-book: The Road", "digital", Decimal("9.99")),
    Product("GIFTCARD-50", "Gift card 50", "gift_card", Decimal("50.00")),
    Product("INSTALL-SVC", "Installation on site", "service", Decimal("79.00")),
)
BY_SKU = {product.sku: product for product in PRODUCTS}
SHIPPABLE = tuple(product for product in PRODUCTS if product.kind == "physical")

GERMANY = Market(
    country="DE",
    city="Köln",
    postal_code="50667",
    streets=("Schildergasse", "Hohe Straße"),
    people=("Anna Schröder", "Jörg Müller", "Katrin Weiß"),
    company="Nordlicht Werkzeuge GmbH",
    taxes=(("VAT19", "0.19"),),
)
POLAND = Market(
    country="PL",
    city="Łódź",
    postal_code="90-001",
    streets=("ul. Piotrkowska", "ul. Źródłowa"),
    people=("Zażółć Gęślą", "Łukasz Świętek", "Małgorzata Żak"),
    company="Łódź Części Sp. z o.o.",
    taxes=(("VAT23", "0.23"),),
)
FRANCE = Market(
    country="FR",
    city="Lyon",
    postal_code="69002",
    streets=("Rue Mercière", "Quai Saint-Antoine"),
    people=("Élodie Lefèvre", "Benoît Garçon", "Maëlle Noël"),
    company="Ateliers du Rhône SARL",
    taxes=(("VAT20", "0.20"),),
)
NETHERLANDS = Market(
    country="NL",
    city="Utrecht",
    postal_code="3511 AB",
    streets=("Oudegracht", "Voorstraat"),
    people=("Daan de Vries", "Sanne Jansen", "Noor van Dijk"),
    company="Domstad Techniek B.V.",
    taxes=(("VAT21", "0.21"),),
)
TEXAS = Market(
    country="US",
    city="Austin",
    postal_code="78701",
    streets=("Congress Ave", "Guadalupe St"),
    people=("Maria Lopez", "James O'Neil", "Dana Whitfield"),
    company="Lone Star Fixtures LLC",
    taxes=(("SALES825", "0.0825"),),
    region="TX",
    tax_included=False,
    currency="USD",
    scale=Decimal("1.08"),
    shipping="GROUND",
)
ILLINOIS = Market(
    country="US",
    city="Springfield",
    postal_code="62701",
    streets=("Monroe St", "Adams St"),
    people=("Casey Brown", "Robin Lee", "Pat Kowalczyk"),
    company="Prairie Supply Inc.",
    taxes=(("SALES625", "0.0625"),),
    region="IL",
    tax_included=False,
    currency="USD",
    scale=Decimal("1.08"),
    shipping="GROUND",
)
CANADA = Market(
    country="CA",
    city="Vancouver",
    postal_code="V6B 1A1",
    streets=("Granville St", "Robson St"),
    people=("Chloé Tremblay", "Liam Chan", "Priya Singh"),
    company="Pacific Rim Parts Ltd.",
    taxes=(("VAT5", "0.05"), ("VAT7", "0.07")),
    region="BC",
    tax_included=False,
    currency="USD",
    scale=Decimal("1.08"),
    shipping="GROUND",
)
JAPAN = Market(
    country="JP",
    city="渋谷区",
    postal_code="150-0002",
    streets=("道玄坂", "宇田川町"),
    people=("佐藤 美咲", "鈴木 大輔", "高橋 結衣"),
    company="渋谷工具株式会社",
    taxes=(("VAT10", "0.10"),),
    currency="JPY",
    scale=Decimal(160),
)
KUWAIT = Market(
    country="KW",
    city="Kuwait City",
    postal_code="15300",
    streets=("Fahad Al-Salem St", "شارع السالمية"),
    people=("Noura Al-Sabah", "Yousef Al-Ali", "ليلى أحمد"),
    company="Gulf Fittings Co.",
    taxes=(("VAT5", "0.05"),),
    tax_included=False,
    currency="KWD",
    scale=Decimal("0.331"),
)
EURO_MARKETS = (GERMANY, POLAND, FRANCE, NETHERLANDS)


def stock(db: sqlite3.Connection) -> None:
    """Adds the products that are not there yet."""
    at = now()
    present = {row["number"] for row in db.execute("SELECT number FROM objects WHERE kind = 'product'")}
    for number, product in enumerate(PRODUCTS, start=1):
        if product.sku not in present:
            save(db, "product", _document(f"p-{number}", product, at))


def _document(id: str, product: Product, at: str) -> Document:
    return {
        "id": id,
        "sku": product.sku,
        "name": product.name,
        "kind": product.kind,
        "description": None,
        "price": str(product.price),
        "currency": "EUR",
        "taxIncluded": None,
        "uom": "EA",
        "weight": None,
        "barcode": None,
        "category": None,
        "images": [],
        "status": "active",
        "variants": [],
        "version": 1,
        "createdDate": at,
        "updatedDate": at,
        "customAttributes": {},
    }
